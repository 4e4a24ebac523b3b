"""One step of a run taken again, slowly: all that the loop had in its hands on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glasswork.randomness import seeded
from glasswork.training.loop import INSIDE, Steps
from glasswork.training.observing import Observer
from glasswork.training.replaying import Moment
from glasswork.training.sampling import mixed
from glasswork.training.state import State


@dataclass(frozen=True)
class Updated:
    """How one parameter was changed.

    Attributes:
        optimiser: torch's name of the rule.
        settings: of the parameter's group: lr, betas, ...
        memory: what the optimiser kept of it before the step, by torch's names.
        before, gradient, written: the parameter before the step, the gradient that the optimiser was given (after
            clipping), the parameter after the step; of one shape.
    """

    optimiser: str
    settings: Mapping[str, Any]
    memory: Mapping[str, Any]
    before: Tensor
    gradient: Tensor
    written: Tensor


@dataclass(frozen=True)
class Taken:
    """A step.

    Attributes:
        index: the examples of the step, (B,).
        batch: what the loss was taken of: the first of the parts that the step was worked through in.
        output: what the network made of it; None where it returns no tensor.
        loss: of the whole step, over all turns, as the run records it.
        after: of the same examples and by the same chance, with the weights after the step.
        norms: of each layer's gradient, by path, as the run records them.
        updated: by the parameter's name, in the network's order.
    """

    index: np.ndarray
    batch: Any
    output: Tensor | None
    loss: float
    after: float
    norms: Mapping[str, float]
    updated: Mapping[str, Updated]


def retake(moment: Moment) -> Taken:
    """Take the step that follows after a moment, whose state goes on by it.

    Raises:
        GlassworkError: as in `train`: the loss is no number, no memory.
    """
    task, state = moment.task, moment.state
    steps = _Slow(task, state)
    number, index = state.step, task.indices(state.step)
    batches = [[steps.batch(turn, index, part) for part in steps.parts] for turn in range(len(steps.turns))]
    stepped = steps.take()
    after = _after(steps, batches, number)
    return Taken(index, batches[0][0], steps.output, stepped.loss, after, stepped.layers, steps.updated)


class _Slow(Steps):
    """Steps of which nothing is missed."""

    def __init__(self, task: Any, state: State) -> None:
        from glasswork.training.processes import ALONE

        super().__init__(task, state, ALONE)
        self.output: Tensor | None = None
        self.updated: dict[str, Updated] = {}
        self.watching = [_Watching(self, turn.name) for turn in self.turns]

    def observer(self, number: int) -> Observer | None:
        """Of every step."""
        return self.watching[number]


class _Watching(Observer):
    """Sees besides what the optimiser is given, and what it makes of it."""

    def __init__(self, steps: _Slow, turn: str) -> None:
        super().__init__(steps.state.network, steps.state.parameters[turn])
        self.steps, self.turn = steps, turn
        self._held: dict[str, tuple[Tensor, Tensor, dict[str, Any], dict[str, Any]]] = {}

    @contextmanager
    def forward(self) -> Iterator[None]:
        """Around the forward pass."""

        def see(_: nn.Module, __: object, made: object) -> None:
            if self.steps.output is None and isinstance(made, Tensor):
                self.steps.output = made.detach()

        hook = self.steps.state.network.register_forward_hook(see)
        try:
            with super().forward():
                yield
        finally:
            hook.remove()

    def before_update(self) -> dict[str, float]:
        """After the backward pass."""
        optimiser = self.steps.state.optimisers[self.turn]
        groups = {id(p): group for group in optimiser.param_groups for p in group["params"]}
        for name, parameter in self.steps.state.parameters[self.turn].items():
            if parameter.grad is None:
                continue
            settings = {key: value for key, value in groups[id(parameter)].items() if key != "params"}
            memory = {key: _copied(value) for key, value in optimiser.state.get(parameter, {}).items()}
            self._held[name] = _copied(parameter.detach()), _copied(parameter.grad), settings, memory
        return super().before_update()

    def after_update(self) -> dict[str, float]:
        """After the optimiser's step."""
        rule = type(self.steps.state.optimisers[self.turn]).__name__
        for name, (before, gradient, settings, memory) in self._held.items():
            written = self.steps.state.parameters[self.turn][name].detach().clone()
            self.steps.updated[name] = Updated(rule, settings, memory, before, gradient, written)
        self._held = {}
        return super().after_update()


def _after(steps: Steps, batches: list[list[Any]], number: int) -> float:
    """The loss of the same batches now; the network is left as it is."""
    network = steps.state.network
    buffers = {name: value.clone() for name, value in network.named_buffers()}
    losses = []
    with torch.no_grad(), seeded(mixed(steps.config.seed, INSIDE, number, 0)):
        for turn, parts in enumerate(batches):
            losses.append(sum(steps.again(turn, batch)().item() for batch in parts) / len(parts))
        for name, value in network.named_buffers():
            value.copy_(buffers[name])
    return sum(losses) / len(losses)


def _copied(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value
