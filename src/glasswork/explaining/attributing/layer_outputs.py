"""What one call of a module inside a network returns, and nothing after it is run."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from glasswork.errors import GlassworkError
from glasswork.tracing import Op, Trace


@dataclass(frozen=True)
class Call:
    """One call of a module: its path ("" for the whole network), and which of its calls in a run, from 1."""

    path: str
    number: int = 1


class _Reached(BaseException):  # no Exception: the module's own code must not catch it
    """What was waited for is there."""


def output_of(module: nn.Module, x: Tensor, call: Call) -> Tensor:
    """What a call returns when the network runs on `x`; slopes reach back to `x` where that asks for them.

    Raises:
        GlassworkError: there is no such module, it is not called, or it returns no tensor.
    """
    parts = dict(module.named_modules())
    if call.path not in parts:
        raise GlassworkError("this network has no such layer", where=call.path[:80], todo="Choose one that it has.")
    calls = 0
    found: list[object] = []

    def hook(part: nn.Module, given: object, made: object) -> None:
        nonlocal calls
        calls += 1
        if calls == call.number:
            found.append(made)
            raise _Reached

    handle = parts[call.path].register_forward_hook(hook)
    try:
        module(x)
    except _Reached:
        pass
    finally:
        handle.remove()
    if not found or not isinstance(found[0], Tensor):
        why = f"it returned {type(found[0]).__name__}" if found else f"it is called {calls} times"
        raise GlassworkError("this layer's output can't be had", where=call.path[:80], why=why)
    return found[0]


def call_of(trace: Trace, op: Op) -> Call | None:
    """A call that returned what an op made, its own module's first; None where it was made inside of a forward."""
    calls = [one for one in trace.calls if one.output == op.id and one.path]
    own = [one for one in calls if one.path == op.module] or calls
    return Call(own[-1].path, own[-1].number) if own else None
