"""Which channels of a network ever speak up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Activity:
    """What one ReLU's channels do over a set of pictures.

    Attributes:
        module: its path.
        seen: for each channel, the part of the pictures in which it is above zero anywhere, (C,).
        filled: for each channel, the part of all positions of all pictures at which it is above zero, (C,).
    """

    module: str
    seen: Tensor
    filled: Tensor

    @property
    def alive(self) -> int:
        """How many channels are above zero somewhere in at least one picture of a hundred."""
        return int((self.seen >= 0.01).sum())


def activities(module: nn.Module, inputs: Tensor) -> list[Activity]:
    """Measure every 2-D ReLU of a network on these inputs, in evaluation mode as it stands.

    Args:
        inputs: (N, C, H, W), run at once.

    Returns:
        One entry for each call of an nn.ReLU with an output (N, C, H, W), in the order of the calls.
    """
    found: list[Activity] = []

    def noting(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def note(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
            if output.ndim == 4:
                above = output > 0
                found.append(Activity(name, above.any(3).any(2).float().mean(0), above.float().mean((0, 2, 3))))

        return note

    parts = [(name, part) for name, part in module.named_modules() if isinstance(part, nn.ReLU)]
    handles = [part.register_forward_hook(noting(name)) for name, part in parts]
    try:
        with torch.inference_mode():
            module(inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found
