"""A run at any of its steps again: the nearest checkpoint before it, and the steps from there, which are the same."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from glasswork.errors import GlassworkError
from glasswork.training import checkpoints
from glasswork.training.config import Config
from glasswork.training.course import read_events
from glasswork.training.loop import train
from glasswork.training.state import State, begin, restore
from glasswork.training.steering import ordered_rates
from glasswork.training.task import Task


@dataclass(frozen=True)
class Moment:
    """A run after a number of its steps.

    Attributes:
        task: what it trains.
        state: as it was then; the caller may go on with it.
        checkpoint: the one that it was replayed from; None from the start.
    """

    task: Task
    state: State
    checkpoint: Path | None


def saved_steps(folder: Path) -> list[int]:
    """After which steps a run was saved, in order; what is damaged is told when it is read."""
    found = [path.name.removeprefix("step-") for path in checkpoints.saved(folder)]
    return [int(name) for name in found if name.isdigit()]


def moment(folder: Path, config: Config, step: int, most: int = 1000, task: Task | None = None) -> Moment:
    """The state of a run after a step, to the bit (on the same machine and number of threads).

    Args:
        folder: the run's.
        config: its settings.
        step: how many steps were taken then.
        most: how many may be taken again.
        task: that of these settings, if it is there already.

    Raises:
        GlassworkError: the run has not come so far, or too many steps lie between it and the checkpoint before.
    """
    if not 0 <= step <= config.steps:
        raise GlassworkError(f"there is no step {step:,}", where=str(folder), why=f"the run has {config.steps:,}")
    task = task or config.task()
    state = begin(task)
    before = [path for path in checkpoints.saved(folder) if int(path.name.removeprefix("step-")) <= step]
    used = None
    for path in reversed(before):
        try:
            tensors, about = checkpoints.read(path)
        except checkpoints.DamagedError:
            continue
        restore(state, tensors, about, str(path))
        used = path
        break
    if step - state.step > most:
        raise GlassworkError(
            f"step {step:,} was not kept",
            where=str(folder),
            why=f"the checkpoint before it is that of step {state.step:,}, more than {most:,} steps earlier",
            todo="Choose a step that was saved, or train with --set keep=0 and a smaller --save-every.",
        )
    with suppress(OSError):
        state.rates = ordered_rates(read_events(folder))
    state.ended = ""
    events = train(task, state, stop=lambda: state.step >= step)
    while state.step < step:
        next(events)
    state.ended = ""
    return Moment(task, state, used)
