"""Where a gradient comes from: the chain rule, with real terms."""

from __future__ import annotations

from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion
from glasswork.tracing import Trace, Value


def gradient_terms(trace: Trace, value: Value, index: tuple[int, ...]) -> Expansion:
    """The terms of d(loss)/d(value[index])."""
    raise NoRule("gradients", where=value.path or "", why="the chain rule's cards come with the general tracer")
