"""The loop: a task in, events out. It saves nothing, prints nothing, and knows no viewer and no kind of data."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glasswork.errors import GlassworkError, unknown
from glasswork.randomness import seeded
from glasswork.training.diagnosing import (
    EXPLODED,
    explain_gradient,
    explain_loss,
    explain_memory,
    is_out_of_memory,
    moved,
)
from glasswork.training.events import Evaluated, Stepped
from glasswork.training.observing import Observer
from glasswork.training.optimising import course
from glasswork.training.processes import ALONE, Processes, whole
from glasswork.training.sampling import chance, mixed
from glasswork.training.state import State, keep, measured_weights, move_average
from glasswork.training.task import Draw, Task, Turn

INSIDE = 5  # the stream of the seed for what the network itself draws, such as dropout
PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16}


def train(
    task: Task,
    state: State,
    *,
    processes: Processes = ALONE,
    stop: Callable[[], bool] = lambda: False,
    seconds: float | None = None,
) -> Iterator[Stepped | Evaluated]:
    """Take step after step from a state, one event after another; the caller may stop at any of them.

    Args:
        task: what is trained.
        state: where to begin; it is changed in place, and is whole at every event.
        processes: this one among many.
        stop: asked after each step; true ends the run there.
        seconds: stop after this time, measured from here.

    Raises:
        GlassworkError: settings that fit neither each other nor the data; a loss or gradient that is no longer a
            number; no memory.
    """
    config = task.config
    check(task, processes)
    steps = Steps(task, state, processes)
    start, before = time.perf_counter(), state.seconds
    state.waited_for = 0.0
    while state.step < config.steps:
        stepped = steps.take()
        passed = time.perf_counter() - start - state.waited_for
        state.seconds = before + passed
        if processes.any(stop()):
            state.ended = "asked"
        elif state.step == config.steps:
            state.ended = "steps"
        elif processes.any(seconds is not None and passed >= seconds):
            state.ended = "seconds"
        looks = state.ended != "asked" and bool(state.ended or state.step % config.evaluate_every == 0)
        yield replace(stepped, seconds=state.seconds, looked=looks)
        if looks:
            evaluated = _look(task, state)
            if config.patience and state.waited >= config.patience and not state.ended:
                state.ended = "patience"
            yield replace(evaluated, seconds=before + time.perf_counter() - start - state.waited_for)
        if state.ended:
            return


LAST = "last"
"""Chosen by no score: the last weights are the ones."""


def check(task: Task, processes: Processes = ALONE) -> None:
    """Whether a task's settings can be trained with.

    Raises:
        GlassworkError: one of them can't be.
    """
    config = task.config
    if config.precision not in PRECISIONS:
        raise unknown("precision", config.precision, list(PRECISIONS))
    if config.choose_by != LAST and config.choose_by not in task.choices:
        raise unknown("score to choose by", config.choose_by, [*task.choices, LAST])
    for name in ("steps", "batch", "accumulate", "evaluate_every", "save_every", "record_every"):
        if getattr(config, name) < 1:
            raise GlassworkError(f"{name} must be 1 or more", where=config.title, why=f"it is {getattr(config, name)}")
    if not task.examples:
        raise GlassworkError("there is nothing to train on", where=config.data, why="the data set holds no examples")
    if config.batch > task.examples:
        raise GlassworkError(
            f"a batch of {config.batch} is larger than the data",
            where=config.data,
            why=f"there are {task.examples:,} examples to train on",
            todo=f"Set a smaller one: --set batch={max(1, task.examples // 4)}.",
        )
    processes.share(config.batch, config.accumulate)
    course(config)


class Steps:
    """What stays the same from step to step."""

    def __init__(self, task: Task, state: State, processes: Processes) -> None:
        self.task, self.state, self.processes, self.config = task, state, processes, task.config
        self.turns = list(task.turns())
        self.losses = processes.wrap(
            state.network, {str(i): turn.loss or task.loss for i, turn in enumerate(self.turns)}
        )
        self.rate = course(task.config)
        self.parts = processes.share(task.config.batch, task.config.accumulate)
        self.observers: list[Observer] = []
        if task.config.observe and (processes.count == 1 or processes.way == "ddp"):  # else nobody has whole tensors
            self.observers = [Observer(state.network, state.parameters[turn.name]) for turn in self.turns]
        self.layers: dict[str, float] = {}

    def take(self) -> Stepped:
        """One step: the turns one after another."""
        state, config = self.state, self.config
        rate = self.rate(state.step) * state.rate_factor
        index = self.task.indices(state.step)
        state.network.train()
        losses, norms = [], []
        self.layers = {}
        with seeded(mixed(config.seed, INSIDE, state.step, self.processes.rank)):
            for i, turn in enumerate(self.turns):
                loss, norm = self._update(i, turn, index, rate)
                losses.append(loss)
                norms.append(norm)
        state.step += 1
        if state.averaged:
            move_average(state, config.average)
        return Stepped(state.step, sum(losses) / len(losses), rate, 0.0, max(norms), index, layers=self.layers)

    def observer(self, number: int) -> Observer | None:
        """Who looks at a turn of the step that is about to be taken, if it is one that is recorded."""
        recorded = (self.state.step + 1) % self.config.record_every == 0
        return self.observers[number] if self.observers and recorded else None

    def _update(self, number: int, turn: Turn, index: np.ndarray, rate: float) -> tuple[float, float]:
        """One turn: its loss and the norm of its gradient, over all processes."""
        state = self.state
        optimiser, parameters = state.optimisers[turn.name], state.parameters[turn.name]
        for group in optimiser.param_groups:
            group["lr"] = rate * turn.rate
        state.network.zero_grad(set_to_none=True)
        mine = 0.0
        observer = self.observer(number)
        for part in self.parts:
            try:
                with observer.forward() if observer and part is self.parts[0] else nullcontext():
                    mine += self._gradient(number, index, part, rate, last=part is self.parts[-1])
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                raise self._memory(number, index, part) from error
        loss = self.processes.mean(mine / len(self.parts))
        gradients = [p.grad for p in parameters.values() if p.grad is not None]
        total = nn.utils.get_total_norm(gradients)
        norm = whole(total).item()
        if not np.isfinite(norm):
            raise explain_gradient(state.step + 1, rate, parameters, self.config.title)
        if self.config.clip:
            nn.utils.clip_grads_with_norm_(parameters.values(), self.config.clip, total)
        if observer:
            self.layers |= observer.before_update()
        optimiser.step()
        if observer:
            self.layers |= observer.after_update()
        return loss, norm

    def _gradient(self, number: int, index: np.ndarray, part: slice, rate: float, last: bool) -> float:
        """Add one part's gradient; its loss."""
        batch = self.batch(number, index, part)
        with nullcontext() if last else self.losses.apart():
            with self._cast():
                loss = self.losses.compute(str(number), batch)
            value = loss.item()
            if self.state.first_loss is None:
                self.state.first_loss = value
            limit = EXPLODED * max(1.0, abs(self.state.first_loss))
            if not abs(value) <= limit:
                names = [self.task.name(int(i)) for i in index[part]]
                again = self.again(number, batch)
                raise explain_loss(
                    value, self.state.step + 1, rate, self.state.network, again, batch, names, self.config.title
                )
            (loss if len(self.parts) == 1 else loss / len(self.parts)).backward()
        return value

    def batch(self, number: int, index: np.ndarray, part: slice) -> Any:
        """A part of what the coming step sees."""
        random = chance(self.config.seed, self.state.step, number)
        batch = self.task.batch(Draw(self.state.step, index, part, random))
        return batch if self.processes.device.type == "cpu" else moved(batch, self.processes.device)

    def _cast(self) -> AbstractContextManager[Any]:
        lower = PRECISIONS[self.config.precision]
        return nullcontext() if lower is None else torch.autocast(self.processes.device.type, lower)

    def again(self, number: int, batch: Any) -> Callable[[], Tensor]:
        """The loss of a batch once more."""

        def compute() -> Tensor:
            with self._cast():
                turn = self.turns[number]
                return (turn.loss or self.task.loss)(self.state.network, batch)

        return compute

    def _memory(self, number: int, index: np.ndarray, part: slice) -> GlassworkError:
        """Halve the part until a forward and a backward pass fit."""
        size = fits = part.stop - part.start
        while fits:
            fits //= 2
            self.state.network.zero_grad(set_to_none=True)
            try:
                self.again(number, self.batch(number, index, slice(part.start, part.start + fits)))().backward()
                break
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
        return explain_memory(self.state.step + 1, size, fits, self.config.accumulate, self.config.title)


def _look(task: Task, state: State) -> Evaluated:
    """Scores of the weights that would be kept, which are kept when no earlier ones were better."""
    with measured_weights(state) as network:
        scores = task.scores(network)
    before = state.kept.scores
    kept = not scores or not before or _no_worse(scores, before, task)
    better = not scores or not before or not _no_worse(before, scores, task)
    state.waited = 0 if better else state.waited + 1
    if kept:
        keep(state, scores)
    return Evaluated(state.step, 0.0, scores, kept)


def _no_worse(scores: dict[str, float], than: dict[str, float], task: Task) -> bool:
    name = task.config.choose_by
    if name == LAST:
        return True
    return scores[name] >= than[name] if task.choices[name] else scores[name] <= than[name]
