"""Where a gradient comes from: the chain rule, with real terms.

d(L)/d(x_i) = sum over every output y_j that reads x_i of d(y_j)/d(x_i) * d(L)/d(y_j). The derivatives of one x_i are a
column of the Jacobian, and one forward-mode product with a one-hot tangent gives all of it, for any op, with no rule
per op: A. Baydin et al., Automatic differentiation in machine learning: a survey, 2018, https://arxiv.org/abs/1502.05767
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from glasswork.explaining.convolution import settings
from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion, Label, unravel
from glasswork.explaining.rules import arguments
from glasswork.tracing import Op, Trace, Value
from glasswork.tracing.values import replace_values

_DROPOUTS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout")
_CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")


@dataclass(frozen=True, slots=True)
class _Part:
    """What one output of one reader hands back: at `positions` (flat), slopes times gradients."""

    op: Op
    output: Value
    positions: torch.Tensor
    slopes: torch.Tensor
    gradients: torch.Tensor


def gradient_terms(trace: Trace, value: Value, index: tuple[int, ...]) -> Expansion:
    """The terms of d(loss)/d(value[index]), one for each number that was computed from it.

    Each term's value is the gradient of that number (`ref` ends in @grad), its factor the slope of that number in
    this one; `factor_ref` names the weight where the slope is one.

    Raises:
        NoRule: for readers whose derivative torch does not know.
    """
    parts = [part for op in trace.readers(value) for part in _parts(op, value, index)]
    gradients = [part.gradients for part in parts]
    slopes = [part.slopes for part in parts]
    own = trace.seed(value, index)
    if own:
        gradients.append(torch.ones(1, dtype=torch.float64))
        slopes.append(torch.full((1,), own, dtype=torch.float64))
    ends: list[int] = []
    for part in parts:
        ends.append((ends[-1] if ends else 0) + part.positions.numel())

    def label(position: int) -> Label:
        start = 0
        for part, end in zip(parts, ends, strict=True):
            if position < end:
                place = unravel(int(part.positions[position - start]), part.output.shape)
                name = f"d(loss)/d({part.output.path}[{','.join(map(str, place))}])"
                return Label(name, part.output.ref(place, "grad"), _weight(part.op, value, index, place))
            start = end
        return Label("the loss itself")

    empty = torch.zeros(0, dtype=torch.float64)
    values, factors = torch.cat([empty, *gradients]), torch.cat([empty, *slopes])
    formula = (
        r"\frac{\partial L}{\partial x_i} = \sum_j \frac{\partial y_j}{\partial x_i}\,\frac{\partial L}{\partial y_j}"
    )
    note = "" if len(values) else "nothing that the loss depends on changes with this number, to first order"
    return Expansion("formula", formula, "sum", values, factors, values * factors, label, note=note)


def _parts(op: Op, value: Value, index: tuple[int, ...]) -> list[_Part]:
    if not any(output.grad is not None for output in op.outputs):
        return []
    if op.name in _CONVOLUTIONS and value is op.operands[0] and value is not op.operands[1]:
        positions, slopes = _convolution_column(op, index)
        assert op.output.grad is not None
        return [_Part(op, op.output, positions, slopes, op.output.grad.reshape(-1)[positions].double())]
    parts = []
    for output, column in zip(op.outputs, _columns(op, value, index), strict=True):
        if output.grad is None or column is None:
            continue
        slopes = column.flatten()
        positions = slopes.nonzero().flatten()
        if output.shape == value.shape and not len(positions):  # the slope 0 of a ReLU is worth showing
            flat = 0
            for place, size in zip(index, value.shape, strict=True):
                flat = flat * size + place
            positions = torch.tensor([flat])
        # gradients stay in torch's precision until here: they are numbers of the run
        gradients = output.grad.reshape(-1)[positions].double()
        parts.append(_Part(op, output, positions, slopes[positions], gradients))
    return parts


def _convolution_column(op: Op, index: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
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


def _columns(op: Op, value: Value, index: tuple[int, ...]) -> Sequence[torch.Tensor | None]:
    """d(output)/d(value[index]) for each output of an op, fp64, zeros where nothing passes."""
    if op.name in _DROPOUTS:
        column = torch.zeros(op.output.shape, dtype=torch.float64)
        given = arguments(op, "input p training inplace", p=0.5, training=True)
        x, y = value.tensor[index].double(), op.output.tensor[index].double()
        if not given["training"]:
            column[index] = 1.0
        elif x == 0:
            raise NoRule("the gradient of a dropped zero", where=op.path, why="its mask can't be seen in the output")
        else:
            column[index] = 0.0 if y == 0 else 1 / (1 - given["p"])
        return [column]
    tangent = torch.zeros(value.shape, dtype=torch.float64)
    tangent[index] = 1.0
    function = _as_function(op, value)
    try:
        with torch.enable_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # forward mode is called a prototype in places
            columns = torch.func.jvp(function, (value.tensor.double(),), (tangent,))[1]
    except (RuntimeError, NotImplementedError) as error:
        raise NoRule(f"the gradient through {op.name}", where=op.path, why=str(error).splitlines()[0]) from error
    return columns


def _as_function(op: Op, value: Value) -> Callable[[torch.Tensor], tuple[torch.Tensor, ...]]:
    """The op as a function of one of its operands, in fp64; the others stand still."""

    def function(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        def operand(other: Value) -> torch.Tensor:
            if other is value:
                return x.clone()
            data = other.tensor
            return data.double() if data.is_floating_point() else data

        args = [replace_values(operand, item) for item in op.args]
        kwargs: dict[str, Any] = {key: replace_values(operand, item) for key, item in op.kwargs.items()}
        if op.name == "batch_norm" and op.function is not torch.batch_norm:
            given = arguments(op, "input running_mean running_var weight bias training momentum eps")
            if given["training"]:  # the running statistics are written, not read
                args[1:3] = [None] * len(args[1:3])
                kwargs |= {key: None for key in ("running_mean", "running_var") if key in kwargs}
        kwargs.pop("out", None)
        made = op.function(*args, **kwargs)
        if made is None:  # x[i] = v
            made = args[0]
        outputs = [made] if isinstance(made, torch.Tensor) else list(made)
        zero = x.sum() * 0  # makes outputs that do not depend on x, or are integers, duals too
        return tuple(y if y.is_floating_point() else zero.expand(y.shape) for y in outputs)

    return function


def _weight(op: Op, value: Value, index: tuple[int, ...], place: tuple[int, ...]) -> str | None:
    """Where the slope stands, if it is a weight's element as it is."""
    if op.name == "linear":
        weight: Value = op.operands[1]
        if value is op.operands[0] and value is not weight and len(weight.shape) == 2:
            return weight.ref((place[-1], index[-1]))
    elif op.name in _CONVOLUTIONS:
        conv = settings(op)
        if value is not conv.input or value is conv.weight:
            return None
        dims, channel, output = conv.dims, index[-conv.dims - 1], place[-conv.dims - 1]
        taps = [
            (q + pad - p * step) // apart
            for q, pad, p, step, apart in zip(
                index[-dims:], conv.before, place[-dims:], conv.stride, conv.dilation, strict=True
            )
        ]
        return conv.weight.ref((output, channel % conv.weight.shape[1], *taps))
    return None
