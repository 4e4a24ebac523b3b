"""Where does this number come from?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import torch

from glasswork.explaining.chain import gradient_terms
from glasswork.explaining.errors import BadIndex, NoGradient, NoRule
from glasswork.explaining.expansion import Expansion, Order, difference, number, real, real_shape
from glasswork.explaining.explanation import Explanation
from glasswork.explaining.generic import generic, given
from glasswork.explaining.replaying import own_precision
from glasswork.explaining.rules import failure, rule_for
from glasswork.tracing import NotKept, Op, Trace, UnknownAddress, Value

_ROUNDING = 64  # units in the last place, beyond which a number is asked what its kernel rounded
EDITED = 1e-4
"""By so much, of its size, the terms of a number that nobody changed may miss it: the bound on errors in fp32."""
_GIVEN = {
    "input": "an input of the network",
    "parameter": "a parameter, learned",
    "buffer": "a buffer of the module",
    "constant": "a constant",
}


def explain(
    trace: Trace,
    op: Op | str | int,
    index: Sequence[int] | int,
    of: str = "value",
    limit: int | None = 32,
    *,
    offset: int = 0,
    order: Order = "size",
) -> Explanation:
    """Explain one number of an op's output, or of an input or parameter.

    Args:
        trace: the run that the number is from.
        op: an op, any of its addresses ("OP~1" is its second output), or the name of an input, parameter or buffer.
        index: where in it; every axis counts, the batch too; negative ones count from the end. A complex tensor has
            one more axis, 0 for the real part and 1 for the imaginary one; without it the real part is meant.
        of: "value", or "grad" for d(loss)/d(that number).
        limit: how many terms to list; None for all, in their order.
        offset: how many to pass over, for the next pages.
        order: which come first: those of the largest size, or those in front ("place").

    Raises:
        UnknownAddress: if there is nothing of that name.
        BadIndex: if the index does not point into the tensor.
        NoGradient: if the trace holds no gradient for it.
        NotKept: if its tensor, or one that it is made of, was not kept.
    """
    if isinstance(op, str) and op not in trace:
        return explain_value(trace, op, index, of, limit, offset=offset, order=order)
    found = _op(trace, op)
    return _explained(trace, found.output, found, index, of, limit, offset, order)


def explain_value(
    trace: Trace,
    path: str,
    index: Sequence[int] | int,
    of: str = "value",
    limit: int | None = 32,
    *,
    offset: int = 0,
    order: Order = "size",
) -> Explanation:
    """Explain one number of whatever `path` names: any output of an op as `explain` does; what came in is given."""
    value = trace.value(path)
    return _explained(trace, value, _maker(trace, value), index, of, limit, offset, order, path)


def terms(trace: Trace, op: Op | str | int, index: Sequence[int] | int, slot: int = 0) -> Expansion:
    """All terms of one number of an op's output as fp64 vectors; the same that `explain` cuts to the largest."""
    found = _op(trace, op)
    return expand(trace, found, checked(found.outputs[slot], index), slot)


def expand(trace: Trace, op: Op, index: tuple[int, ...], slot: int = 0) -> Expansion:
    """All terms of one number: by the rule of the op, and where there is none, or not for these arguments, by autodiff.

    A number that somebody changed (`rerun`) is given; its neighbours in the same tensor still are what the op made.

    Raises:
        NotKept: if what the op read was not kept.
    """
    found = _computed(trace, op, index, slot)
    if op.edited and not _holds(found, number(op.outputs[slot], index).item()):
        return given(op, index, slot, note=op.edited)
    return found


def _holds(found: Expansion, value: float) -> bool:
    """Whether the terms come to this number; one that claims no sum is not believed."""
    scale = max(found.products.abs().sum().item(), abs(value), 1e-12)
    return found.kind != "linearised" and difference(found.total(), value) <= EDITED * scale


def _computed(trace: Trace, op: Op, index: tuple[int, ...], slot: int) -> Expansion:
    failed = ""
    if not any(value.dtype.is_complex for value in (*op.operands, *op.outputs)):
        try:
            return rule_for(op, slot)(trace, op, index)
        except NotKept:
            raise
        except NoRule:  # how a rule declines
            pass
        except Exception as error:  # a mistake of ours: the reader gets autodiff's answer, and is told
            failed = failure(op, error)
    found = generic(trace, op, index, slot)
    return replace(found, failed=failed, note="; ".join(filter(None, (found.note, failed)))) if failed else found


