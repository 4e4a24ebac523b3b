"""Normalisations: shift by a mean, scale by a deviation, then the layer's own scale and shift.

Batch: S. Ioffe, C. Szegedy, 2015, https://arxiv.org/abs/1502.03167 · layer: J. Ba et al., 2016,
https://arxiv.org/abs/1607.06450 · group: Y. Wu, K. He, 2018, https://arxiv.org/abs/1803.08494 · instance: D. Ulyanov
et al., 2016, https://arxiv.org/abs/1607.08022 · RMS: B. Zhang, R. Sennrich, 2019, https://arxiv.org/abs/1910.07467 ·
local response: A. Krizhevsky et al., 2012.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion, Label, label_of, number
from glasswork.explaining.explanation import Operand
from glasswork.explaining.reductions import line_of
from glasswork.explaining.replaying import keeps_precision
from glasswork.explaining.rules import arguments, register
from glasswork.tracing import Op, Trace, Value

_FORMULA = (
    r"y = \gamma\,\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta = s\,x - s\,\mu + \beta,"
    r"\quad s = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}}"
)


def _normalised(
    source: Value,
    index: tuple[int, ...],
    mean: tuple[float, Label],
    variance: tuple[float, str, str | None],
    eps: float,
    weight: tuple[Value | None, tuple[int, ...]],
    bias: tuple[Value | None, tuple[int, ...]],
    note: str,
) -> Expansion:
    """Three terms, x s, -mean s and the bias, where s = weight / sqrt(variance + eps)."""
    (gains, gain_place), (shifts, shift_place) = weight, bias
    gamma = 1.0 if gains is None else number(gains, gain_place).item()
    scale = gamma / math.sqrt(variance[0] + eps)
    rows = [(number(source, index).item(), scale, label_of(source, index)), (mean[0], -scale, mean[1])]
    if shifts is not None:
        rows.append((number(shifts, shift_place).item(), math.nan, label_of(shifts, shift_place)))
    values = torch.tensor([value for value, _, _ in rows], dtype=torch.float64)
    factors = torch.tensor([factor for _, factor, _ in rows], dtype=torch.float64)
    operands = (
        Operand(variance[1], variance[2], variance[0]),
        Operand("eps", None, eps),
        Operand("weight", None if gains is None else gains.ref(gain_place), gamma),
        Operand("scale", None, scale),
    )
    products = torch.where(factors.isnan(), values, values * factors)
    labels = [label for _, _, label in rows]
    return Expansion(
        "formula", _FORMULA, "sum", values, factors, products, labels.__getitem__, operands=operands, note=note
    )


def _statistics(numbers: torch.Tensor, eps: float) -> tuple[float, float]:
    """Mean and (biased) variance of all `numbers`, in fp64; under `own_precision` as the kernel has them."""
    if keeps_precision():
        flat = numbers.detach().reshape(1, -1)
        _, mean, scale = torch.native_layer_norm(flat, [flat.shape[1]], None, None, eps)
        return mean.item(), 1 / scale.double().item() ** 2 - eps
    exact = numbers.double()
    return exact.mean().item(), exact.var(correction=0).item()


@register("batch_norm", "native_batch_norm")
def batch_norm(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """In training mode mean and (biased) variance are the batch's own, computed here in fp64; else the running ones."""
    names = "input running_mean running_var weight bias training momentum eps"
    given = arguments(op, names, training=False, momentum=0.1, eps=1e-5)
    if op.function is torch.batch_norm or op.name == "native_batch_norm":
        given = arguments(op, "input weight bias running_mean running_var training momentum eps")
    source: Value = given["input"]
    channel = (index[1],)
    means: Value | None = given["running_mean"]
    variances: Value | None = given["running_var"]
    weight, bias = (given["weight"], channel), (given["bias"], channel)
    if not given["training"] and means is not None and variances is not None:
        mean = (number(means, channel).item(), label_of(means, channel))
        variance = (number(variances, channel).item(), "running variance", variances.ref(channel))
        note = "the running mean and variance, learned in training"
        return _normalised(source, index, mean, variance, given["eps"], weight, bias, note)
    middle, spread = _statistics(source.tensor.select(1, channel[0]), given["eps"])
    mean, variance = (middle, Label("mean of the batch")), (spread, "variance of the batch", None)
    note = "the batch's own mean and variance"
    return _normalised(source, index, mean, variance, given["eps"], weight, bias, note)


