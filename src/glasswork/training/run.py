"""A run in its folder: what it was, how it went, and what came out.

runs/NAME/run.json            the recipe's name and every setting
runs/NAME/environment.json    versions and machine
runs/NAME/metrics.jsonl       appended to: step, seconds, named values (glasswork.training.metrics)
runs/NAME/events.out.*        the same for TensorBoard
runs/NAME/checkpoints/        what the run can go on from (glasswork.training.checkpoints)
runs/NAME/model.safetensors   the weights that were kept
runs/NAME/card.json           the model card, which vouches for them
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import torch
from torch import nn

from glasswork import zoo
from glasswork.errors import GlassworkError
from glasswork.randomness import seeded
from glasswork.training import checkpoints
from glasswork.training.config import Config, as_record
from glasswork.training.describing import model_card
from glasswork.training.environment import environment
from glasswork.training.events import Evaluated, Finished, Saved, Started, Stopped, TrainEvent, Warned
from glasswork.training.locking import locked
from glasswork.training.loop import check, train
from glasswork.training.metrics import read_metrics
from glasswork.training.optimising import course
from glasswork.training.processes import Processes, joined, whole
from glasswork.training.records import Records
from glasswork.training.state import State, begin, restore
from glasswork.training.steering import Helm, Order, ordered, ordered_rates
from glasswork.training.task import Task
from glasswork.zoo.shipping import RUN_CARD, RUN_WEIGHTS

RUN = "run.json"
TRIES = 3  # saves that may fail one after another


def run(
    recipe: str,
    config: Config,
    *,
    out: str | Path | None = None,
    seconds: float | None = None,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[TrainEvent]:
    """Train, and leave weights and their card in a folder.

    Args:
        recipe: the name that the weights will have.
        config: the whole run.
        out: the folder; runs/RECIPE, or the next free name after it, when None.
        seconds: stop after this time and keep what there is.
        resume: go on from the newest checkpoint in `out` that is whole; begin where there is none.
        stop: asked after each step; true saves and ends the run, to be resumed.

    Yields:
        Started, then Stepped, Evaluated, Saved and Warned as they happen, then Finished or Stopped. Of many processes
        all yield the same.

    Raises:
        GlassworkError: the data isn't here, the network can't be built, the loss is no longer a number, another trainer
            holds the folder, or three saves failed.
    """
    folder = Path(out) if out is not None else free_folder(recipe)
    with joined(config.device, config.parallel) as processes:
        yield from _Run(recipe, config, folder, processes, seconds, stop).events(resume)


def free_folder(recipe: str) -> Path:
    """runs/RECIPE, or the next name after it that is free."""
    return next(path for path in _folders(recipe) if not path.exists())


def latest_folder(recipe: str) -> Path:
    """The newest run of a recipe; runs/RECIPE when there is none."""
    last = Path("runs") / recipe
    for path in _folders(recipe):
        if not path.exists():
            return last
        last = path
    return last


def _folders(recipe: str) -> Iterator[Path]:
    folder = Path("runs") / recipe
    yield folder
    yield from (folder.with_name(f"{folder.name}-{i}") for i in range(2, 1_000_000))


class _Run:
    """One run while it goes on."""

    def __init__(
        self,
        recipe: str,
        config: Config,
        folder: Path,
        processes: Processes,
        seconds: float | None,
        stop: Callable[[], bool],
    ) -> None:
        self.recipe, self.config, self.folder, self.processes = recipe, config, folder, processes
        self.seconds, self.asked = seconds, stop
        self.helm: Helm | None = None
        self.failures = 0

    def events(self, resume: bool) -> Iterator[TrainEvent]:
        """The whole course."""
        task = self.config.task()
        self.config = task.config  # with what it found in the data
        check(task, self.processes)
        state = begin(task, self.processes)
        with ExitStack() as held:
            if self.processes.first:
                if not resume and (self.folder / RUN).is_file():
                    raise GlassworkError(
                        "this folder holds a run",
                        where=str(self.folder),
                        todo="Go on with it (--resume), or name another folder with --out.",
                    )
                self.folder.mkdir(parents=True, exist_ok=True)
                held.enter_context(locked(self.folder))
                self.helm = Helm(self.folder)
                checkpoints.sweep(self.folder)
            loaded = self._loaded(state) if resume else None
            parameters = sum(p.numel() for p in state.network.parameters())
            yield Started(str(self.folder), self.recipe, parameters, task.examples, self.config.steps, state.step)
            damaged = loaded.passed_over if loaded else ()
            for text in (*task.notices(), *(f"passed over a damaged checkpoint: {why}" for why in damaged)):
                yield Warned(state.step, text)
            if loaded and (self.folder / RUN_CARD).is_file() and self._is_over(state):
                yield self._finished_before(state)
                return
            if self.processes.first:
                self._describe()
            records = held.enter_context(Records(self.folder if self.processes.first else None, self.config, loaded))
            yield from self._train(task, state, records)

    def _train(self, task: Task, state: State, records: Records) -> Iterator[TrainEvent]:
        began, since = state.step, state.seconds
        if not self._is_over(state):
            state.ended = ""
            for event in train(task, state, processes=self.processes, stop=self.stop, seconds=self.seconds):
                yield from records.take(event)
                yield event
                whole_step = isinstance(event, Evaluated) or not event.looked
                if whole_step and not state.ended:
                    if state.step % self.config.save_every == 0 or state.step == self.config.steps - 1:
                        yield from self._save(state, records)
                    self._hold(state, records)
        if state.ended:
            yield from self._save(state, records, must=True)
        if state.ended == "asked":
            records.note(state, "stopped", "asked to")
            yield Stopped(str(self.folder), self.recipe, state.step, checkpoints.saved(self.folder)[-1])
            return
        final = self._test(task, state)
        if self.processes.first:
            card = model_card(self.recipe, task, self._bare(task, state), state.kept.step, state.seconds, final)
            zoo.save_weights(state.kept.weights, card, self.folder / RUN_WEIGHTS, self.folder / RUN_CARD)
        records.note(state, "finished", state.ended)
        self.processes.wait()
        rate = (state.step - began) / max(state.seconds - since, 1e-9)
        yield Finished(str(self.folder), self.recipe, state.step, rate, final, self.folder / RUN_WEIGHTS)

    def stop(self) -> bool:
        """Whether the run is to end after this step, and be saved."""
        return self.asked() or (self.helm is not None and self.helm.stopped)

    def _hold(self, state: State, records: Records) -> None:
        """Between two steps: what somebody ordered from outside. Of many processes, none may wait for itself alone."""
        if self.helm is None:
            return

        def take(order: Order) -> None:
            if order.do == "rate":
                scheduled = course(self.config)(state.step)
                factor = order.value / scheduled if scheduled else 1.0
                if records.note(state, "rate", f"{order.value:g}", value=order.value, factor=factor):
                    state.rates = ordered(state.rates, state.step, factor)  # else nobody could replay it
            elif order.do in ("pause", "go"):
                records.note(state, {"pause": "paused", "go": "went on"}[order.do], "ordered")
            if order.do == "pause":
                self._save_for_looking(state, records)

        if self.processes.count == 1:
            if self.helm.paused:
                self._save_for_looking(state, records)
            state.waited_for += self.helm.hold(take, self.asked)
        else:
            self.helm.stopped |= any(order.do == "stop" for order in self.helm.orders())

    def _save_for_looking(self, state: State, records: Records) -> None:
        """Where a run is paused, somebody wants to see it; a failure is noted, and tried again at the next save."""
        for _ in self._save(state, records):
            pass

    def _is_over(self, state: State) -> bool:
        return state.ended == "patience" or state.step >= self.config.steps

    def _loaded(self, state: State) -> checkpoints.Loaded | None:
        """The state as the newest whole checkpoint has it."""
        self.processes.wait()
        loaded = checkpoints.newest(self.folder, aside=False)
        self.processes.wait()
        if loaded is None:
            return None
        if self.processes.first:
            checkpoints.newest(self.folder, aside=True)
        restore(state, loaded.tensors, loaded.about, str(loaded.path))
        with suppress(OSError):
            state.rates = ordered_rates(read_metrics(self.folder).events)
        return loaded

    def _save(self, state: State, records: Records, must: bool = False) -> Iterator[TrainEvent]:
        """A checkpoint. One that fails is told, and tried again at the next; the third in a row ends the run."""
        try:
            path = checkpoints.save(self.folder, state, self.config.keep, self.processes)
        except (OSError, checkpoints.DamagedError) as error:
            self.failures += 1
            why = str(error)
        else:
            self.failures = 0
            yield Saved(state.step, path)
            return
        text = f"the checkpoint of step {state.step:,} could not be written: {why}"
        records.note(state, "warned", text)
        yield Warned(state.step, text)
        if self.failures < TRIES and not must:
            return
        where = Path(tempfile.mkdtemp(prefix=f"glasswork-{self.folder.name}-"))
        todo = "Make room, then go on with --resume."
        try:
            path = checkpoints.save(where, state, 0, self.processes)
            todo = f"The state is in {path}: make room, put it into {self.folder / checkpoints.FOLDER}, then --resume."
        except (OSError, checkpoints.DamagedError):
            pass  # nowhere to be saved: the last good checkpoint is what there is
        raise GlassworkError(
            "the run was stopped, since its state can't be saved", where=str(self.folder), why=why, todo=todo
        )

    def _test(self, task: Task, state: State) -> dict[str, float]:
        """Scores of the kept weights on held-out examples; the network is left with these weights."""
        if not state.kept.weights:
            raise GlassworkError("nothing was trained", where=str(self.folder), why="no step was taken")
        with torch.no_grad():
            for name, value in state.network.state_dict().items():
                value.copy_(state.kept.weights[name])
        state.kept.weights = {name: whole(value) for name, value in state.kept.weights.items()}
        return task.final(state.network)

    def _describe(self) -> None:
        about = {"recipe": self.recipe, **as_record(self.config)}
        zoo.write_atomically(self.folder / RUN, json.dumps(about, indent=2).encode() + b"\n")
        here = environment(self.processes)
        zoo.write_atomically(self.folder / "environment.json", json.dumps(here, indent=2).encode() + b"\n")

    def _finished_before(self, state: State) -> Finished:
        card = zoo.read_card(self.folder / RUN_CARD)
        rate = state.step / max(state.seconds, 1e-9)
        return Finished(str(self.folder), self.recipe, state.step, rate, card.scores, self.folder / RUN_WEIGHTS)

    def _bare(self, task: Task, state: State) -> nn.Module:
        """A network that one process alone can run."""
        if self.processes.count == 1:
            return state.network
        with seeded(self.config.seed):
            return task.network()
