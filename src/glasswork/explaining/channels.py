"""What each input channel gives to one output: the parts of a convolution's card, and of a linear layer's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from glasswork.explaining.answers import checked
from glasswork.explaining.convolution import reading, transposed_reading
from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import real
from glasswork.explaining.rules import arguments
from glasswork.tracing import Op, Trace, Value

_PASSES = ("dropout", "clone", "contiguous", "detach")
_FLATTENS = ("flatten", "view", "reshape")


@dataclass(frozen=True, slots=True)
class ChannelParts:
    """One output of a convolution or linear layer, channel by channel.

    Attributes:
        source: the tensor that is read; for a linear layer behind a flatten, the maps before it.
        first: its first channel that this output reads (not 0 for groups).
        windows: (C, k1, k2, ...) fp64, what is read; 0 where the window hangs over the edge.
        kernel: (C, k1, k2, ...) fp64.
        products: windows * kernel.
        subtotals: (C,) fp64, the products of each channel summed.
        bias: of the output channel, or None.
        value: the op's own output.
        positions: for each spatial axis, which positions of `source` the window covers; may lie outside (padding), and
            are -1 where a tap of a transposed convolution falls between two.
        batch: the index in front of the channel axis of `source`.
        transposed: of a transposed convolution, where its output channel stands in the kernel's second axis; else -1.
    """

    source: Value
    first: int
    windows: torch.Tensor
    kernel: torch.Tensor
    products: torch.Tensor
    subtotals: torch.Tensor
    bias: float | None
    value: float
    positions: tuple[tuple[int, ...], ...]
    batch: tuple[int, ...]
    transposed: int = -1


def channel_parts(trace: Trace, op: Op | str | int, index: Sequence[int] | int) -> ChannelParts:
    """The sums by input channel that make up one output.

    Raises:
        NoRule: for ops that are neither convolutions nor linear layers.
    """
    found = op if isinstance(op, Op) else trace[op]
    place = checked(found.output, index)
    value = real(found.output.tensor)[place].item()
    if found.name.startswith("conv"):
        read = (transposed_reading if "transpose" in found.name else reading)(found, place)
        positions = tuple(tuple(int(at) for at in line) for line in read.window.positions)
        bias = None if read.bias is None else read.bias.item()
        at = read.weight_index(0, ())[1] if read.transposed else -1
        source, first = read.settings.input, read.first
        return _parts(source, first, read.windows, read.kernel, bias, value, positions, read.batch, at)
    if found.name != "linear":
        raise NoRule(
            f"{found.name} by channel", where=found.path, why="only convolutions and linear layers have channels"
        )
    given = arguments(found, "input weight bias")
    lead, feature = place[:-1], place[-1]
    source, shape = maps_before(trace, given["input"])
    windows = given["input"].tensor[lead].double().reshape(shape)
    kernel = given["weight"].tensor[feature].double().reshape(shape)
    bias = None if given["bias"] is None else given["bias"].tensor[feature].item()
    positions = tuple(tuple(range(size)) for size in shape[1:])
    return _parts(source, 0, windows, kernel, bias, value, positions, lead)


def maps_before(trace: Trace, value: Value) -> tuple[Value, tuple[int, ...]]:
    """The feature maps that a flat tensor was flattened from, and their shape (C, H, W) without the batch.

    Looks through dropout. For a tensor that was no maps: itself, each feature a channel, (features,).
    """
    before = value
    while (op := trace.producer(before)) is not None:
        if op.name in _PASSES and before.shape == op.operands[0].shape:
            before = op.operands[0]
            continue
        if op.name in _FLATTENS and len(before.shape) == 2:
            batch, *maps = op.operands[0].shape
            if len(maps) > 1 and batch == value.shape[0] and math.prod(maps) == value.shape[1]:
                return op.operands[0], tuple(maps)
        break
    return value, (value.shape[-1],)


def _parts(
    source: Value,
    first: int,
    windows: torch.Tensor,
    kernel: torch.Tensor,
    bias: float | None,
    value: float,
    positions: tuple[tuple[int, ...], ...],
    batch: tuple[int, ...],
    transposed: int = -1,
) -> ChannelParts:
    products = windows * kernel
    subtotals = products.flatten(1).sum(1) if products.dim() > 1 else products
    return ChannelParts(source, first, windows, kernel, products, subtotals, bias, value, positions, batch, transposed)
