"""Addresses of ops: the canonical path of each, and finding one by any of its forms (DESIGN: OP).

"layer1.0.conv1" is the op that made what this module returned on its first call; "layer1.0.conv1#2" on its second;
"layer1.0:add" the first `add` written in that module's own forward, "layer1.0:add#2" the next one; ":relu#2" the same
at the root.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence

from glasswork.tracing.modules import ModuleCall
from glasswork.tracing.ops import Op


def numbered(address: str, number: int) -> str:
    """`address`, with "#number" from the second on."""
    return address if number == 1 else f"{address}#{number}"


def name_ops(ops: Sequence[Op], calls: Sequence[ModuleCall], taken: Collection[str]) -> None:
    """Give every op its canonical path; `taken` are the names that inputs, parameters and buffers go by.

    Ops that come with a path (rebuilt, or read from a file) keep it.
    """
    unnamed = [op for op in ops if not op.path]
    for op in unnamed:
        op.path = numbered(f"{op.module}:{op.name}", op.call)
    for call in calls if unnamed else ():
        if call.output is None or not call.path or not call.first <= call.output < call.last:
            continue
        op = ops[call.output]
        path = numbered(call.path, call.number)
        if op.module == call.path and path not in taken and not path.startswith("input."):
            op.path = path
    for op in ops:
        for value in op.outputs:
            value.path = op.path if value.slot == 0 else f"{op.path}~{value.slot}"
        if op.children:
            name_children(op)


def name_children(op: Op) -> None:
    """Give every aten op inside `op` its path, "OP/aten.addmm"; "OP/aten.addmm#2" is the second of its kind."""
    for child in op.children:
        child.path = numbered(f"{op.path}/{child.name}", child.call)
        for value in child.outputs:
            value.path = child.path if value.slot == 0 else f"{child.path}~{value.slot}"


def find_op(address: str, ops: Sequence[Op], calls: Iterable[ModuleCall]) -> Op | None:
    """The op at any form of address but an integer; None if there is none."""
    base, number = address, 1
    head, mark, tail = address.rpartition("#")
    if mark and tail.isdigit():
        base, number = head, int(tail)
    module, colon, name = base.rpartition(":")
    if colon:
        return next((op for op in ops if (op.module, op.name, op.call) == (module, name, number)), None)
    for call in calls:
        if (call.path, call.number) == (base, number) and call.output is not None:
            return ops[call.output]
    return None


def suggestions(address: str, known: Iterable[str]) -> str:
    """ "did you mean ...", or how to list what there is."""
    close = difflib.get_close_matches(address, list(known), n=3, cutoff=0.5)
    if close:
        return "did you mean " + ", ".join(repr(name) for name in close) + "?"
    return "list what there is with [op.path for op in trace.ops]"
