"""Pooling from regions of interest: boxes of any size, averaged over a few interpolated samples a bin.

Only one channel of one picture and one box make a number; so only they are run again.
K. He et al., Mask R-CNN, 2017, https://arxiv.org/abs/1703.06870, section 3
"""

from __future__ import annotations

from typing import Any

import torch

from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion, Label, label_of, unravel
from glasswork.explaining.replaying import undisturbed, wide
from glasswork.explaining.rules import register
from glasswork.tracing import Op, Trace, Value

_FORMULA = r"y_{k,c,p} = \tfrac{1}{n}\sum_{s\,\in\,\text{samples of bin } p}\ \sum_q w_{s,q}\,x_{c,q}"


def _operands(op: Op) -> tuple[Value, Value]:
    maps, boxes = op.args[0], op.args[1]
    if not isinstance(maps, Value) or not isinstance(boxes, Value) or op.kwargs or boxes.shape[-1] != 5:
        raise NoRule(op.name, where=op.path)
    return maps, boxes


def _run(op: Op, picture: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """The op on one channel of one picture, (H, W) fp64, for some boxes (k, 5) -> (k, rows, columns)."""
    boxes = boxes.double().clone()
    boxes[:, 0] = 0  # the one picture there is
    rest: tuple[Any, ...] = op.args[2:]
    return op.function(picture[None, None], boxes, *rest)[:, 0]


@register("roi_align")
def region(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The numbers around the samples of this bin, by their weights."""
    maps, boxes = _operands(op)
    box, channel, *bin_ = index
    example = int(boxes.tensor[box, 0])
    with undisturbed(), torch.enable_grad():
        picture = wide(maps.tensor[example, channel]).requires_grad_()
        made = _run(op, picture, boxes.tensor[box : box + 1])
        y = made[0][tuple(bin_)]
        (weights,) = torch.autograd.grad(y, picture)
    places = weights.flatten().nonzero().flatten()
    values, factors = picture.detach().flatten()[places], weights.flatten()[places]

    def label(position: int) -> Label:
        return label_of(maps, (example, channel, *unravel(int(places[position]), maps.shape[2:])))

    note = f"a box of picture {example}"
    return Expansion("formula", _FORMULA, "sum", values, factors, values * factors, label, note=note)


def region_column(op: Op, value: Value, index: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Where one number of the maps goes: flat positions in the output and slopes; the op is linear in the maps."""
    maps, boxes = _operands(op)
    if value is not maps:
        return None
    example, channel, *place = index
    chosen = (boxes.tensor[:, 0] == example).nonzero().flatten()
    if not len(chosen):  # no box on these maps
        return chosen, torch.zeros(0, dtype=torch.float64)
    one = torch.zeros(maps.shape[2:], dtype=torch.float64)
    one[tuple(place)] = 1.0
    with undisturbed(), torch.no_grad():
        made = _run(op, one, boxes.tensor[chosen])  # (k, rows, columns)
    size = made[0].numel()
    starts = (chosen * op.output.shape[1] + channel) * size
    positions = starts.unsqueeze(1) + torch.arange(size)
    slopes = made.flatten(1)
    met = slopes != 0
    return positions[met], slopes[met]
