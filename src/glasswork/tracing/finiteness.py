"""Which numbers of a run are none: NaN and infinity, but for the minus infinities that a mask is written with."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch

from glasswork.tracing.ops import Op
from glasswork.tracing.values import Value

if TYPE_CHECKING:
    from glasswork.tracing.graph import Trace


def first_not_finite(trace: Trace) -> Value | None:
    """The earliest value that holds a NaN or an infinity: an input, a parameter, or the first op that made one.

    A score that nothing may attend to is minus infinity, and its softmax is 0: that is meant. So these pass: an input
    of zeros and minus infinities alone, what an op fills in, and what is made of either, as long as it is no NaN.
    """
    for value in trace.inputs.values():
        if not _is_finite(value) and not (_only_minus(value) and _is_mask(value.tensor)):
            return value
    for value in trace.parameters.values():
        if not _is_finite(value):
            return value
    for op in trace.ops:
        for value in op.outputs:
            if not _is_finite(value) and not (_only_minus(value) and _is_meant(op)):
                return value
    return None


def _is_finite(value: Value) -> bool:
    """Whether every number is: none is lost in a sum, and that takes one pass; only where it is too large, two."""
    if not (value.dtype.is_floating_point or value.dtype.is_complex):
        return True
    data = value.data
    if data is None:
        return value.stats.finite == 1
    if data.layout is torch.strided and not data.is_nested and bool(data.sum().isfinite()):
        return True
    return bool(data.isfinite().all())


def _only_minus(value: Value) -> bool:
    """Whether minus infinity is all that is not finite in it; of numbers that were not kept, nobody knows."""
    data = value.data
    if data is None or data.is_complex() or data.is_nested or data.layout is not torch.strided:
        return False
    return bool((data.isfinite() | data.isneginf()).all())


def _is_mask(data: torch.Tensor) -> bool:
    return bool(((data == 0) | data.isneginf()).all())


def _is_meant(op: Op) -> bool:
    """Whether minus infinity was written into what an op makes, by the author or by an op before it."""
    if any(number == -math.inf for number in _numbers((*op.args, *op.kwargs.values()))):
        return True
    return any(
        not _is_finite(value) and _only_minus(value) and (value.kind == "op" or _is_mask(value.tensor))
        for value in op.operands
    )


def _numbers(arguments: object) -> Iterator[float]:
    if isinstance(arguments, float):
        yield arguments
    elif isinstance(arguments, (tuple, list)):
        for one in arguments:
            yield from _numbers(one)
