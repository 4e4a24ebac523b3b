"""Encoder and decoder at a position of a translation, and one head of either, as the page is told of them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch

from glasswork.errors import GlassworkError
from glasswork.explaining.residual_stream import rank
from glasswork.scenes import messages as m
from glasswork.scenes.messages import speaking as s
from glasswork.scenes.messages import translating as p
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.pairs import SIDES, PairRun, strongest

LISTED = 8
"""Next tokens, or tokens that a head looks at, that are listed."""


def pieces(run: PairRun, name: str, ids: list[int]) -> list[s.Piece]:
    """Tokens as they are shown."""
    return [s.Piece(text, run.number(name, 0, t)) for t, text in enumerate(run.words.pieces(ids))]


def pair_read(
    request: int, run: PairRun, plain: PairRun | None, followed: int, jumps: Collection[int], seconds: float
) -> str | bytes:
    """Encoder and decoder at a position, as a message.

    Args:
        request: whose answer it is.
        run: at the position.
        plain: the same without its changes; None where there are none.
        followed: the token whose logit is.
        jumps: before which blocks of the decoder the stream at the position was set from outside.
        seconds: what the run took.
    """
    at, layers = run.at, run.layers
    told = run.attributed(followed, jumps)
    layer, head = strongest(told.parts)
    weights: list[tuple[p.Part, torch.Tensor]] = [(part, run.weights(part)) for part in ("encoder", "decoder", "cross")]
    looks = int(weights[2][1][layer, head, at].argmax())
    shares = run.lenses.double().softmax(-1)  # (L + 1, T, V)
    sure, best = shares.max(-1)
    lengths = [run.streams(side).double().norm(dim=-1) for side in SIDES]
    logits = run.logits[at].double()
    listed = logits.topk(min(LISTED, len(logits))).indices.tolist()
    listed = listed if followed in listed else [*listed[:-1], followed]
    ln = logits.log_softmax(0)

    def adds(path: str, value: float) -> Number:
        return Number(run.ref(f"{path}/{at}", followed), value)

    arrays = [
        *(Array(ref=run.ref(f"length/{name}"), shape=list(one.shape), dtype="float32")
          for name, one in zip(("encoder", "decoder"), lengths, strict=True)),
        Array(ref=run.ref("lens"), shape=list(sure.shape), dtype="float32"),
        *(Array(ref=run.ref(f"attention/{part}"), shape=list(one.shape), dtype="float32") for part, one in weights),
    ]  # fmt: skip
    answer = p.PairRead(
        request=request,
        source=f"pair:{run.id}",
        base=f"pair:{plain.id}" if plain else "",
        layers=layers,
        heads=run.heads,
        size=run.matrix.shape[1] // run.heads,
        width=run.matrix.shape[1],
        vocabulary=len(run.matrix),
        read=pieces(run, "input", run.read),
        written=pieces(run, "input.1", run.written),
        position=at,
        followed=run.word(followed),
        probability=run.share(followed),
        before=plain.share(followed) if plain else None,
        lens=[run.words.pieces(row) for row in best.tolist()],
        lens_ids=best.tolist(),
        ranks=[
            Number(run.ref(f"rank/{i}/{at}", followed), float(value))
            for i, value in enumerate(rank(run.lenses[:, at], followed).tolist())
        ],
        adds=[
            p.PairAdds(
                adds(f"heads/{i}", told.of("decoder", i)),
                adds(f"cross/{i}", told.of("cross", i)),
                adds(f"mlp/{i}", told.of("mlp", i)),
            )
            for i in range(layers)
        ],
        embedding=adds("embedding", told.of("embedding")),
        bias=adds("bias", told.of("bias")),
        patched=adds("patched", told.of("patched")) if jumps else None,
        heads_sum=adds("allheads", told.of("decoder")),
        cross_sum=adds("allcross", told.of("cross")),
        mlps_sum=adds("allmlps", told.of("mlp")),
        total=adds("all", told.total),
        error=told.error,
        head=[layer, head, looks],
        gift=Number(run.ref(f"gift/cross/{layer}/{head}/{at}", followed), told.parts["cross", layer, head]),
        weight=run.number(run.attention("cross", layer, "softmax"), 0, head, at, looks),
        choices=[
            p.PairChoice(
                word=run.word(one),
                logit=run.number(":linear", 0, at, one),
                share=run.share(one),
                logprob=Number(run.ref(f"logprob/{at}", one), ln[one].item()),
            )
            for one in listed
        ],
        longest=Number(run.ref("longest"), max(one.max().item() for one in lengths)),
        seconds=seconds,
        arrays=arrays,
    )
    values = [*lengths, sure, *(one for _, one in weights)]
    return m.encode(answer, [value.to(torch.float32).numpy() for value in values])


def pair_head(run: PairRun, request: p.OpenPairHead, off: Number) -> tuple[p.PairHeadRead, list[np.ndarray]]:
    """A head at a row of its matrix.

    Raises:
        GlassworkError: there is no such row or column, or it is not seen.
    """
    part, layer, head, row, column = request.part, request.layer, request.head, request.row, request.column
    weights = run.trace.value(run.attention(part, layer, "softmax")).tensor[0, head].detach()  # (rows, columns)
    rows, columns = weights.shape
    seen = row + 1 if part == "decoder" else columns
    if not (0 <= row < rows and 0 <= column < seen and 0 <= request.token < len(run.matrix)):
        why = f"there are {rows} rows, and row {row} sees {seen} tokens"
        raise GlassworkError("this is not seen", where=request.source, why=why)
    listed = sorted({*weights[row, :seen].argsort(descending=True, stable=True)[:LISTED].tolist(), column})
    query, key = run.attention(part, layer, "transpose"), run.attention(part, layer, "transpose#2")
    q = run.trace.value(query).tensor[0, head, row].detach()
    k = run.trace.value(key).tensor[0, head, column].detach()
    address = f"{part}/{layer}/{head}/{row}"
    told = part != "encoder" and row == run.at
    given = run.given(part, layer, head, request.token) if told else torch.zeros(0)
    answer = p.PairHeadRead(
        request=request.request,
        part=part,
        layer=layer,
        head=head,
        row=row,
        column=column,
        listed=listed,
        weights=[run.number(run.attention(part, layer, "softmax"), 0, head, row, at) for at in listed],
        dots=[run.number(run.attention(part, layer, "matmul"), 0, head, row, at) for at in listed],
        scaled=[run.number(run.attention(part, layer, "div"), 0, head, row, at) for at in listed],
        gives=[Number(run.ref(f"gives/{address}/{request.token}", at), given[at].item()) for at in listed if told],
        rest=Number(run.ref(f"gift/{address}", request.token), given.sum().item()) if told else None,
        off=off,
        now=run.share(request.token),
        arrays=[
            Array(ref=f"trace:{run.id}#{query}@value", shape=list(q.shape), dtype="float32"),
            Array(ref=f"trace:{run.id}#{key}@value", shape=list(k.shape), dtype="float32"),
            Array(ref=run.ref(f"products/{address}/{column}"), shape=list(q.shape), dtype="float32"),
        ],
    )
    return answer, [one.float().numpy() for one in (q, k, q * k)]