@register("instance_norm")
def instance_norm(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """Mean and variance of this channel of this example."""
    names = "input running_mean running_var weight bias use_input_stats momentum eps"
    given = arguments(op, names, use_input_stats=True, momentum=0.1, eps=1e-5)
    if op.function is torch.instance_norm:
        given = arguments(op, "input weight bias running_mean running_var use_input_stats momentum eps")
    source: Value = given["input"]
    channel = (index[1],)
    weight, bias = (given["weight"], channel), (given["bias"], channel)
    means, variances = given["running_mean"], given["running_var"]
    if not given["use_input_stats"]:
        mean = (number(means, channel).item(), label_of(means, channel))
        variance = (number(variances, channel).item(), "running variance", variances.ref(channel))
        note = "the running mean and variance, learned in training"
    else:
        middle, spread = _statistics(source.tensor[index[:2]], given["eps"])
        mean, variance = (middle, Label("mean of the channel")), (spread, "variance of the channel", None)
        note = "mean and variance of this channel of this example"
    return _normalised(source, index, mean, variance, given["eps"], weight, bias, note)


@register("layer_norm")
def layer_norm(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """Mean and variance over the last axes of this very place."""
    given = arguments(op, "input normalized_shape weight bias eps", eps=1e-5)
    source: Value = given["input"]
    lead = len(source.shape) - len(tuple(given["normalized_shape"]))
    numbers = source.tensor[index[:lead]]
    middle, spread = _statistics(numbers, given["eps"])
    mean = (middle, Label(f"mean of the {numbers.numel()} features"))
    variance = (spread, "variance of the features", None)
    rest = index[lead:]
    note = f"mean and variance over the {numbers.numel()} features of this place"
    weight, bias = (given["weight"], rest), (given["bias"], rest)
    return _normalised(source, index, mean, variance, given["eps"], weight, bias, note)


@register("group_norm")
def group_norm(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """Mean and variance over this example's group of channels."""
    given = arguments(op, "input num_groups weight bias eps", eps=1e-5)
    source: Value = given["input"]
    size = source.shape[1] // given["num_groups"]
    first = index[1] // size * size
    middle, spread = _statistics(source.tensor[index[0], first : first + size], given["eps"])
    mean, variance = (middle, Label("mean of the group")), (spread, "variance of the group", None)
    channel = (index[1],)
    note = f"mean and variance over channels {first} to {first + size - 1} of this example"
    weight, bias = (given["weight"], channel), (given["bias"], channel)
    return _normalised(source, index, mean, variance, given["eps"], weight, bias, note)


@register("rms_norm")
def rms_norm(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """One term: the number over the root of the mean square, times the weight."""
    given = arguments(op, "input normalized_shape weight eps")
    source: Value = given["input"]
    rest = len(tuple(given["normalized_shape"]))
    lead = len(index) - rest
    eps = torch.finfo(source.dtype).eps if given["eps"] is None else given["eps"]
    square = source.tensor[index[:lead]].double().square().mean().item()
    weight: Value | None = given["weight"]
    gamma = 1.0 if weight is None else number(weight, index[lead:]).item()
    operands = (
        Operand("mean square", None, square),
        Operand("eps", None, eps),
        Operand("weight", None if weight is None else weight.ref(index[lead:]), gamma),
    )
    formula = r"y = \gamma\,\frac{x}{\sqrt{\tfrac{1}{n}\sum_i x_i^2 + \epsilon}}"
    return _scaled(source, index, gamma / math.sqrt(square + eps), formula, operands)


@register("normalize")
def normalize(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """One term: the number over the norm of its line."""
    given = arguments(op, "input p dim eps", p=2.0, dim=1, eps=1e-12)
    source: Value = given["input"]
    if not isinstance(given["dim"], int):
        raise NoRule("normalize over several axes", where=op.path)
    line = line_of(source, given["dim"], index)
    length = torch.linalg.vector_norm(line.numbers, given["p"]).item()
    formula = rf"y = \frac{{x}}{{\lVert x \rVert_{{{given['p']:g}}}}}"
    operands = (Operand("norm", None, length),)
    return _scaled(source, index, 1 / max(length, given["eps"]), formula, operands)


@register("local_response_norm")
def local_response_norm(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """One term: the number, damped by the squares of its neighbouring channels."""
    given = arguments(op, "input size alpha beta k", alpha=1e-4, beta=0.75, k=1.0)
    source: Value = given["input"]
    size, channel = given["size"], index[1]
    first, end = max(channel - size // 2, 0), channel - size // 2 + size
    near = source.tensor[(index[0], slice(first, end), *index[2:])].double()
    damp = (given["k"] + given["alpha"] * near.square().sum().item() / size) ** given["beta"]
    formula = (
        rf"y_c = x_c \Big/ \Bigl({given['k']:g} + \tfrac{{{given['alpha']:g}}}{{{size}}}"
        rf"\sum_{{c'}} x_{{c'}}^2\Bigr)^{{{given['beta']:g}}}"
    )
    operands = (Operand("sum of squares", None, near.square().sum().item()), Operand("damping", None, damp))
    return _scaled(source, index, 1 / damp, formula, operands)


def _scaled(
    source: Value, index: tuple[int, ...], scale: float, formula: str, operands: tuple[Operand, ...]
) -> Expansion:
    value = number(source, index).reshape(1)
    factor: Any = torch.tensor([scale], dtype=torch.float64)
    label = label_of(source, index)
    return Expansion("formula", formula, "sum", value, factor, value * factor, lambda _: label, operands=operands)
