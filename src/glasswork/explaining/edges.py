"""The lines between layers as data: how much of the chosen score passes from one channel to the next.

The score is linear in an op's output to first order: what output o adds to it is o * d(score)/d(o). A convolution's
output is a sum over its input channels, so each channel's part of that sum carries its own share.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch.nn import grad as weight_gradients

from glasswork.explaining.channels import maps_before
from glasswork.explaining.convolution import Settings, settings
from glasswork.explaining.errors import NoGradient, NoRule
from glasswork.explaining.rules import arguments
from glasswork.tracing import Op, Trace

_CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")


def edges(trace: Trace, op: Op | str | int) -> torch.Tensor:
    """Each input channel's share of the chosen score through each output channel, the bias apart.

    For a convolution, entry (o, i) is the sum over all positions (and the batch) of channel i's part of output o times
    d(score)/d(output o). For a linear layer fed by flattened maps, i is the channel of those maps; else the feature.

    Returns:
        (output channels, input channels) fp64; zeros outside a convolution's groups.

    Raises:
        NoGradient: if the trace ran forward only, or the score does not depend on this op.
        NoRule: for ops that are neither convolutions nor linear layers.
    """
    found, slope = _with_gradient(trace, op)
    if found.name in _CONVOLUTIONS:
        conv = settings(found)
        return _by_channel(conv, conv.input.tensor.double(), slope)
    return _linear(trace, found, slope, ones=False)


def slopes(trace: Trace, op: Op | str | int) -> torch.Tensor:
    """The slope that passes from each output channel back to each input channel: the lines of the backward picture.

    Entry (o, i) is the sum over all positions of what output channel o hands to d(score)/d(input channel i).

    Returns:
        (output channels, input channels) fp64; its sum over o is the sum of the input channel's whole gradient from
        this op.

    Raises:
        NoGradient, NoRule: as `edges`.
    """
    found, slope = _with_gradient(trace, op)
    if found.name in _CONVOLUTIONS:
        conv = settings(found)
        # sum over inputs of d(out)/d(in): the same sum as for edges, every input being 1
        return _by_channel(conv, torch.ones(conv.input.shape, dtype=torch.float64), slope)
    return _linear(trace, found, slope, ones=True)


def _with_gradient(trace: Trace, op: Op | str | int) -> tuple[Op, torch.Tensor]:
    found = op if isinstance(op, Op) else trace[op]
    if found.name not in (*_CONVOLUTIONS, "linear"):
        raise NoRule(f"edges of {found.name}", where=found.path, why="only convolutions and linear layers have them")
    if found.grad is None:
        raise NoGradient(
            f"There is no gradient for {found.path}",
            where=repr(trace),
            why="the score does not depend on it" if trace.backward else "the trace ran forward only",
            todo="" if trace.backward else "trace with backward=True",
        )
    return found, found.grad.double()


def _by_channel(conv: Settings, x: torch.Tensor, slope: torch.Tensor) -> torch.Tensor:
    if x.dim() == conv.dims + 1:  # no batch
        x, slope = x.unsqueeze(0), slope.unsqueeze(0)
    around = [size for pair in zip(reversed(conv.before), reversed(conv.behind), strict=True) for size in pair]
    x = F.pad(x, around)
    weight = conv.weight.tensor.double()
    weight_gradient: Any = getattr(weight_gradients, f"conv{conv.dims}d_weight")
    summed = weight_gradient(
        x, list(weight.shape), slope, stride=conv.stride, padding=0, dilation=conv.dilation, groups=conv.groups
    )
    share = (weight * summed).flatten(2).sum(2)  # (outputs, channels of the group)
    if conv.groups == 1:
        return share
    outputs, per_group = share.shape
    full = share.new_zeros(outputs, per_group * conv.groups)
    for group in range(conv.groups):
        rows = slice(group * outputs // conv.groups, (group + 1) * outputs // conv.groups)
        full[rows, group * per_group : (group + 1) * per_group] = share[rows]
    return full


def _linear(trace: Trace, op: Op, slope: torch.Tensor, *, ones: bool) -> torch.Tensor:
    given = arguments(op, "input weight bias")
    weight = given["weight"].tensor.double()
    x = given["input"].tensor.double()
    x = torch.ones_like(x) if ones else x
    share = weight * (slope.reshape(-1, weight.shape[0]).T @ x.reshape(-1, weight.shape[1]))
    _, shape = maps_before(trace, given["input"])
    return share.reshape(weight.shape[0], shape[0], -1).sum(-1)
