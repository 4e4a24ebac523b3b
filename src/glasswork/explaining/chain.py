"""Where a gradient comes from: the chain rule, with real terms.

d(L)/d(x_i) = sum over every output y_j that reads x_i of d(y_j)/d(x_i) * d(L)/d(y_j). The derivatives of one x_i are a
column of the Jacobian, for any op, with no rule per op: see columns.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from glasswork.explaining.aliases import readers, same_tensor
from glasswork.explaining.cancelling import written_out_columns
from glasswork.explaining.columns import Column, columns
from glasswork.explaining.convolution import settings
from glasswork.explaining.expansion import Expansion, Label, flat_place, real, real_shape, unravel
from glasswork.explaining.overwriting import Overwrite, overwrites_of, through_a_view
from glasswork.explaining.rewriting import followed, writers_on
from glasswork.tracing import NotRebuilt, Op, Trace, Value
from glasswork.tracing.rebuilding import can_rebuild

_CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
_FORMULA = (
    r"\frac{\partial L}{\partial x_i} = \sum_j \frac{\partial y_j}{\partial x_i}\,\frac{\partial L}{\partial y_j}"
)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one output of one reader hands back: slopes times gradients."""

    op: Op
    read: Value
    column: Column
    gradients: torch.Tensor


def gradient_terms(trace: Trace, value: Value, index: tuple[int, ...], written_out: bool = False) -> Expansion:
    """The terms of d(loss)/d(value[index]), one for each number that was computed from it.

    Each term's value is the gradient of that number (`ref` ends in @grad), its factor the slope of that number in
    this one; `factor_ref` names the weight where the slope is one.

    Args:
        trace: the run.
        value: what the number is of.
        index: where in it.
        written_out: slopes that are known in parts stand as several terms: see cancelling.py.

    Raises:
        NotKept: if what a reader read was not kept.
    """
    parts = _parts(trace, value, index, written_out)
    gradients = [part.gradients for part in parts]
    slopes = [part.column.slopes for part in parts]
    own = sum(trace.seed(name, index) for name in same_tensor(trace, value))
    if own:
        gradients.append(torch.ones(1, dtype=torch.float64))
        slopes.append(torch.full((1,), own, dtype=torch.float64))

    def label(position: int) -> Label:
        for part in parts:
            count = len(part.column.positions)
            if position < count:
                output = part.column.output
                place = unravel(int(part.column.positions[position]), real_shape(output))
                name = f"d(loss)/d({output.path or f'{part.op.path}, the whole'}[{','.join(map(str, place))}])"
                if part.column.part:
                    return Label(f"{name}, {part.column.part}", output.ref(place, "grad"))
                return Label(name, output.ref(place, "grad"), _weight(part.op, part.read, index, place))
            position -= count
        return Label("the loss itself")

    empty = torch.zeros(0, dtype=torch.float64)
    values, factors = torch.cat([empty, *gradients]), torch.cat([empty, *slopes])
    notes = dict.fromkeys(part.column.note for part in parts if part.column.note)
    note = (
        "; ".join(notes) if len(values) else "nothing that the loss depends on changes with this number, to first order"
    )
    failed = "; ".join(dict.fromkeys(part.column.failed for part in parts if part.column.failed))
    note = "; ".join(filter(None, (note, failed)))
    return Expansion("formula", _FORMULA, "sum", values, factors, values * factors, label, note=note, failed=failed)


def _parts(trace: Trace, value: Value, index: tuple[int, ...], written_out: bool) -> list[_Part]:
    parts = []
    for op, name in readers(trace, value):
        written = through_a_view(trace, op)
        if written is None:
            if name is op.operands[0] and op in writers_on(trace, name):
                continue  # autograd leads past what was written on
            wanted = [output for output in op.outputs if output.grad is not None or writers_on(trace, output)]
            found = written_out_columns(op, name, index) if written_out and wanted else None
            inside = _inside(trace, op, name, index) if written_out and wanted and found is None else None
            if inside is not None:
                parts += inside
                continue
            for column in columns(op, name, index, wanted) if found is None else found:
                parts += [_part(op, name, one) for one in followed(trace, column)]
        elif name is not op.operands[0]:  # what the view itself held passes from the whole to the whole, below
            parts += _into_the_whole(written, name, index)
    for name in same_tensor(trace, value):
        for written in overwrites_of(trace, name):
            inside = written.inside(index)
            if written.after.grad is None:
                continue
            if inside is None:
                place = torch.tensor([flat_place(index, name.shape)])
                column = Column(written.after, place, torch.ones(1, dtype=torch.float64))
                parts.append(_part(written.writer, name, column))
            else:
                parts += _into_the_whole(written, written.writer.operands[0], inside)
    return parts


def _inside(trace: Trace, op: Op, read: Value, index: tuple[int, ...]) -> list[_Part] | None:
    """What a fused op hands back, as the terms of its rebuilt parts, past those that only move the number.

    A key's bias changes no attention weight: its gradient is 0, and torch's number is the rounding of the keys' own
    gradients, which are terms in here. None where the op is not fused, or can't be rebuilt.
    """
    if not can_rebuild(op) or read.path is None:
        return None
    try:
        inside = trace.rebuild(op)
    except NotRebuilt:
        return None
    value = inside.inputs.get(read.path)
    while value is not None and not inside.seed(value, index):
        parts = [part for part in _parts(inside, value, index, written_out=True) if len(part.gradients)]
        moved = parts[0].column if len(parts) == 1 else None
        if moved is None or len(moved.positions) != 1 or moved.slopes.item() != 1:
            note = f"written out by the rebuilt parts of {op.path}: they nearly cancel here"
            return [replace(part, column=replace(part.column, note=note)) for part in parts] or None
        value, index = moved.output, unravel(int(moved.positions[0]), moved.output.shape)
    return None


def _into_the_whole(written: Overwrite, read: Value, index: tuple[int, ...]) -> list[_Part]:
    """What an operand of a write through a view gives to the whole tensor."""
    after, view = written.after, written.writer.output
    if after.grad is None:
        return []
    return [
        _part(written.writer, read, Column(after, written.places[column.positions], column.slopes, column.note))
        for column in columns(written.writer, read, index, [view])
    ]


def _part(op: Op, read: Value, column: Column) -> _Part:
    gradient = column.output.grad
    assert gradient is not None
    # gradients stay in torch's precision until here: they are numbers of the run
    return _Part(op, read, column, real(gradient).reshape(-1)[column.positions].double())


def _weight(op: Op, value: Value, index: tuple[int, ...], place: tuple[int, ...]) -> str | None:
    """Where the slope stands, if it is a weight's element as it is."""
    if len(op.operands) < 2:
        return None
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
