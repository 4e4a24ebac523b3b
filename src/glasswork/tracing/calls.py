"""What is noted of a torch function's call while the module runs, and the Ops that are written up from it afterwards.

Between two kernels all that Python touches has left the processor's caches: an Op written up there costs five times
what it costs in a loop over all of them, when the run is over.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch

from glasswork.tracing.callees import Callee
from glasswork.tracing.modules import ModuleCall
from glasswork.tracing.ops import Op
from glasswork.tracing.repeats import Repeat, Repeats
from glasswork.tracing.source import Source
from glasswork.tracing.values import Value


class Call(NamedTuple):
    """One call of a torch function; its id is its place among those of the run.

    Attributes:
        callee: what is known of the function.
        function: the function itself.
        args: positional arguments, each tensor replaced by its Value.
        kwargs: by keyword, likewise.
        operands: the Values among them.
        module: the call of a module that it happened in; None outside all.
        source: the author's line.
        seconds: wall time.
        random: where the generator stood, if it may draw unseen.
        autocast: whether any was on.
        edited: what was made of its output.
        children: its aten ops.
        outputs: what it made; empty for one that failed.
    """

    callee: Callee
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    operands: Sequence[Value]
    module: ModuleCall | None
    source: Source | None
    seconds: float
    random: torch.Tensor | None
    autocast: bool
    edited: str
    children: list[Op]
    outputs: list[Value]


def write_up(calls: Sequence[Call], repeats: Repeats) -> list[Op]:
    """The ops of a run, in order; what is not held gets the way to make it again."""
    ops: list[Op] = []
    counts: dict[tuple[str, str], int] = {}
    for call in calls:
        op = op_of(call, len(ops))
        key = (op.module, op.name)
        op.call = counts[key] = counts.get(key, 0) + 1
        ops.append(op)
        for value in op.outputs:
            if value.depth and value.held is None and value.again is None:
                value.again = Repeat(op, value.slot, repeats)
        for child in op.children:
            child.module, child.module_type, child.source = op.module, op.module_type, op.source
    return ops


def op_of(call: Call, number: int) -> Op:
    """One op, which does not yet know the how-manieth of its name it is."""
    module = call.module
    return Op(
        number,
        call.callee.name,
        call.function,
        call.args,
        call.kwargs,
        tuple(call.operands),
        "" if module is None else module.path,
        "" if module is None else module.type,
        0,
        call.source,
        call.outputs,
        "",
        call.seconds,
        False,
        call.random,
        call.edited,
        None,
        call.children,
    )
