"""Bags of embeddings, written out: the rows that were looked up, and what each bag makes of its own."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from glasswork.tracing.errors import NotRebuilt
from glasswork.tracing.ops import Op
from glasswork.tracing.rebuilding.composing import Composer
from glasswork.tracing.rebuilding.rebuilt import Composed, bound, composes
from glasswork.tracing.values import Value

_NAMES = (
    "input weight offsets max_norm norm_type scale_grad_by_freq mode sparse per_sample_weights include_last_offset "
    "padding_idx"
)


@composes("embedding_bag")
def _bags(c: Composer, op: Op) -> Composed:
    """rows, weighted_rows, bagN.rows, bagN: each bag the sum, mean or maximum of its rows."""
    if not isinstance(bound(op, _NAMES)["mode"], (str, type(None))):  # torch.embedding_bag names its modes by number
        raise NotRebuilt(
            "this call of embedding_bag is not known", where=op.path, why="it is not torch.nn.functional's"
        )
    given = bound(op, _NAMES, mode="mean", include_last_offset=False)
    indices, weight = c.given(given["input"]), c.given(given["weight"])
    ends = _ends(indices, given["offsets"], given["include_last_offset"])
    flat = c("indices", torch.reshape, indices, (-1,)) if len(indices.shape) == 2 else indices
    rows = c("rows", F.embedding, flat, weight)  # (indices, features)
    if given["per_sample_weights"] is not None:
        factors = c("row_weights", torch.reshape, c.given(given["per_sample_weights"]), (-1, 1))
        rows = c("weighted_rows", torch.mul, rows, factors)
    padding = given["padding_idx"]
    if padding is not None and padding < 0:
        padding += weight.shape[0]
    bags = [
        _bag(c, f"bag{bag}", rows, flat, begin, end, given["mode"] or "mean", padding)
        for bag, (begin, end) in enumerate(zip([0, *ends], ends, strict=False))
    ]
    note = "max_norm shortened rows before they were read" if given["max_norm"] is not None else ""
    return Composed([c("output", torch.stack, bags)], note)


def _ends(indices: Value, offsets: Value | None, last: bool) -> list[int]:
    """Where each bag ends; bags follow one another."""
    if offsets is None:
        count, size = indices.shape
        return [size * (bag + 1) for bag in range(count)]
    starts = offsets.tensor.tolist()
    return starts[1:] if last else [*starts[1:], indices.shape[0]]


def _bag(
    c: Composer, name: str, rows: Value, flat: Value, begin: int, end: int, mode: str, padding: int | None
) -> Value:
    own = list(range(begin, end))
    if padding is not None:
        own = [place for place in own if int(flat.tensor[place]) != padding]
    if not own:
        return c.constant(name, torch.zeros(rows.shape[1], dtype=rows.dtype, device=rows.device))
    if len(own) == end - begin:
        taken = c(f"{name}.rows", torch.narrow, rows, 0, begin, end - begin)
    else:
        places = c.constant(f"{name}.places", torch.tensor(own, device=rows.device))
        taken = c(f"{name}.rows", torch.index_select, rows, 0, places)
    reduce = {"sum": torch.sum, "mean": torch.mean, "max": torch.amax}[mode]
    return c(name, reduce, taken, 0)
