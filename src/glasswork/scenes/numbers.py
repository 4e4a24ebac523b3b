"""One number's card: its explanation with full addresses, its trail, and what an opened sum is drawn from."""

from __future__ import annotations

from typing import get_args

import numpy as np
import torch

from glasswork import explaining
from glasswork.errors import GlassworkError
from glasswork.explaining import ChannelParts, NoRule, channel_parts, explain, terms
from glasswork.explaining.explanation import Explanation
from glasswork.scenes.labels import source_of
from glasswork.scenes.messages import Array, Explained, Number, Term, What, Window
from glasswork.scenes.trails import split, trail
from glasswork.tracing import Trace

KINDS = {"value": "", "grad": "grad"}
"""What stands before "term" and "remainder" in a reference: a number's value and its slope have terms of their own."""
WINDOW_MOST = 4096
"""A window of more numbers than this is drawn by its first ones."""
WINDOW_LIMIT = 64
"""What is no sum lists its whole window: a maximum without the others is no explanation."""


def explained(
    trace: Trace, source: str, path: str, index: tuple[int, ...], what: str, limit: int, request: int
) -> tuple[Explained, list[np.ndarray]]:
    """The card of a number.

    Raises:
        GlassworkError: there is no such number, or nobody has written down how it is made.
    """
    if what not in get_args(What):
        raise GlassworkError(f"there is no card for {what!r}", where=path, todo=f"One of {get_args(What)}.")
    found = explain(trace, path, index, of=what, limit=limit)
    if found.reduce != "sum" and found.count > limit:
        found = explain(trace, path, index, of=what, limit=max(limit, WINDOW_LIMIT))
    address = f"{source}#{found.op}[{','.join(map(str, found.index))}]"
    parts = _parts(trace, found)
    arrays, values = _arrays(trace, found, parts, source, address)
    answer = Explained(
        request=request,
        ref=f"{address}@{what}",
        path=found.op,
        index=list(found.index),
        what="grad" if what == "grad" else "value",
        kind=found.kind,
        value=found.value,
        formula=found.formula,
        note=found.note,
        reduce=found.reduce,
        count=found.count,
        terms=[_term(term, source, address, what) for term in found.terms],
        remainder=Number(ref=f"{address}@{KINDS[what]}remainder:{len(found.terms)}", value=found.remainder),
        error=found.error,
        trail=trail(trace, source, found.op, found.index, what),
        arrays=arrays,
        window=_window(trace, found, parts),
        source=source_of(trace[found.op]) if found.op in trace else None,
    )
    return answer, values


def _term(term: explaining.Term, source: str, address: str, what: str) -> Term:
    return Term(
        position=term.position,
        name=term.name,
        ref=term.ref and f"{source}#{term.ref}",
        value=term.value,
        factor=term.factor,
        factor_ref=term.factor_ref and f"{source}#{term.factor_ref}",
        product=term.product,
        product_ref=f"{address}@{KINDS[what]}term:{term.position}",
    )


def _parts(trace: Trace, found: Explanation) -> ChannelParts | None:
    """The sums by input channel, for what has them in two dimensions."""
    if found.op not in trace or found.of == "grad":
        return None
    try:
        parts = channel_parts(trace, found.op, found.index)
    except NoRule:
        return None
    return parts if parts.windows.dim() == 3 else None


def _arrays(
    trace: Trace, found: Explanation, parts: ChannelParts | None, source: str, address: str
) -> tuple[list[Array], list[np.ndarray]]:
    if parts is None:
        return [], []
    op = trace[found.op]
    reads, weight = parts.source.path or "", op.operands[1].path or ""
    if op.name == "linear":
        reads = op.operands[0].path or ""
    named: list[tuple[str, torch.Tensor]] = [
        (f"{source}#{reads}@value", parts.windows),
        (f"{source}#{weight}@value", parts.kernel),
        (f"{address}@term", parts.products),
        (f"{address}@part", parts.subtotals),
    ]
    arrays = [Array(ref=ref, shape=list(tensor.shape), dtype="float64") for ref, tensor in named]
    return arrays, [tensor.double().numpy() for _, tensor in named]


def _window(trace: Trace, found: Explanation, parts: ChannelParts | None) -> Window | None:
    """Where in its input a number looks."""
    read: tuple[list[int], list[int]] = ([], [])
    if parts is not None:
        read = list(parts.positions[0]), list(parts.positions[1])
        first = parts.first
        rows, columns = (sorted(set(line) - {-1}) or [0] for line in read) if parts.transposed >= 0 else read
    else:
        if found.op not in trace or found.of == "grad":
            return None
        expansion = terms(trace, found.op, found.index)
        refs = [expansion.label(position).ref for position in range(min(len(expansion), WINDOW_MOST))]
        places = [split(ref)[1] for ref in refs if ref]
        if not places or any(len(place) != 4 for place in places):
            return None
        rows, columns = (sorted({place[axis] for place in places}) for axis in (2, 3))
        first = places[0][1]
    return Window(
        top=rows[0],
        left=columns[0],
        rows=len(rows),
        columns=len(columns),
        row_step=rows[1] - rows[0] if len(rows) > 1 else 1,
        column_step=columns[1] - columns[0] if len(columns) > 1 else 1,
        channel=first,
        read_rows=read[0],
        read_columns=read[1],
        transposed=-1 if parts is None else parts.transposed,
    )
