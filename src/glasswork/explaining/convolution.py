"""Convolutions: each output is the sum of a window times a kernel, over all channels of the group, and a bias."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from glasswork.explaining.expansion import Expansion, Label, label_of, unravel
from glasswork.explaining.rules import arguments, register, sizes
from glasswork.explaining.windows import Window, sliding, transposed
from glasswork.tracing import Op, Trace, Value

_TAPS = "uvw"
_PLACES = "ijk"


@dataclass(frozen=True, slots=True)
class Settings:
    """A convolution's arguments, one number for each spatial dimension.

    Attributes:
        before: the padding in front, behind: at the end (they differ for "same" with an even kernel).
    """

    input: Value
    weight: Value
    bias: Value | None
    stride: tuple[int, ...]
    before: tuple[int, ...]
    behind: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    @property
    def dims(self) -> int:
        """The number of spatial dimensions."""
        return len(self.weight.shape) - 2

    @property
    def kernel(self) -> tuple[int, ...]:
        """Taps along each spatial dimension."""
        return self.weight.shape[2:]


def settings(op: Op) -> Settings:
    """What a conv1d, conv2d or conv3d was called with."""
    given = arguments(op, "input weight bias stride padding dilation groups", stride=1, padding=0, dilation=1, groups=1)
    weight: Value = given["weight"]
    dims = len(weight.shape) - 2
    dilation = sizes(given["dilation"], dims)
    before = behind = (0,) * dims
    if given["padding"] == "same":
        missing = [apart * (taps - 1) for apart, taps in zip(dilation, weight.shape[2:], strict=True)]
        before = tuple(lack // 2 for lack in missing)
        behind = tuple(lack - lack // 2 for lack in missing)
    elif given["padding"] != "valid":
        before = behind = sizes(given["padding"], dims)
    stride = sizes(given["stride"], dims)
    return Settings(given["input"], weight, given["bias"], stride, before, behind, dilation, given["groups"])


@dataclass(frozen=True, slots=True)
class Reading:
    """What one output of a convolution reads.

    Attributes:
        windows: (C, k1, ...) fp64, 0 where the window hangs over the edge; kernel: likewise, the taps.
        batch: the index in front of the channel: (n,), or () for an unbatched input.
        first: the first input channel of the group.
        bias: the bias of the output channel, or None.
        weight_index: (input channel of the group, taps...) -> where that tap stands in the weight.
    """

    settings: Settings
    window: Window
    windows: torch.Tensor
    kernel: torch.Tensor
    batch: tuple[int, ...]
    channel: int
    first: int
    bias: torch.Tensor | None
    transposed: bool = False

    def weight_index(self, channel: int, taps: tuple[int, ...]) -> tuple[int, ...]:
        """Where a tap stands in the weight tensor."""
        if self.transposed:
            per_group = self.settings.weight.shape[1]
            return (self.first + channel, self.channel % per_group, *taps)
        return (self.channel, channel, *taps)


def reading(op: Op, index: tuple[int, ...]) -> Reading:
    """What the output at `index` of a convolution reads."""
    conv = settings(op)
    batch, channel, place = index[: -conv.dims - 1], index[-conv.dims - 1], index[-conv.dims :]
    window = sliding(place, conv.input.shape[-conv.dims :], conv.kernel, conv.stride, conv.before, conv.dilation)
    outputs, per_group = conv.weight.shape[0], conv.weight.shape[1]
    first = channel // (outputs // conv.groups) * per_group
    maps = conv.input.tensor[batch] if batch else conv.input.tensor
    windows = window.take(maps[first : first + per_group])
    kernel = conv.weight.tensor[channel].double()
    bias = None if conv.bias is None else conv.bias.tensor[channel].double()
    return Reading(conv, window, windows, kernel, batch, channel, first, bias)


def transposed_reading(op: Op, index: tuple[int, ...]) -> Reading:
    """What the output at `index` of a transposed convolution reads."""
    names = "input weight bias stride padding output_padding groups dilation"
    given = arguments(op, names, stride=1, padding=0, output_padding=0, groups=1, dilation=1)
    weight: Value = given["weight"]  # (in channels, out channels / groups, taps...)
    dims = len(weight.shape) - 2
    padding = sizes(given["padding"], dims)
    conv = Settings(
        given["input"],
        weight,
        given["bias"],
        sizes(given["stride"], dims),
        padding,
        padding,
        sizes(given["dilation"], dims),
        given["groups"],
    )
    batch, channel, place = index[: -dims - 1], index[-dims - 1], index[-dims:]
    window = transposed(place, conv.input.shape[-dims:], conv.kernel, conv.stride, conv.before, conv.dilation)
    per_group = weight.shape[0] // conv.groups
    first = channel // weight.shape[1] * per_group
    maps = conv.input.tensor[batch] if batch else conv.input.tensor
    windows = window.take(maps[first : first + per_group])
    kernel = weight.tensor[first : first + per_group, channel % weight.shape[1]].double()
    bias = None if conv.bias is None else conv.bias.tensor[channel].double()
    return Reading(conv, window, windows, kernel, batch, channel, first, bias, transposed=True)


@register("conv1d", "conv2d", "conv3d")
def convolution(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """Terms in the kernel's order, K = (c * k1 + u) * k2 + v; the bias is the last."""
    note = "cross-correlation, as PyTorch computes it: the kernel isn't flipped"
    read = reading(op, index)
    return _expansion(read, _formula(read.settings, read.windows.shape[0]), note)


