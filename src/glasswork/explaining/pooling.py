"""Pooling: the largest of a window, or its average."""

from __future__ import annotations

import torch

from glasswork.explaining.expansion import Expansion, Label, label_of, unravel
from glasswork.explaining.rules import arguments, register, sizes
from glasswork.explaining.windows import Window, adaptive, sliding
from glasswork.tracing import Op, Trace, Value


@register("max_pool1d", "max_pool2d", "max_pool3d")
def max_pool(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The window's real elements, in its row-major order; padding is minus infinity and never among them."""
    names = "input kernel_size stride padding dilation ceil_mode return_indices"
    given = arguments(op, names, padding=0, dilation=1)
    dims = int(op.name[-2])
    kernel = sizes(given["kernel_size"], dims)
    stride = sizes(given["stride"], dims) if given["stride"] else kernel
    source: Value = given["input"]
    before, dilation = sizes(given["padding"], dims), sizes(given["dilation"], dims)
    window = sliding(index[-dims:], source.shape[-dims:], kernel, stride, before, dilation)
    return _largest(source, index[:-dims], window)


@register("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def adaptive_max_pool(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The window that the output size implies."""
    source, dims = op.operands[0], int(op.name[-2])
    window = adaptive(index[-dims:], source.shape[-dims:], op.output.shape[-dims:])
    return _largest(source, index[:-dims], window)


@register("avg_pool1d", "avg_pool2d", "avg_pool3d")
def average_pool(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The mean of the window; with count_include_pad its padding counts as zeros, but not beyond the padding.

    A `divisor_override` makes it a sum with one common factor.
    """
    names = "input kernel_size stride padding ceil_mode count_include_pad divisor_override"
    given = arguments(op, names, padding=0, ceil_mode=False, count_include_pad=True)
    dims = int(op.name[-2])
    kernel = sizes(given["kernel_size"], dims)
    stride = sizes(given["stride"], dims) if given["stride"] else kernel
    source: Value = given["input"]
    lengths, before = source.shape[-dims:], sizes(given["padding"], dims)
    # with ceil_mode the last window may begin so late that it ends beyond the padding: that part never counts
    reach = tuple(
        min(taps, length + 2 * pad - place * step)
        for taps, length, pad, place, step in zip(kernel, lengths, before, index[-dims:], stride, strict=True)
    )
    window = sliding(index[-dims:], lengths, reach, stride, before, (1,) * dims)
    divisor = given["divisor_override"]
    padded = bool(given["count_include_pad"]) and divisor is None
    return _average(source, index[:-dims], window, padded, divisor)


@register("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
def adaptive_average_pool(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The mean of the window that the output size implies."""
    source, dims = op.operands[0], int(op.name[-2])
    window = adaptive(index[-dims:], source.shape[-dims:], op.output.shape[-dims:])
    return _average(source, index[:-dims], window, padded=False, divisor=None)


def _elements(source: Value, lead: tuple[int, ...], window: Window) -> torch.Tensor:
    return window.take(source.tensor[lead].unsqueeze(0)).flatten()


def _largest(source: Value, lead: tuple[int, ...], window: Window) -> Expansion:
    kept = window.mask().flatten().nonzero().flatten()
    values = _elements(source, lead, window)[kept]

    def label(position: int) -> Label:
        return label_of(source, (*lead, *window.place(unravel(int(kept[position]), window.shape))))

    formula = r"y = \max_{(u,v)\,\in\,\text{window}} x_{u,v}"
    return Expansion("selected", formula, "max", values, None, values, label)


def _average(source: Value, lead: tuple[int, ...], window: Window, padded: bool, divisor: int | None) -> Expansion:
    mask = window.mask().flatten()
    kept = torch.arange(mask.numel()) if padded else mask.nonzero().flatten()
    values = _elements(source, lead, window)[kept]

    def label(position: int) -> Label:
        at = int(kept[position])
        if not bool(mask[at]):
            return Label("padding")
        return label_of(source, (*lead, *window.place(unravel(at, window.shape))))

    if divisor is not None:
        factors = torch.full_like(values, 1 / divisor)
        formula = rf"y = \tfrac{{1}}{{{divisor}}}\sum_{{(u,v)\,\in\,\text{{window}}}} x_{{u,v}}"
        note = "divided by the divisor that the author chose"
        return Expansion("formula", formula, "sum", values, factors, values * factors, label, note=note)
    formula = rf"y = \tfrac{{1}}{{{len(kept)}}}\sum_{{(u,v)\,\in\,\text{{window}}}} x_{{u,v}}"
    note = "padding counts as zeros" if padded and not bool(mask.all()) else ""
    return Expansion("formula", formula, "mean", values, None, values, label, note=note)
