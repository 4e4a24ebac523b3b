"""How an op's outputs change with one number that it reads: a column of its Jacobian.

Forward-mode autodiff with a one-hot tangent gives the column of any op. Where the answer lies open it is read off:
weights of convolutions and linear layers, positions of ops that only move, one element of those that work element by
element. And where torch knows no forward derivative, the column is the gradient of a gradient, or, last, a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch._ops import OpOverload, OpOverloadPacket

from glasswork.explaining.convolution import convolution_column, kernel_column
from glasswork.explaining.differences import slope_by_difference
from glasswork.explaining.dropout import alpha_dropout_slope
from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import flat_place, number, real, real_shape
from glasswork.explaining.generic import is_affine
from glasswork.explaining.moving import column as moved_column
from glasswork.explaining.moving import embedding_operands, is_move
from glasswork.explaining.pointwise import at_element, is_elementwise
from glasswork.explaining.randomness import is_drawn
from glasswork.explaining.regions import region_column
from glasswork.explaining.replaying import is_float, replay, undisturbed, wide
from glasswork.explaining.rules import arguments, failure
from glasswork.tracing import NotKept, Op, Value

_CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
_FEW = 64
_ALPHA_DROPOUTS = ("alpha_dropout", "feature_alpha_dropout")
_DROPOUTS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout")


@dataclass(frozen=True, slots=True)
class Column:
    """What one output of an op takes from one number.

    Attributes:
        positions: flat places in the output, as real numbers.
        slopes: d(output there)/d(number), fp64.
        note: how it was found, where not exactly.
        failed: what reading it off raised, where that crashed and autodiff stands in; else "".
        part: which part of the slopes these are, where they are written out; else "".
    """

    output: Value
    positions: torch.Tensor
    slopes: torch.Tensor
    note: str = ""
    failed: str = ""
    part: str = ""


def columns(op: Op, value: Value, index: tuple[int, ...], outputs: Sequence[Value]) -> list[Column]:
    """The derivatives of some of an op's outputs by one number of one operand."""
    if not outputs:
        return []
    read_off, failed = None, ""
    if not any(operand.dtype.is_complex for operand in (*op.operands, *op.outputs)):
        try:
            read_off = _read_off(op, value, index, outputs)
        except NotKept:
            raise
        except NoRule:  # it can't be read off
            pass
        except Exception as error:  # a mistake of ours: autodiff needs to foresee nothing
            failed = failure(op, error)
    if read_off is not None:
        return read_off
    dense, note = by_autodiff(op, value, index)
    if is_drawn(op) and op.random is None:
        note = "chance had a part in it, and what it drew is not known: these slopes are of another draw"
    found = []
    for output, column in zip(op.outputs, dense, strict=True):
        if column is None or not any(output is wanted for wanted in outputs):
            continue
        slopes = column.flatten()
        positions = slopes.nonzero().flatten()
        if not len(positions) and real_shape(output) == real_shape(value):  # the slope 0 of a ReLU is worth showing
            positions = torch.tensor([flat_place(index, real_shape(value))])
        found.append(Column(output, positions, slopes[positions], note, failed))
    return found


def by_autodiff(op: Op, value: Value, index: tuple[int, ...]) -> tuple[list[torch.Tensor | None], str]:
    """The column of each output, dense, in its shape as real numbers; None for outputs that have no slopes."""
    made, note = _forward_mode(op, value, index), ""
    if made is None:
        made = _reverse_twice(op, value, index)
    if made is None:
        made = _row_by_row(op, value, index)
    if made is None:
        made = _by_linearity(op, value, index)
    if made is None:
        made, note = _differences(op, value, index), "slopes by differences in fp64: torch knows no derivative here"
    return [column if is_float(output) else None for output, column in zip(op.outputs, made, strict=False)], note


