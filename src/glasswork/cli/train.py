"""`glasswork train`: a whole run from its recipe."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from glasswork.cli.command import Flag, Report
from glasswork.cli.printing import as_json, printable, say, show_table
from glasswork.cli.usage import UsageError

if TYPE_CHECKING:
    from glasswork.training import TrainEvent

LINE_EVERY = 10.0  # seconds, where there is no terminal to draw a bar on


@dataclass(kw_only=True)
class Train(Report):
    """Train a recipe; weights, their card and the course of the run are left in a folder."""

    recipe: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RECIPE")]
    """The recipe's name, which is the trained network's."""
    data: Annotated[str | None, tyro.conf.arg(metavar="DATA", help_behavior_hint="")] = None
    """Another data set than the recipe's: a name, or your own as folder:DIR, imagenet:DIR, csv:FILE or text:FILE."""
    start: Annotated[str | None, tyro.conf.arg(name="from", metavar="TARGET", help_behavior_hint="")] = None
    """Begin from a trained network's weights: one that ships, a run folder, torchvision:NAME or timm:NAME."""
    out: Annotated[str | None, tyro.conf.arg(metavar="DIR", help_behavior_hint="(default: runs/RECIPE)")] = None
    """The run's folder."""
    steps: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Another number of steps; the learning rate's course is fitted to it."""
    seconds: Annotated[float | None, tyro.conf.arg(metavar="S", help_behavior_hint="")] = None
    """Stop after this time and keep what there is."""
    seed: Annotated[int | None, tyro.conf.arg(metavar="S", help_behavior_hint="")] = None
    """Another seed."""
    save_every: Annotated[int | None, tyro.conf.arg(metavar="N", help_behavior_hint="")] = None
    """Steps between two checkpoints."""
    resume: Flag = False
    """Go on with the run in --out, or with the recipe's newest; begin where there is none."""
    devices: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Processes on this machine; each step's examples are shared out among all."""
    nodes: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Machines; give the same command on each, with a folder in --out that all of them see."""
    meet: Annotated[str, tyro.conf.arg(metavar="HOST:PORT", help_behavior_hint="")] = ""
    """Where several machines find each other: one of them, and a free port."""
    set: Annotated[tyro.conf.UseAppendAction[tuple[str, ...]], tyro.conf.arg(metavar="KEY=VALUE")] = ()
    """Any other setting, such as learning_rate=1e-3 or sizes.width=12."""
    show_settings: Annotated[bool, tyro.conf.arg(name="show", help_behavior_hint="")] = False
    """Train nothing; print every setting and who decided it: default, recipe or command line."""

    def __post_init__(self) -> None:
        self.exit_code: int | None = None

    def run(self) -> int | None:
        """Train, or show the settings."""
        if self.show_settings:
            self._show_settings()
            return None
        from glasswork.training import launching

        if self.devices * self.nodes > 1 and not launching.is_one_of_many():
            return self._launch()
        if launching.number():  # the first process tells
            with contextlib.redirect_stdout(None):
                self.result()
        else:
            super().run()
        return self.exit_code

    def _launch(self) -> int:
        """Start this same command in many processes."""
        from glasswork import recipes, training
        from glasswork.training import launching

        if self.nodes > 1 and not (self.meet and self.out):
            why = "they need one folder and one place to find each other"
            raise UsageError(f"{self.nodes} machines", where="glasswork train", why=why, todo="Give --out and --meet.")
        recipes.config(self.recipe).changed(recipes.changes(**self._settings()))  # bad usage is told once, here
        folder = training.latest_folder if self.resume else training.free_folder
        arguments = ["train", self.recipe, "--out", self.out or str(folder(self.recipe))]
        for name in ("data", "start", "steps", "seconds", "seed", "save_every"):
            if (value := getattr(self, name)) is not None:
                arguments += [f"--{'from' if name == 'start' else name.replace('_', '-')}", str(value)]
        arguments += [word for pair in self.set for word in ("--set", pair)]
        arguments += [f"--{name}" for name in ("resume", "json", "debug") if getattr(self, name)]
        return launching.launch(arguments, self.devices, self.nodes, self.meet)

    def result(self) -> dict[str, Any]:
        """The contract's result of a run."""
        settings = self._settings()
        from glasswork import recipes, training
        from glasswork.training import launching

        resume = self.resume or launching.is_restarted()
        with training.asked_to_stop() as request:
            events = recipes.run(
                self.recipe, out=self.out, seconds=self.seconds, resume=resume, stop=request, **settings
            )
            last: training.TrainEvent | None = None
            for event in _with_bar(events) if sys.stderr.isatty() else _with_lines(events):
                last = event
        if isinstance(last, training.Stopped):
            self.exit_code = request.exit_code
            return {
                "run": last.run,
                "recipe": last.recipe,
                "steps": last.step,
                "steps_per_second": 0.0,
                "final": {},
                "checkpoint": str(last.checkpoint),
                "stopped": True,
            }
        assert isinstance(last, training.Finished)
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
        if result.get("stopped"):
            say(f"Stopped at step {result['steps']:,}; the state is in {result['checkpoint']}")
            say(f"Go on: glasswork train {result['recipe']} --resume --out {result['run']}")
            return
        show_table(
            ("score on held-out data", "value"), [(k, f"{v:.4f}") for k, v in result["final"].items()], ("value",)
        )
        say(f"{result['steps']:,} steps at {result['steps_per_second']:.1f} a second; weights in {result['run']}")
        say(f"Look inside: glasswork {result['run']}")

    def _settings(self) -> dict[str, Any]:
        """What was asked for, as recipes.run and recipes.changes take it."""
        where = "glasswork train"
        for name, least in (("steps", 1), ("save_every", 1), ("seed", 0), ("devices", 1), ("nodes", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(
                    f"--{name.replace('_', '-')} must be {least} or more", where=where, why=f"it is {value}"
                )
        if self.seconds is not None and not self.seconds > 0:
            raise UsageError("--seconds must be more than 0", where=where, why=f"it is {self.seconds}")
        pairs = [text.partition("=") for text in self.set]
        for key, equals, value in pairs:
            if not (key and equals and value):
                raise UsageError(f"--set {key}{equals}{value} sets nothing", where=where, why="expected key=value")
        return {
            "data": self.data,
            "start": self.start,
            "steps": self.steps,
            "seed": self.seed,
            "save_every": self.save_every,
            "settings": {key: value for key, _, value in pairs},
        }

    def _show_settings(self) -> None:
        from glasswork import recipes, training

        told = training.origins(recipes.config(self.recipe), recipes.changes(**self._settings()))
        if self.json:
            print(as_json({name: {"value": value, "origin": origin} for name, (value, origin) in told.items()}))
            return
        show_table(("setting", "value", "decided by"), [(n, str(v), origin) for n, (v, origin) in told.items()])


def _with_bar(events: Iterator[TrainEvent]) -> Iterator[TrainEvent]:
    """The events, and a bar on the terminal."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from glasswork.training import Evaluated, Started, Stepped, Warned

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[state]}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("", state="", total=None)
        for event in events:
            if isinstance(event, Started):
                progress.update(
                    bar, description=escape(printable(event.recipe)), total=event.steps, completed=event.step
                )
                progress.console.print(_line(event), markup=False, highlight=False)
            elif isinstance(event, Stepped):
                state = f"step {event.step:,}, loss {event.loss:.3f}"
                progress.update(bar, completed=event.step, state=state)
            elif isinstance(event, (Evaluated, Warned)):
                progress.console.print(_line(event), markup=False, highlight=False)
            yield event


def _with_lines(events: Iterator[TrainEvent]) -> Iterator[TrainEvent]:
    """The events, and a line for each that is worth one."""
    from glasswork.training import Stepped

    told = 0.0
    for event in events:
        if isinstance(event, Stepped) and event.step > 1 and event.seconds - told < LINE_EVERY:
            yield event
            continue
        if isinstance(event, Stepped):
            told = event.seconds
        if line := _line(event):
            print(line, flush=True)
        yield event


def _line(event: TrainEvent) -> str:
    from glasswork.training import Evaluated, Started, Stepped, Warned

    match event:
        case Started():
            text = f"{event.recipe}: {event.parameters:,} parameters, {event.examples:,} examples, into {event.run}"
            text += f", resumed at step {event.step:,}" if event.step else ""
        case Stepped():
            text = f"step {event.step:,}: loss {event.loss:.4f} after {event.seconds:.0f} s"
        case Evaluated():
            scores = ", ".join(f"{name} {value:.4f}" for name, value in event.scores.items())
            text = f"step {event.step:,}: {scores or 'no examples set aside'}{' (kept)' if event.kept else ''}"
        case Warned():
            text = f"step {event.step:,}: {event.text}"
        case _:
            text = ""
    return printable(text)
