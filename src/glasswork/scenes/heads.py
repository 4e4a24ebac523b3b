"""One head at one position: query and key, their products, softmax, and what each position gives through it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from glasswork.errors import GlassworkError
from glasswork.scenes.anatomy import last_norm, unembedding
from glasswork.scenes.messages import speaking as s
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.streams import gift_of, gifts_of

if TYPE_CHECKING:
    from glasswork.scenes.spoke import Spoke

LISTED = 8
"""Positions that are listed of a long text: those that are looked at most."""
READS = 4
"""Tokens that what it writes is read as."""
MATRIX = 12
"""Up to so many tokens the head's whole matrix is shown with numbers."""


def head_read(spoke: Spoke, request: s.OpenHead) -> tuple[s.HeadRead, list[np.ndarray]]:
    """What a head does at a position, and its query, key and products.

    Args:
        spoke: the run, at the position.
        request: which head, and the position that is looked at.

    Raises:
        GlassworkError: there is no such head or token, or the position that is looked at is not seen.
    """
    parts, row, layer, head = spoke.parts, spoke.at, request.layer, request.head
    if not (0 <= layer < parts.layers and 0 <= head < parts.heads):
        why = f"there are {parts.layers} blocks of {parts.heads}"
        raise GlassworkError(f"there is no head {layer}·{head}", where=request.source, why=why)
    if not (0 <= request.column <= row and 0 <= request.token < parts.vocabulary):
        raise GlassworkError("this is not seen", where=request.source, why=f"token {row} sees those up to itself")
    weights = spoke.trace.value(parts.weights(layer)).tensor[0, head].detach()  # (T, T)
    order = weights[row, : row + 1].argsort(descending=True, stable=True)[:LISTED].tolist()
    listed = sorted({*order, request.column}) if row >= LISTED else list(range(row + 1))
    given = gifts_of(spoke, layer, head, request.token)
    query, key = parts.of(layer, parts.query), parts.of(layer, parts.key)
    q = spoke.trace.value(query).tensor[0, head, row].detach()
    k = spoke.trace.value(key).tensor[0, head, request.column].detach()
    address = f"text:{spoke.id}#gives/{layer}/{head}/{row}/{request.token}"
    written = spoke.mixed[layer, head]
    norm, matrix = last_norm(spoke.network), unembedding(spoke.network)
    direct = norm.through(written, norm.scale(spoke.last)).to(matrix.dtype) @ matrix.T
    reads = [spoke.word(token).text for token in direct.topk(min(READS, len(direct))).indices.tolist()]
    size = min(MATRIX, len(spoke.tokens))
    cells = weights[:size, :size] if len(spoke.tokens) <= MATRIX else weights[:0, :0]
    products = f"text:{spoke.id}#products/{layer}/{head}/{row}/{request.column}@value"
    arrays = [
        Array(ref=f"trace:{spoke.id}#{query}@value", shape=[parts.size], dtype="float32"),
        Array(ref=f"trace:{spoke.id}#{key}@value", shape=[parts.size], dtype="float32"),
        Array(ref=products, shape=[parts.size], dtype="float32"),
        Array(ref=f"trace:{spoke.id}#{parts.weights(layer)}@value", shape=list(cells.shape), dtype="float32"),
    ]
    answer = s.HeadRead(
        request=request.request,
        layer=layer,
        head=head,
        row=row,
        column=request.column,
        listed=listed,
        weights=[spoke.number(parts.weights(layer), 0, head, row, at) for at in listed],
        dots=[spoke.number(parts.of(layer, "matmul"), 0, head, row, at) for at in listed],
        scaled=[spoke.number(parts.of(layer, parts.scaled), 0, head, row, at) for at in listed],
        gives=[Number(f"{address}[{at}]@value", given[at].item()) for at in listed],
        rest=Number(spoke.ref(f"gift/{layer}/{head}/{row}", request.token), gift_of(spoke, layer, head, request.token)),
        writes=reads,
        now=spoke.probability(request.token),
        arrays=arrays,
    )
    return answer, [part.float().numpy() for part in (q, k, q * k, cells)]
