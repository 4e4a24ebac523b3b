"""Where does this number come from?"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from glasswork.explaining.chain import gradient_terms
from glasswork.explaining.errors import BadIndex, NoGradient
from glasswork.explaining.expansion import Expansion
from glasswork.explaining.explanation import Explanation
from glasswork.explaining.rules import rule_for
from glasswork.tracing import Op, Trace, UnknownAddress, Value


def explain(
    trace: Trace,
    op: Op | str | int,
    index: Sequence[int] | int,
    of: str = "value",
    limit: int | None = 32,
) -> Explanation:
    """Explain one number of an op's output, or of an input or parameter.

    Args:
        trace: the run that the number is from.
        op: an op, any of its addresses, or the name of an input, parameter or buffer.
        index: where in its (first) output; every axis counts, the batch too; negative ones count from the end.
        of: "value", or "grad" for d(loss)/d(that number).
        limit: how many terms to list, the largest; None for all, in their order.

    Raises:
        UnknownAddress: if there is nothing of that name.
        BadIndex: if the index does not point into the tensor.
        NoRule: if nobody has written down how this op makes its numbers.
        NoGradient: if the trace holds no gradient for it.
        NotKept: if its tensor, or one that it is made of, was not kept.
    """
    if isinstance(op, str) and op not in trace:
        return explain_value(trace, op, index, of, limit)
    found = _op(trace, op)
    if of == "grad":
        return _gradient(trace, found.output, index, limit)
    place = checked(found.output, index)
    value = found.output.tensor[place].item()
    return rule_for(found)(trace, found, place).explanation(found.path, place, value, limit, of)


def explain_value(
    trace: Trace, path: str, index: Sequence[int] | int, of: str = "value", limit: int | None = 32
) -> Explanation:
    """Explain one number of whatever `path` names: an op's output as `explain` does; what came in is given."""
    value = trace.value(path)
    if value.producer is not None and value.slot == 0:
        return explain(trace, value.producer, index, of, limit)
    if of == "grad":
        return _gradient(trace, value, index, limit)
    place = checked(value, index)
    kinds = {
        "input": "an input of the network",
        "parameter": "a parameter, learned",
        "buffer": "a buffer of the module",
    }
    taken = value.tensor[place].double().item()
    return Explanation(
        op=value.path or path,
        index=place,
        of="value",
        kind="given",
        value=taken,
        formula="",
        reduce="identity",
        terms=(),
        count=0,
        remainder=0.0,
        nonlinear=0.0,
        error=0.0,
        note=kinds.get(value.kind, ""),
    )


def terms(trace: Trace, op: Op | str | int, index: Sequence[int] | int) -> Expansion:
    """All terms of one number as fp64 vectors; the same that `explain` cuts to the largest."""
    found = _op(trace, op)
    return rule_for(found)(trace, found, checked(found.output, index))


def checked(value: Value, index: Sequence[int] | int) -> tuple[int, ...]:
    """`index` as a tuple of non-negative places in `value`, or BadIndex."""
    places = (index,) if isinstance(index, int) else tuple(int(place) for place in index)
    shape = value.shape
    if len(places) != len(shape) or any(not -size <= p < size for p, size in zip(places, shape, strict=False)):
        raise BadIndex(
            f"{list(places)} does not point into {value.path or 'the tensor'}",
            where=f"a tensor of shape {list(shape)}",
            why=f"it has {len(shape)} axes, the index {len(places)}" if len(places) != len(shape) else "out of range",
            todo="count every axis from 0, the batch too",
        )
    return tuple(place % size for place, size in zip(places, shape, strict=True))


def _op(trace: Trace, op: Op | str | int) -> Op:
    if isinstance(op, Op):
        if not (0 <= op.id < len(trace.ops) and trace.ops[op.id] is op):
            raise UnknownAddress(
                f"{op!r} is not an op of this trace", where=repr(trace), todo="take it from trace[...]"
            )
        return op
    return trace[op]


def _gradient(trace: Trace, value: Value, index: Sequence[int] | int, limit: int | None) -> Explanation:
    place = checked(value, index)
    if value.grad is None:
        raise NoGradient(
            f"There is no gradient for {value.path}",
            where=repr(trace),
            why="the loss does not depend on it" if trace.backward else "the trace ran forward only",
            todo="" if trace.backward else "trace with backward=True",
        )
    expansion = gradient_terms(trace, value, place)
    gradient: torch.Tensor = value.grad
    return expansion.explanation(value.path or value.kind, place, gradient[place].item(), limit, "grad")
