"""What a trace was made from: enough to run it once more, from the same random state."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from glasswork.tracing.values import Value, map_tensors


@dataclass(frozen=True, slots=True)
class RandomState:
    """Where the generators stood that a module may draw from: torch's, on each device, and Python's."""

    cpu: torch.Tensor
    devices: Sequence[torch.Tensor]
    python: tuple[Any, ...]

    @classmethod
    def now(cls) -> RandomState:
        """Read it."""
        devices = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
        return cls(torch.get_rng_state(), devices, random.getstate())

    def restore(self) -> None:
        """Set it."""
        torch.set_rng_state(self.cpu)
        if self.devices:
            torch.cuda.set_rng_state_all(list(self.devices))
        random.setstate(self.python)


@dataclass(slots=True, eq=False)
class Recipe:
    """How a trace was made.

    Attributes:
        module: the very module, whose parameters may have been trained since.
        inputs: its arguments, each tensor replaced by its Value.
        settings: the other arguments of `trace`: loss, backward, detail, keep, after.
        random: the state of the generators just before the run.
        modes: whether each module in the tree was training.
        kwargs: its arguments by keyword, likewise with Values.
        edits: what a rerun changed besides its inputs, by address.
    """

    module: nn.Module
    inputs: tuple[Any, ...]
    settings: Mapping[str, Any]
    random: RandomState
    modes: Sequence[bool]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    edits: Mapping[str, Any] = field(default_factory=dict)


def with_values(inputs: tuple[Any, ...], values: Mapping[str, Value]) -> tuple[Any, ...]:
    """`inputs` with each tensor replaced by its Value; `values` hold them in the order that they stand in."""
    known: dict[int, Value] = {}
    waiting = iter(values.values())

    def value_of(tensor: torch.Tensor) -> Any:
        if id(tensor) not in known:
            known[id(tensor)] = next(waiting, tensor)  # type: ignore[arg-type]
        return known[id(tensor)]

    found = tuple(map_tensors(value_of, item) for item in inputs)
    return found if len(known) == len(values) else inputs
