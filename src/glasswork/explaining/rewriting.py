"""Writes on a tensor that is itself a view, right where it was made: `y = x[:, :3]; y += z`.

Autograd then leads from the new y to what x was, past the old y: the old one's own gradient lacks the way through the
write. (Many layers return views of what they made inside: a linear layer on sequences, an instance norm.) So a column
into the old y goes on, through the write, into the new one.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

import torch

from glasswork.explaining.aliases import readers_of
from glasswork.explaining.columns import Column, columns
from glasswork.explaining.expansion import unravel
from glasswork.explaining.overwriting import through_a_view
from glasswork.explaining.pointwise import is_elementwise
from glasswork.explaining.replaying import is_float, replay, undisturbed, wide
from glasswork.tracing import NotKept, Op, Trace, Value

_views: WeakKeyDictionary[Op, tuple[bool, ...]] = WeakKeyDictionary()


def followed(trace: Trace, column: Column) -> list[Column]:
    """The column into an output as far as the loss sees it: into it, and past it through writes on a view."""
    output = column.output
    found = [column] if output.grad is not None else []
    for writer in writers_on(trace, output):
        found += [later for one in _through(writer, column) for later in followed(trace, one)]
    return found


def writers_on(trace: Trace, output: Value) -> list[Op]:
    """The ops that wrote on this very value, if it is a view: autograd leads past it."""
    writers = [
        op for op in readers_of(trace, output) if op.operands[0] is output and _writes(op) and op.output is not output
    ]
    if not writers:
        return []
    if output.grad is not None and len(readers_of(trace, output)) == 1:
        return []  # its gradient came through the write
    if output.grad is not None and not is_view(trace, output):
        return []
    return [op for op in writers if through_a_view(trace, op) is None]


def is_view(trace: Trace, value: Value) -> bool:
    """Whether a tensor was a view of another one when its op returned it."""
    op = trace.producer(value)
    if op is None or not any(output is value for output in op.outputs):
        return False
    if _writes(op):
        return bool(op.operands) and is_view(trace, op.operands[0])
    known = _views.get(op)
    if known is None:
        known = _views[op] = _ask(op)
    return value.slot < len(known) and known[value.slot]


def _ask(op: Op) -> tuple[bool, ...]:
    def stand_in(value: Value) -> torch.Tensor:
        tensor = value.tensor.detach()  # in its own layout, and with autograd on: layers differ by both
        return tensor.requires_grad_() if is_float(value) else tensor

    try:
        with undisturbed(), torch.enable_grad():
            return tuple(made._is_view() for made in replay(op, stand_in))
    except NotKept:
        raise
    except Exception:
        return ()


def _writes(op: Op) -> bool:
    return op.name.endswith("_") or op.name == "setitem" or bool(op.kwargs.get("inplace"))


def _through(writer: Op, column: Column) -> list[Column]:
    """A column into what a writer wrote on, as columns into what it made."""
    before, after = column.output, writer.output
    if not len(column.positions):
        return []
    if is_elementwise(writer) and before.shape == after.shape:  # one slope for each number, all in one run
        with undisturbed(), torch.enable_grad():
            leaf = wide(before.tensor).requires_grad_()
            (made,) = replay(writer, lambda v: leaf.clone() if v is before else wide(v.tensor))
            (slopes,) = torch.autograd.grad(made.sum(), leaf)
        return [Column(after, column.positions, column.slopes * slopes.flatten()[column.positions], column.note)]
    found = []
    for position, slope in zip(column.positions.tolist(), column.slopes, strict=True):
        for one in columns(writer, before, unravel(position, before.shape), [after]):
            found.append(Column(after, one.positions, one.slopes * slope, one.note or column.note))
    return found
