"""What a tensor is drawn as, chosen by its axes; and the numbers that are drawn, each one of the tensor's own.

A large map is drawn by every k-th of its numbers and not by averages, so that each pixel can be asked where it comes
from. Which channels are drawn is a question of weight: of activation times slope, where there is a slope.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

import msgspec
from torch import Tensor

from glasswork.scenes.messages import Axes
from glasswork.tracing import Value

CHANNEL, ROW, COLUMN = -1, -2, -3
SIDE = 56
"""The most numbers along one side of a drawn map, and along a strip."""
LARGE = 256
"""The most numbers along one side of a picture that stands by itself."""
SHOWN = 6
"""The most channels that are drawn of one tensor."""


def axes_of(shape: tuple[int, ...]) -> Axes | None:
    """How a tensor of this shape is drawn; None for what holds no number.

    (N, C, ..., H, W) is maps, of the first example and, in between, of the middle; (N, T, F) one picture with a row for
    each T; (N, F), (F,) and (N, C, 1, 1) a strip.
    """
    if prod(shape) == 0:
        return None
    places = [0] * len(shape)
    if len(shape) >= 4 and shape[-1] * shape[-2] > 1:
        places[2:-2] = [size // 2 for size in shape[2:-2]]
        places[1], places[-2], places[-1] = CHANNEL, ROW, COLUMN
    elif len(shape) == 3 and shape[-2] > 1:
        places[-2], places[-1] = ROW, COLUMN
    elif shape:
        longest = max(range(len(shape)), key=lambda axis: (shape[axis], -axis))
        places[longest] = ROW
    sizes = {place: shape[axis] for axis, place in enumerate(places) if place < 0}
    rows, columns = sizes.get(ROW, 1), sizes.get(COLUMN, 1)
    return Axes(
        places=places,
        channels=sizes.get(CHANNEL, 1),
        rows=rows,
        columns=columns,
        row_step=ceil(rows / SIDE),
        column_step=ceil(columns / SIDE),
    )


@dataclass(frozen=True)
class Drawn:
    """The numbers of a tensor that are drawn.

    Attributes:
        axes: how.
        channels: which, those that weigh most first.
        weights: (C,) or, where there are no channels, (rows,): the weight of each, fp32.
    """

    axes: Axes
    channels: list[int]
    weights: Tensor


def drawn(value: Value, limit: int = SHOWN, by: Tensor | None = None) -> Drawn | None:
    """What is drawn of a value; None for what holds no real numbers or was not kept.

    `by`, of its shape, chooses the channels by its mean size; the weights stay those of the value.
    """
    axes = axes_of(value.shape)
    if axes is None or value.dtype.is_complex or value.data is None:
        return None
    numbers = _plane(value.tensor, axes)  # (C, rows, columns)
    slopes = None if value.grad is None else _plane(value.grad, axes)
    weighed = numbers.abs().double() if slopes is None else numbers.double() * slopes.double()
    if axes.channels == 1:
        return Drawn(axes, [0], weighed[0].sum(1).float())
    # By mean for sizes, by sum for shares: the first says how bright a map is, the second adds up to something.
    weights = weighed.mean((1, 2)) if slopes is None else weighed.sum((1, 2))
    ranks = weights if by is None or not bool(by.any()) else _plane(by, axes).abs().mean((1, 2))
    order = ranks.abs().argsort(descending=True, stable=True)
    return Drawn(axes, order[:limit].tolist(), weights.float())


def sampled(tensor: Tensor, axes: Axes, channels: list[int]) -> Tensor:
    """(len(channels), rows / row_step, columns / column_step): every step-th number of the chosen channels."""
    return _plane(tensor, axes)[channels][:, :: axes.row_step, :: axes.column_step]


def axes_around(shape: tuple[int, ...], index: tuple[int, ...]) -> Axes | None:
    """As `axes_of`, for the picture that the number at `index` is in, and as large as it can stand alone."""
    axes = axes_of(shape)
    if axes is None:
        return None
    places = [at if place >= 0 else place for place, at in zip(axes.places, index, strict=True)]
    steps = ceil(axes.rows / LARGE), ceil(axes.columns / LARGE)
    return msgspec.structs.replace(axes, places=places, row_step=steps[0], column_step=steps[1])


def placed(axes: Axes, index: tuple[int, ...]) -> tuple[int, int, int]:
    """Channel, row and column of an index."""
    at = {place: index[axis] for axis, place in enumerate(axes.places) if place < 0}
    return at.get(CHANNEL, 0), at.get(ROW, 0), at.get(COLUMN, 0)


def whole(tensor: Tensor, axes: Axes, channel: int) -> Tensor:
    """(rows / row_step, columns / column_step): one channel."""
    return _plane(tensor, axes)[channel, :: axes.row_step, :: axes.column_step]


def size_of(tensor: Tensor) -> float:
    """The size of the largest number; what is not finite counts as nothing."""
    sizes = tensor.detach().float().abs()
    return sizes.nan_to_num(0, 0, 0).max().item() if sizes.numel() else 0.0


def _plane(tensor: Tensor, axes: Axes) -> Tensor:
    """(channels, rows, columns), a view where possible."""
    at: list[int | slice] = [slice(None) if place < 0 else place for place in axes.places]
    left = [place for place in axes.places if place < 0]
    view = tensor.detach()[tuple(at)]
    for axis, kind in enumerate((CHANNEL, ROW, COLUMN)):
        if kind not in left:
            view = view.unsqueeze(axis)
    return view if view.dtype.is_floating_point else view.float()