@register("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def transposed_convolution(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The same terms for the inputs whose kernel reaches this output; taps between two inputs meet nothing."""
    read = transposed_reading(op, index)
    taps = ",".join(_TAPS[: read.settings.dims])
    places = ",".join(_PLACES[: read.settings.dims])
    condition = r",\ ".join(
        f"{_scaled(step, 'q_' + str(dim + 1))}{_shifted(-pad)}+{_scaled(apart, _TAPS[dim])}={_PLACES[dim]}"
        for dim, (step, pad, apart) in enumerate(
            zip(read.settings.stride, read.settings.before, read.settings.dilation, strict=True)
        )
    )
    bias = "" if read.bias is None else " + b_o"
    formula = rf"y_{{o,{places}}} = \sum_{{c,q,{taps}\,:\,{condition}}} w_{{c,o,{taps}}}\,x_{{c,q}}{bias}"
    return _expansion(read, formula, "each input spreads its kernel over the outputs; here is what reaches this one")


def _expansion(read: Reading, formula: str, note: str) -> Expansion:
    values, factors = read.windows.flatten(), read.kernel.flatten()
    products = values * factors
    count = values.numel()
    if read.bias is not None:
        values = torch.cat([values, read.bias.reshape(1)])
        factors = torch.cat([factors, factors.new_full((1,), torch.nan)])
        products = torch.cat([products, read.bias.reshape(1)])
    shape = read.windows.shape

    def label(position: int) -> Label:
        if position == count:
            assert read.settings.bias is not None
            return label_of(read.settings.bias, (read.channel,))
        channel, *taps = unravel(position, shape)
        factor_ref = read.settings.weight.ref(read.weight_index(channel, tuple(taps)))
        if not all(bool(inside[tap]) for inside, tap in zip(read.window.inside, taps, strict=True)):
            return Label("no input here" if read.transposed else "padding", None, factor_ref)
        return label_of(read.settings.input, (*read.batch, read.first + channel, *read.window.place(taps)), factor_ref)

    always = () if read.bias is None else (count,)
    return Expansion("formula", formula, "sum", values, factors, products, label, note=note, always=always)


def _formula(conv: Settings, channels: int) -> str:
    sums = rf"\sum_{{c=0}}^{{{channels - 1}}}"
    source = []
    for dim, taps in enumerate(conv.kernel):
        tap = _TAPS[dim]
        sums += rf"\sum_{{{tap}=0}}^{{{taps - 1}}}"
        source.append(
            f"{_scaled(conv.stride[dim], _PLACES[dim])}+{_scaled(conv.dilation[dim], tap)}{_shifted(-conv.before[dim])}"
        )
    taps = ",".join(_TAPS[: conv.dims])
    places = ",".join(_PLACES[: conv.dims])
    group = "" if conv.groups == 1 else "g(o)+"
    bias = "" if conv.bias is None else " + b_o"
    at = r",\,".join(source)
    return rf"y_{{o,{places}}} = {sums} w_{{o,c,{taps}}}\,x_{{{group}c,\,{at}}}{bias}"


def _scaled(factor: int, letter: str) -> str:
    return letter if factor == 1 else f"{factor}{letter}"


def _shifted(offset: int) -> str:
    return "" if offset == 0 else f"{offset:+d}"


def convolution_column(op: Op, index: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Where a convolution's input goes: flat positions of the outputs that read it, and the weights they read it by.

    The same as the one-hot product, but for its few outputs only, so that it takes no time in large maps.
    """
    conv = settings(op)
    dims, (batch, channel, place) = conv.dims, (index[: -conv.dims - 1], index[-conv.dims - 1], index[-conv.dims :])
    outputs, per_group = conv.weight.shape[:2]
    group = channel // per_group
    rows = torch.arange(outputs // conv.groups) + group * (outputs // conv.groups)
    weights = conv.weight.tensor[rows, channel % per_group].double()  # (outputs of the group, taps...)
    shape = op.output.shape
    positions = rows
    if batch:
        positions = positions + batch[0] * shape[1]
    for dim in range(dims):
        taps = torch.arange(conv.kernel[dim])
        distance = place[dim] + conv.before[dim] - taps * conv.dilation[dim]
        reached = distance.div(conv.stride[dim], rounding_mode="floor")
        meets = (distance % conv.stride[dim] == 0) & (reached >= 0) & (reached < shape[dim - dims])
        weights = weights.index_select(dim + 1, taps[meets])
        positions = positions.unsqueeze(-1) * shape[dim - dims] + reached[meets]
    return positions.flatten(), weights.flatten()


def kernel_column(op: Op, index: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Where one weight of a convolution goes: flat positions of its channel's outputs, and what it is multiplied by."""
    conv = settings(op)
    dims, (output, channel, *taps) = conv.dims, index
    shape = op.output.shape
    group = output // (conv.weight.shape[0] // conv.groups)
    maps = conv.input.tensor if len(shape) == dims + 2 else conv.input.tensor.unsqueeze(0)
    maps = maps[:, group * conv.weight.shape[1] + channel]  # (N, n1, ...)
    inside = torch.ones((), dtype=torch.bool)
    for dim in range(dims):
        places = torch.arange(shape[dim - dims]) * conv.stride[dim] - conv.before[dim] + taps[dim] * conv.dilation[dim]
        length = maps.shape[dim + 1]
        inside = inside.unsqueeze(-1) & ((places >= 0) & (places < length))
        maps = maps.index_select(dim + 1, places.clamp(0, length - 1))
    slopes = torch.where(inside, maps.double(), 0.0)
    batch = torch.arange(len(maps)) * shape[-dims - 1] + output
    positions = batch
    for dim in range(dims):
        positions = positions.unsqueeze(-1) * shape[dim - dims] + torch.arange(shape[dim - dims])
    reached = inside.expand(slopes.shape)
    return positions[reached], slopes[reached]