def _function_of(op: Op, value: Value) -> Callable[[torch.Tensor], tuple[torch.Tensor, ...]]:
    """The op as a function of one operand as real numbers; the others stand still. Whole numbers come out as zeros."""

    def function(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        def stand_in(other: Value) -> torch.Tensor:
            if other is not value:
                return wide(other.tensor)
            return torch.view_as_complex(x.clone()) if value.dtype.is_complex else x.clone()

        zero = x.sum() * 0  # makes outputs that do not depend on x, or are integers, duals too
        outputs = [real(y) for y in replay(op, stand_in)]
        return tuple(y + zero if y.is_floating_point() else zero.expand(y.shape) for y in outputs)

    return function


def _forward_mode(op: Op, value: Value, index: tuple[int, ...]) -> list[torch.Tensor] | None:
    if isinstance(op.function, (OpOverload, OpOverloadPacket)) and not str(op.function).startswith("aten"):
        return None  # an operator from outside torch that knows no forward mode says 0 and not that
    x = real(wide(value.tensor))
    tangent = torch.zeros_like(x)
    tangent[index] = 1.0
    try:
        with undisturbed(), torch.enable_grad():
            return list(torch.func.jvp(_function_of(op, value), (x,), (tangent,))[1])
    except NotKept:
        raise
    except Exception:
        return None


def _reverse_twice(op: Op, value: Value, index: tuple[int, ...]) -> list[torch.Tensor] | None:
    """The derivative of (v · Jacobian)[index] by v, which is the column, whatever v."""
    try:
        with undisturbed(), torch.enable_grad():
            x = real(wide(value.tensor)).requires_grad_()
            outputs = _function_of(op, value)(x)
            weights = [torch.ones_like(y, requires_grad=True) for y in outputs]
            (slopes,) = torch.autograd.grad(outputs, x, weights, create_graph=True)
            found = torch.autograd.grad(slopes[index], weights, allow_unused=True)
        return [
            torch.zeros_like(y).detach() if column is None else column for y, column in zip(outputs, found, strict=True)
        ]
    except NotKept:
        raise
    except Exception:
        return None


def _row_by_row(op: Op, value: Value, index: tuple[int, ...]) -> list[torch.Tensor] | None:
    """One reverse run for each output number, where there are few: losses that know no other derivative."""
    if sum(torch.Size(real_shape(output)).numel() for output in op.outputs) > _FEW:
        return None
    try:
        with undisturbed(), torch.enable_grad():
            x = real(wide(value.tensor)).requires_grad_()
            found = []
            for y in _function_of(op, value)(x):
                column = [torch.autograd.grad(number_, x, retain_graph=True)[0][index] for number_ in y.flatten()]
                found.append(torch.stack(column).reshape(y.shape))
        return found
    except NotKept:
        raise
    except Exception:
        return None


def _by_linearity(op: Op, value: Value, index: tuple[int, ...]) -> list[torch.Tensor] | None:
    """f(one-hot) - f(0), for an op that is linear in this operand."""
    if not all(is_affine(op, [value], slot) for slot, output in enumerate(op.outputs) if is_float(output)):
        return None
    one = torch.zeros_like(real(wide(value.tensor)))
    with undisturbed(), torch.no_grad():
        function = _function_of(op, value)
        without = function(one)
        one[index] = 1.0
        return [a - b for a, b in zip(function(one), without, strict=True)]


def _differences(op: Op, value: Value, index: tuple[int, ...]) -> list[torch.Tensor]:
    function = _function_of(op, value)
    with undisturbed(), torch.no_grad():
        return slope_by_difference(lambda x: list(function(x)), real(wide(value.tensor)), index)


def _read_off(op: Op, value: Value, index: tuple[int, ...], outputs: Sequence[Value]) -> list[Column] | None:
    """The column where no differentiation is needed; None where it is."""
    output, first = op.output, op.operands[0]
    name = op.name.removesuffix("_")
    several = sum(operand is value for operand in op.operands) > 1
    if is_move(op) and not several:
        return _of_a_move(op, value, index, outputs)
    if name == "embedding":
        return _of_an_embedding(op, value, index)
    if len(op.outputs) != 1:
        return None
    if name == "rrelu" and is_drawn(op):  # the slope that was drawn, as the output shows it
        ratio = number(output, index) / number(first, index)
        return [Column(output, torch.tensor([flat_place(index, value.shape)]), ratio.nan_to_num(1.0).reshape(1))]
    if name in _DROPOUTS:
        return [_of_a_dropout(op, value, index)]
    if name in _ALPHA_DROPOUTS and is_drawn(op):
        slope = torch.tensor([alpha_dropout_slope(op, index)], dtype=torch.float64)
        return [
            Column(output, torch.tensor([flat_place(index, value.shape)]), slope, "the mask as the output shows it")
        ]
    if name == "gumbel_softmax":
        return _of_a_gumbel_softmax(op, index)
    if name in _CONVOLUTIONS and not several:
        if value is first:
            return [Column(output, *convolution_column(op, index))]
        if value is op.operands[1]:
            return [Column(output, *kernel_column(op, index))]
        return None
    if name == "linear" and not several:
        return [Column(output, *_of_a_linear_layer(op, value, index))]
    if name == "roi_align":
        reached = region_column(op, value, index)
        return None if reached is None else [Column(output, *reached)]
    if is_elementwise(op) and value.shape == output.shape:
        leaves: dict[int, torch.Tensor] = {}
        with undisturbed(), torch.enable_grad():
            y = at_element(op, index, leaves)
            slope = torch.autograd.grad(y.sum(), leaves[id(value)], allow_unused=True)[0] if y.requires_grad else None
        slopes = torch.zeros(1, dtype=torch.float64) if slope is None else slope.reshape(1)
        return [Column(output, torch.tensor([flat_place(index, value.shape)]), slopes)]
    return None


def _of_a_move(op: Op, value: Value, index: tuple[int, ...], outputs: Sequence[Value]) -> list[Column] | None:
    found = []
    for slot, output in enumerate(op.outputs):
        if not any(output is wanted for wanted in outputs):
            continue
        positions = moved_column(op, value, index, slot)
        if positions is None:
            return None
        found.append(Column(output, positions, torch.ones(len(positions), dtype=torch.float64)))
    return found


def _of_an_embedding(op: Op, value: Value, index: tuple[int, ...]) -> list[Column] | None:
    tokens, weight = embedding_operands(op)
    padding = arguments(op, "input weight padding_idx")["padding_idx"]
    if value is not weight:
        return None
    rows = (tokens.tensor.flatten() == index[0]).nonzero().flatten()
    if isinstance(padding, int) and padding >= 0 and index[0] == padding:
        rows = rows[:0]  # the padding's row learns nothing
    positions = rows * weight.shape[1] + index[1]
    return [Column(op.output, positions, torch.ones(len(rows), dtype=torch.float64))]


def _of_a_linear_layer(op: Op, value: Value, index: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    given = arguments(op, "input weight bias")
    source, weight = given["input"], given["weight"]
    outputs = weight.shape[0] if len(weight.shape) == 2 else 1
    if value is source:
        *lead, feature = index
        start = flat_place(lead, source.shape[:-1]) * outputs
        column = weight.tensor[..., feature].double().reshape(-1)
        return torch.arange(outputs) + start, column
    places = torch.arange(torch.Size(source.shape[:-1]).numel())
    out = index[0] if len(weight.shape) == 2 else 0
    if value is weight:
        return places * outputs + out, source.tensor[..., index[-1]].double().reshape(-1)
    return places * outputs + out, torch.ones(len(places), dtype=torch.float64)


def _of_a_dropout(op: Op, value: Value, index: tuple[int, ...]) -> Column:
    """The mask as the output shows it; where a zero went in it shows nothing, and the gradients tell."""
    output = op.output
    position = torch.tensor([flat_place(index, value.shape)])
    given = arguments(op, "input p training inplace", p=0.5, training=op.function not in (torch.dropout,))
    x, y = number(value, index), number(output, index)
    note = ""
    if not is_drawn(op):
        slope = 1.0
    elif x != 0:
        slope = 0.0 if y == 0 else 1 / (1 - given["p"])
    else:
        slope, note = 1 / (1 - given["p"]), "a zero went through the dropout: its mask is told by the gradient"
        assert output.grad is not None
        if value.grad is not None and output.grad[index] != 0 and value.grad[index] == 0:
            slope = 0.0
    return Column(output, position, torch.tensor([slope], dtype=torch.float64), note)


def _of_a_gumbel_softmax(op: Op, index: tuple[int, ...]) -> list[Column]:
    """dy_j/dx_i = (y_j (own) - y_j y_i) / tau: the noise shifts the logits, the output shows what came of them.

    E. Jang et al., Categorical reparameterization with Gumbel-softmax, 2017, https://arxiv.org/abs/1611.01144
    """
    given = arguments(op, "logits tau hard eps dim", tau=1, hard=False, dim=-1)
    if given["hard"]:
        raise NoRule("gumbel_softmax with hard=True", where=op.path, why="its output does not show the soft shares")
    output, axis = op.output, given["dim"] % max(len(op.output.shape), 1)
    at = tuple(slice(None) if dim == axis else place for dim, place in enumerate(index))
    shares = output.tensor[at].double().reshape(-1)
    own = index[axis] if index else 0
    slopes = -shares * shares[own]
    slopes[own] += shares[own]
    first = flat_place([0 if dim == axis else place for dim, place in enumerate(index)], output.shape)
    positions = first + torch.arange(len(shares)) * torch.Size(output.shape[axis + 1 :]).numel()
    return [Column(output, positions, slopes / given["tau"], "the shares as they were drawn")]
