"""Ops that return the very tensor that they were given: a cast to the type it has, a dropout that is off.

To autograd both are one tensor, with one gradient: that of all that read either of them.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from glasswork.explaining.randomness import is_drawn
from glasswork.tracing import Op, Trace, Value

_readers: WeakKeyDictionary[Trace, dict[int, tuple[Op, ...]]] = WeakKeyDictionary()

_CASTS = ("to", "float", "double", "half", "bfloat16", "type", "type_as")
_DROPOUTS = (
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "feature_dropout",
    "alpha_dropout",
    "feature_alpha_dropout",
)


def returns_its_input(op: Op) -> bool:
    """Whether an op's output is its input itself, not a copy nor a view."""
    if not op.operands or len(op.outputs) != 1:
        return False
    given, made = op.operands[0], op.output
    if given.dtype != made.dtype or given.shape != made.shape or given.device != made.device:
        return False
    if op.name in _CASTS:
        return not op.kwargs.get("copy") and not _copies(op) and op.kwargs.get("memory_format") is None
    if op.name == "contiguous":
        return not op.args[1:] and not op.kwargs and given.tensor.is_contiguous()
    return op.name in _DROPOUTS and not is_drawn(op)


def _copies(op: Op) -> bool:
    flags = [item for item in op.args if isinstance(item, bool)]  # to(dtype, non_blocking, copy)
    return len(flags) > 1 and flags[1]


def readers_of(trace: Trace, value: Value) -> tuple[Op, ...]:
    """The ops that read this very value, as `trace.readers`, looked up once for all values of a trace."""
    known = _readers.get(trace)
    if known is None:
        lists: dict[int, dict[int, Op]] = {}
        for op in trace.ops:
            for operand in op.operands:
                lists.setdefault(id(operand), {})[op.id] = op
        known = _readers[trace] = {key: tuple(ops.values()) for key, ops in lists.items()}
    return known.get(id(value)) or trace.readers(value)


def same_tensor(trace: Trace, value: Value) -> list[Value]:
    """All values that are one tensor with this one, itself among them."""
    found = [value]
    while True:  # down to the first
        maker = trace.producer(found[0])
        if maker is None or maker.output is not found[0] or not returns_its_input(maker):
            break
        found.insert(0, maker.operands[0])
    first = found[0]
    found, at = [first], 0
    while at < len(found):  # and up to all
        found += [
            op.output
            for op in readers_of(trace, found[at])
            if op.operands[0] is found[at] and returns_its_input(op) and not any(op.output is known for known in found)
        ]
        at += 1
    return found


def readers(trace: Trace, value: Value) -> list[tuple[Op, Value]]:
    """The ops that read this tensor under any of its names, and which name; not those that only hand it on."""
    return [
        (op, name)
        for name in same_tensor(trace, value)
        for op in readers_of(trace, name)
        if not (op.operands[0] is name and returns_its_input(op))
    ]