def checked(value: Value, index: Sequence[int] | int) -> tuple[int, ...]:
    """`index` as a tuple of non-negative places in `value`, or BadIndex."""
    places = (index,) if isinstance(index, int) else tuple(int(place) for place in index)
    shape = real_shape(value)
    if value.dtype.is_complex and len(places) == len(shape) - 1:
        places = (*places, 0)
    if len(places) != len(shape) or any(not -size <= p < size for p, size in zip(places, shape, strict=False)):
        raise BadIndex(
            f"{list(places)} does not point into {value.path or 'the tensor'}",
            where=f"a tensor of shape {list(shape)}",
            why=f"it has {len(shape)} axes, the index {len(places)}" if len(places) != len(shape) else "out of range",
            todo="count every axis from 0, the batch too",
        )
    return tuple(place % size for place, size in zip(places, shape, strict=True))


def _explained(
    trace: Trace,
    value: Value,
    maker: Op | None,
    index: Sequence[int] | int,
    of: str,
    limit: int | None,
    offset: int,
    order: Order,
    path: str = "",
) -> Explanation:
    place = checked(value, index)
    name = value.path or path or value.kind
    if of == "grad":
        if value.grad is None:
            raise NoGradient(
                f"There is no gradient for {name}",
                where=repr(trace),
                why="the loss does not depend on it" if trace.backward else "the trace ran forward only",
                todo="" if trace.backward else "trace with backward=True",
            )
        gradient = real(value.grad)[place].item()
        plain = gradient_terms(trace, value, place)
        changed = [f"{reader.path} {reader.edited}" for reader in trace.readers(value) if reader.edited]
        if changed and not _holds(plain, gradient):
            note = f"the slope passes what was changed by hand: {'; '.join(changed)}"
            return replace(_given(value, name, place), of="grad", value=gradient, note=note)
        finer = partial(gradient_terms, trace, value, place, written_out=True)
        return _cut(plain, finer, value, gradient, name, place, limit, of, offset, order)
    if maker is None:
        return _given(value, name, place)
    taken = real(value.tensor)[place].item()
    plain = expand(trace, maker, place, value.slot)
    finer = partial(_as_the_kernel_rounds, trace, maker, place, value)
    return _cut(plain, finer, value, taken, name, place, limit, of, offset, order)


def _cut(
    plain: Expansion,
    finer: Callable[[], Expansion],
    value: Value,
    number_: float,
    name: str,
    place: tuple[int, ...],
    limit: int | None,
    of: str,
    offset: int,
    order: Order,
) -> Explanation:
    """The plain formula in fp64; where a number is mostly its kernel's rounding, the finer form that shows it."""
    chosen, exact = plain, plain.error(number_)
    if value.dtype.is_floating_point and exact > max(_ROUNDING * torch.finfo(value.dtype).eps, 1e-12):
        other = finer()
        if not other.failed and other.error(number_) < exact:
            note = f"the plain formula, exactly, comes to {plain.total():.9g}"
            chosen = replace(other, note="; ".join(filter(None, (other.note, note))))
    explanation = chosen.explanation(name, place, number_, limit, of, offset, order)
    return replace(explanation, exact_error=exact)


def _as_the_kernel_rounds(trace: Trace, op: Op, index: tuple[int, ...], value: Value) -> Expansion:
    with own_precision():
        found = expand(trace, op, index, value.slot)
    kind = str(value.dtype).removeprefix("torch.")
    note = f"it is most of all what its kernel rounded, in {kind}: written out, or as the kernel has it"
    return replace(found, note="; ".join(filter(None, (found.note, note))))


def _maker(trace: Trace, value: Value) -> Op | None:
    """The op that made a value, inside a rebuilt one too."""
    if value.producer is None:
        return None
    maker = trace.producer(value)
    if maker is not None and any(output is value for output in maker.outputs):
        return maker
    return trace[value.path] if value.path is not None and value.path in trace else maker


def _given(value: Value, name: str, place: tuple[int, ...]) -> Explanation:
    return Explanation(
        op=name,
        index=place,
        of="value",
        kind="given",
        value=number(value, place).item(),
        formula="",
        reduce="identity",
        terms=(),
        count=0,
        remainder=0.0,
        nonlinear=0.0,
        error=0.0,
        note=_GIVEN.get(value.kind, ""),
    )


def _op(trace: Trace, op: Op | str | int) -> Op:
    if isinstance(op, Op):
        inside = op.rebuilt or op.parent is not None  # a child is found through the op that it stands in
        if not inside and not (0 <= op.id < len(trace.ops) and trace.ops[op.id] is op):
            raise UnknownAddress(
                f"{op!r} is not an op of this trace", where=repr(trace), todo="take it from trace[...]"
            )
        return op
    return trace[op]
