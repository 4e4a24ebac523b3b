"""All that a run is at one moment: enough to go on from it as if nothing had happened.

The random state is missing on purpose: all chance of a step is a function of (seed, step), and so is the choice of its
examples (glasswork.training.sampling).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from glasswork.errors import GlassworkError
from glasswork.randomness import seeded
from glasswork.training.optimising import chosen, make_optimiser, tables
from glasswork.training.processes import ALONE, Processes, gathered_anew, local
from glasswork.training.task import Task


@dataclass
class Kept:
    """The weights that the run would be left with if it ended now: the best on the examples aside."""

    step: int = 0
    scores: dict[str, float] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)


@dataclass
class State:
    """A run at one moment.

    Attributes:
        network: in training; with fsdp, this process's part.
        parameters: what each optimiser updates, by turn and name.
        optimisers: by turn.
        averaged: the running average of the weights, by name; empty when none is kept.
        step: how many steps were taken.
        seconds: how long they took, over all resumed parts.
        kept: see Kept.
        waited: looks since the last better score.
        first_loss: that of the first step, against which an explosion is measured.
        rates: from which step on the scheduled learning rate is multiplied by what, as somebody ordered. They stand in
            the run's records, so those after this moment are known too when a run is resumed or replayed.
        waited_for: how many seconds the loop was held between steps, which don't count.
        ended: why the loop returned: steps, seconds, patience, asked; empty while it goes on.
    """

    network: nn.Module
    parameters: dict[str, dict[str, nn.Parameter]]
    optimisers: dict[str, torch.optim.Optimizer]
    averaged: dict[str, Tensor]
    step: int = 0
    seconds: float = 0.0
    kept: Kept = field(default_factory=Kept)
    waited: int = 0
    first_loss: float | None = None
    rates: list[tuple[int, float]] = field(default_factory=list)
    waited_for: float = 0.0
    ended: str = ""

    @property
    def rate_factor(self) -> float:
        """What the scheduled learning rate of the next step is multiplied by."""
        return next((factor for begin, factor in reversed(self.rates) if begin <= self.step), 1.0)


def begin(task: Task, processes: Processes = ALONE, network: nn.Module | None = None) -> State:
    """The state before the first step.

    Args:
        task: what is trained.
        processes: this one among many.
        network: to train instead of the task's own.
    """
    if network is None:
        with seeded(task.config.seed):
            network = task.network()
    network = processes.prepare(network)
    parameters, optimisers = {}, {}
    for turn in task.turns():
        if turn.name not in optimisers:
            parameters[turn.name] = chosen(turn, network)
            optimisers[turn.name] = make_optimiser(task.config, parameters[turn.name], turn.rate, tables(network))
    averaged = {}
    if task.config.average:
        averaged = {name: value.detach().clone() for name, value in network.state_dict().items()}
    return State(network, parameters, optimisers, averaged)


def move_average(state: State, most: float) -> None:
    """Move the running average towards the weights; early on it follows them closely.

    Args:
        state: after its step was counted.
        most: the decay in the long run.
    """
    decay = min(most, state.step / (state.step + 10))
    means, values = [], []
    for name, value in state.network.state_dict().items():
        if value.is_floating_point():
            means.append(local(state.averaged[name]))
            values.append(local(value))
        else:
            state.averaged[name].copy_(value)
    torch.optim.swa_utils.get_ema_multi_avg_fn(decay)(means, values, 0)


@contextmanager
def measured_weights(state: State) -> Iterator[nn.Module]:
    """The network with the weights that are measured and kept: the averaged ones, if there are any."""
    if not state.averaged:
        yield state.network
        gathered_anew(state.network)
        return
    present = state.network.state_dict()
    before = {name: value.clone() for name, value in present.items()}
    try:
        _copy(state.averaged, present)
        yield state.network
    finally:
        _copy(before, present)
        gathered_anew(state.network)


def keep(state: State, scores: dict[str, float]) -> None:
    """Take the weights as they are now for the best."""
    source = state.averaged or state.network.state_dict()
    state.kept = Kept(state.step, scores, {name: value.detach().clone() for name, value in source.items()})


def tensors(state: State) -> dict[str, Tensor]:
    """Everything that has a shape, by name: network.*, average.*, kept.*, optimiser.TURN.PARAMETER.KEY."""
    found = {f"network.{name}": value for name, value in state.network.state_dict().items()}
    found |= {f"average.{name}": value for name, value in state.averaged.items()}
    found |= {f"kept.{name}": value for name, value in state.kept.weights.items()}
    for turn, parameters in state.parameters.items():
        held = state.optimisers[turn].state
        for name, parameter in parameters.items():
            for key, value in held.get(parameter, {}).items():
                if isinstance(value, Tensor):
                    found[f"optimiser.{turn}.{name}.{key}"] = value
    return found


def numbers(state: State) -> dict[str, Any]:
    """Everything else, as JSON has it."""
    plain: dict[str, dict[str, Any]] = {}
    for turn, parameters in state.parameters.items():
        held = state.optimisers[turn].state
        plain[turn] = {
            name: {key: value for key, value in held.get(parameter, {}).items() if not isinstance(value, Tensor)}
            for name, parameter in parameters.items()
        }
    return {
        "step": state.step,
        "seconds": state.seconds,
        "waited": state.waited,
        "first_loss": state.first_loss,
        "ended": state.ended,
        "kept": {"step": state.kept.step, "scores": state.kept.scores},
        "optimisers": {turn: {name: held for name, held in each.items() if held} for turn, each in plain.items()},
    }


def restore(state: State, saved: Mapping[str, Tensor], about: Mapping[str, Any], where: str) -> None:
    """Put a run back to a moment.

    Args:
        state: as `begin` made it for the same settings.
        saved: what `tensors` gave, whole; each process takes its part.
        about: what `numbers` gave.
        where: the file, for the error.

    Raises:
        GlassworkError: it is that of another network, or of another optimiser.
    """
    present = state.network.state_dict()
    wanted = {f"network.{name}": value for name, value in present.items()}
    wanted |= {f"average.{name}": value for name, value in state.averaged.items()}
    wrong = [name for name, value in wanted.items() if name not in saved or saved[name].shape != value.shape]
    if wrong:
        raise GlassworkError(
            "this checkpoint is that of another run",
            where=where,
            why=f"{wrong[0]} is missing, or has another shape",
            todo="Resume with the settings that the run was started with.",
        )
    for name, value in wanted.items():
        _take(value, saved[name])
    for turn, parameters in state.parameters.items():
        held = state.optimisers[turn].state
        for name, parameter in parameters.items():
            begins = f"optimiser.{turn}.{name}."
            kept = {key.removeprefix(begins): value for key, value in saved.items() if key.startswith(begins)}
            plain = about["optimisers"].get(turn, {}).get(name, {})
            entry: dict[str, Any] = dict(plain)
            for key, value in kept.items():
                if value.shape == parameter.shape:
                    entry[key] = torch.empty_like(parameter, dtype=value.dtype, requires_grad=False)
                    _take(entry[key], value)
                else:
                    entry[key] = value.clone()
            if entry:
                held[parameter] = entry
    weights = {}
    for name, value in present.items():
        if f"kept.{name}" in saved:
            weights[name] = torch.empty_like(value)
            _take(weights[name], saved[f"kept.{name}"])
    state.kept = Kept(about["kept"]["step"], dict(about["kept"]["scores"]), weights)
    state.step, state.seconds = about["step"], about["seconds"]
    state.waited, state.first_loss, state.ended = about["waited"], about["first_loss"], about["ended"]


@torch.no_grad()
def _take(into: Tensor, value: Tensor) -> None:
    """Copy a whole tensor into one that may be spread over many processes by rows; each takes its own."""
    part = local(into)
    if part is not into:
        spread: Any = into
        rows = -(-value.shape[0] // spread.device_mesh.size())  # as torch.chunk deals them out
        begin = min(spread.device_mesh.get_local_rank() * rows, value.shape[0])
        value = value[begin : begin + len(part)]
    part.copy_(value)


@torch.no_grad()
def _copy(source: Mapping[str, Tensor], into: Mapping[str, Tensor]) -> None:
    for name, value in source.items():
        into[name].copy_(value)
