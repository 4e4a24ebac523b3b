"""`glasswork.trace` and `glasswork.record`, which take a network of the zoo as well as a bare module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from torch import nn

from glasswork import tracing
from glasswork.tracing import Runs, Trace
from glasswork.tracing.recorder import Cancel, Keep
from glasswork.tracing.run import Loss
from glasswork.zoo import Network


def trace(
    net: Network | nn.Module,
    *inputs: Any,
    kwargs: Mapping[str, Any] | None = None,
    loss: Loss = None,
    backward: bool = False,
    detail: str = "ops",
    keep: Keep = "all",
    after: Callable[[Any], Any] | None = None,
    cancel: Cancel | None = None,
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Run a network once on `inputs` and record every op.

    Args:
        net: what glasswork.load gave, whose softmax is then recorded too (where it has one); or any nn.Module.
        inputs: what its forward takes: tensors, or lists, tuples and dicts of them.
        kwargs: what it takes by keyword, likewise.
        loss: the number to differentiate. None: the sum of the output; a tuple: one element of it, such as (0, 4);
            or a function of the output.
        backward: collect d(loss)/d(value) for every input, parameter and intermediate.
        detail: "ops", what the author wrote; "aten": also the aten ops that each is made of.
        keep: "all" the values, "none", or as many bytes of them as this.
        after: is called with the output inside the trace.
        cancel: asked before every op, a function or an Event.
        progress: called after every op with the number of ops done.

    Raises:
        GlassworkError: see glasswork.tracing.trace.
    """
    module = net
    if isinstance(net, Network):
        module, after = net.module, after or net.after
    return tracing.trace(
        module,  # type: ignore[arg-type]
        *inputs,
        kwargs=kwargs,
        loss=loss,
        backward=backward,
        detail=detail,
        keep=keep,
        after=after,
        cancel=cancel,
        progress=progress,
    )


def record(
    net: Network | nn.Module, *, last: int | None = 8, keep: Keep = "all", detail: str = "ops"
) -> AbstractContextManager[Runs]:
    """Trace every call of a network inside a block, in the reader's own loop: `with record(net) as runs: ...`.

    Args:
        net: the module that the loop calls, or what glasswork.load gave.
        last: how many calls to keep, the latest; None for all.
        keep: as in trace.
        detail: as in trace.

    Raises:
        GlassworkError: see glasswork.tracing.record.
    """
    return tracing.record(net.module if isinstance(net, Network) else net, last=last, keep=keep, detail=detail)
