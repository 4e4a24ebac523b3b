"""Which inputs a sliding window covers: the arithmetic that convolution and pooling share.

V. Dumoulin, F. Visin, A guide to convolution arithmetic for deep learning, 2016, https://arxiv.org/abs/1603.07285
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Window:
    """Input positions along each spatial dimension for one output position.

    Attributes:
        positions: for each dimension, the input position of each tap (k,); may lie outside the input.
        inside: for each dimension, which taps meet a real input (k,) bool.
    """

    positions: tuple[torch.Tensor, ...]
    inside: tuple[torch.Tensor, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """How many taps along each dimension."""
        return tuple(len(taps) for taps in self.positions)

    def mask(self) -> torch.Tensor:
        """Which taps meet a real input, (k1, k2, ...) bool."""
        mask = torch.ones((), dtype=torch.bool)
        for inside in self.inside:
            mask = mask.unsqueeze(-1) & inside
        return mask

    def place(self, taps: Sequence[int]) -> tuple[int, ...]:
        """The input position under one tap."""
        return tuple(int(line[tap]) for line, tap in zip(self.positions, taps, strict=True))

    def take(self, maps: torch.Tensor) -> torch.Tensor:
        """The window's values in fp64, 0 where it hangs over the edge.

        Args:
            maps: (C, n1, n2, ...), the spatial dimensions in the window's order.

        Returns:
            (C, k1, k2, ...).
        """
        for dim, line in enumerate(self.positions, start=1):
            if maps.shape[dim] == 0:
                return maps.new_zeros((maps.shape[0], *self.shape), dtype=torch.float64)
            maps = maps.index_select(dim, line.clamp(0, maps.shape[dim] - 1))
        return torch.where(self.mask(), maps.double(), 0.0)


def sliding(
    output: Sequence[int],
    lengths: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    before: Sequence[int],
    dilation: Sequence[int],
) -> Window:
    """The window of a convolution or a pooling: output i reads i * stride - before + tap * dilation.

    Args:
        output: the position asked for, one number a dimension; so are all others.
        lengths: the sizes of the input.
        before: the padding in front.
    """
    positions = tuple(
        place * step - pad + torch.arange(taps) * apart
        for place, taps, step, pad, apart in zip(output, kernel, stride, before, dilation, strict=True)
    )
    return Window(positions, _inside(positions, lengths))


def transposed(
    output: Sequence[int],
    lengths: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    before: Sequence[int],
    dilation: Sequence[int],
) -> Window:
    """The window of a transposed convolution: input q reaches output q * stride - before + tap * dilation."""
    positions = []
    for place, taps, step, pad, apart in zip(output, kernel, stride, before, dilation, strict=True):
        distance = place + pad - torch.arange(taps) * apart
        positions.append(torch.where(distance % step == 0, distance.div(step, rounding_mode="floor"), -1))
    return Window(tuple(positions), _inside(positions, lengths))


def adaptive(output: Sequence[int], lengths: Sequence[int], outputs: Sequence[int]) -> Window:
    """The window of an adaptive pooling: from floor(i n / m) to ceil((i + 1) n / m)."""
    positions = tuple(
        torch.arange(place * length // size, -((place + 1) * length // -size))
        for place, length, size in zip(output, lengths, outputs, strict=True)
    )
    return Window(positions, _inside(positions, lengths))


def _inside(positions: Sequence[torch.Tensor], lengths: Sequence[int]) -> tuple[torch.Tensor, ...]:
    return tuple((line >= 0) & (line < length) for line, length in zip(positions, lengths, strict=True))
