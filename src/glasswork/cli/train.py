"""`glasswork train`: a whole run from its recipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from glasswork.cli.command import Report
from glasswork.cli.printing import printable, say, show_table
from glasswork.cli.usage import UsageError

if TYPE_CHECKING:
    from glasswork.training import TrainEvent

LINE_EVERY = 10.0  # seconds, where there is no terminal to draw a bar on


@dataclass(kw_only=True)
class Train(Report):
    """Train a recipe; weights, their card and the course of the run are left in a folder."""

    recipe: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RECIPE")]
    """The recipe's name, which is the trained network's."""
    data: Annotated[str | None, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = None
    """Another data set than the recipe's."""
    out: Annotated[str | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="(default: runs/RECIPE)")] = None
    """The run's folder."""
    steps: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Another number of steps; the learning rate's course is fitted to it."""
    seconds: Annotated[float | None, tyro.conf.arg(metavar="S", help_behavior_hint="")] = None
    """Stop after this time and keep what there is."""
    seed: Annotated[int | None, tyro.conf.arg(metavar="S", help_behavior_hint="")] = None
    """Another seed."""
    set: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """Any other setting, such as learning_rate=1e-3 or sizes.width=12."""

    def result(self) -> dict[str, Any]:
        """The contract's result of a run."""
        settings = self._settings()
        from glasswork import recipes, training

        events = recipes.run(
            self.recipe,
            data=self.data,
            out=self.out,
            steps=self.steps,
            seconds=self.seconds,
            seed=self.seed,
            settings=settings,
        )
        last: training.Finished | None = None
        for event in _with_bar(events) if sys.stderr.isatty() else _with_lines(events):
            last = event if isinstance(event, training.Finished) else None
        assert last is not None
        return {
            "run": last.run,
            "recipe": last.recipe,
            "steps": last.steps,
            "steps_per_second": last.steps_per_second,
            "final": dict(last.final),
            "checkpoint": str(last.checkpoint),
        }

    def show(self, result: dict[str, Any]) -> None:
        """Where it is and how good it is."""
        show_table(
            ("score on held-out data", "value"), [(k, f"{v:.4f}") for k, v in result["final"].items()], ("value",)
        )
        say(f"{result['steps']:,} steps at {result['steps_per_second']:.1f} a second; weights in {result['run']}")
        say(f"Look inside: glasswork {result['run']}")

    def _settings(self) -> dict[str, str]:
        where = "glasswork train"
        if self.steps is not None and self.steps < 1:
            raise UsageError("--steps must be 1 or more", where=where, why=f"it is {self.steps}")
        if self.seconds is not None and not self.seconds > 0:
            raise UsageError("--seconds must be more than 0", where=where, why=f"it is {self.seconds}")
        if self.seed is not None and self.seed < 0:
            raise UsageError("--seed can't be negative", where=where, why=f"it is {self.seed}")
        pairs = [text.partition("=") for text in self.set]
        for key, equals, value in pairs:
            if not (key and equals and value):
                raise UsageError(f"--set {key}{equals}{value} sets nothing", where=where, why="expected key=value")
        return {key: value for key, _, value in pairs}


def _with_bar(events: Iterator[TrainEvent]) -> Iterator[TrainEvent]:
    """The events, and a bar on the terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from glasswork.training import Evaluated, Started, Stepped

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("", state="", total=None)
        for event in events:
            if isinstance(event, Started):
                progress.update(bar, description=escape(printable(event.recipe)), total=event.steps)
                progress.console.print(_line(event), markup=False, highlight=False)
            elif isinstance(event, Stepped):
                state = f"step {event.step:,}, loss {event.loss:.3f}"
                progress.update(bar, completed=event.step, state=state)
            elif isinstance(event, Evaluated):
                progress.console.print(_line(event), markup=False, highlight=False)
            yield event


def _with_lines(events: Iterator[TrainEvent]) -> Iterator[TrainEvent]:
    """The events, and a line for each that is worth one."""
    from glasswork.training import Finished, Stepped

    told = 0.0
    for event in events:
        if isinstance(event, Stepped) and event.step > 1 and event.seconds - told < LINE_EVERY:
            yield event
            continue
        if isinstance(event, Stepped):
            told = event.seconds
        if not isinstance(event, Finished):
            print(_line(event), flush=True)
        yield event


def _line(event: TrainEvent) -> str:
    from glasswork.training import Evaluated, Started, Stepped

    match event:
        case Started():
            text = f"{event.recipe}: {event.parameters:,} parameters, {event.examples:,} pictures, into {event.run}"
        case Stepped():
            text = f"step {event.step:,}: loss {event.loss:.4f} after {event.seconds:.0f} s"
        case Evaluated():
            scores = ", ".join(f"{name} {value:.4f}" for name, value in event.scores.items())
            text = f"step {event.step:,}: {scores or 'no pictures set aside'}{' (best so far)' if event.best else ''}"
        case _:
            text = ""
    return printable(text)
