"""The layers of a convolutional network that can be asked about: those that its folded map shows."""

from __future__ import annotations

from collections.abc import Sequence

from glasswork.errors import unknown
from glasswork.explaining.attributing import call_of
from glasswork.scenes.folding import fold
from glasswork.scenes.graphs import column_name
from glasswork.scenes.labels import name_of
from glasswork.scenes.messages.seeing import LayerChoice
from glasswork.tracing import Op, Trace, Value

ROOM = 40
"""So many columns are listed before what is alike pleats."""


def layers(trace: Trace) -> list[LayerChoice]:
    """All layers that make maps or vectors of one picture, in order; what the zoo appended is none."""
    found: dict[str, LayerChoice] = {}
    for column in fold(trace, "blocks", room=ROOM):
        for part in [column] if column.count == 1 else column.parts:
            op = _last(part.ops)
            if op is not None:
                stem = column_name(column) if column.count == 1 else name_of(op.path, op.name)
                found.setdefault(op.path, _choice(trace, op, f"{column.stage} {stem}".strip()))
    return list(found.values())


def _last(ops: Sequence[Op]) -> Op | None:
    """Of a column's operations the last that makes maps; where none does, the last that makes a vector."""
    asked = [op for op in ops if op.outputs and op.path != ":softmax" and _is_asked(op.output)]
    maps = [op for op in asked if len(op.output.shape) == 4 and op.output.shape[2] * op.output.shape[3] > 1]
    return (maps or asked or [None])[-1]


def _is_asked(value: Value) -> bool:
    shape = value.shape
    return value.dtype.is_floating_point and len(shape) in (2, 4) and shape[0] == 1 and shape[1] > 1


def _choice(trace: Trace, op: Op, label: str) -> LayerChoice:
    shape = op.output.shape
    rows, columns = (shape[2], shape[3]) if len(shape) == 4 else (1, 1)
    called = call_of(trace, op) is not None
    return LayerChoice(path=op.path, label=label, channels=shape[1], rows=rows, columns=columns, called=called)


def layer_at(trace: Trace, path: str, choices: list[LayerChoice]) -> LayerChoice:
    """The one of a path; "" is the last that makes maps.

    Raises:
        GlassworkError: there is none.
    """
    if not path:
        return [one for one in choices if one.rows * one.columns > 1][-1]
    for one in choices:
        if one.path == path:
            return one
    raise unknown("layer", path, [one.path for one in choices])
