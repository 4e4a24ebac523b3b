"""A phrase into another language: the tree of beams, and encoder and decoder at any of its branches."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
import torch

from glasswork.data.clip_tokens import shown
from glasswork.data.clip_tokens import words as words_of
from glasswork.data.phrases import Phrases, load_phrases, phrase_names
from glasswork.errors import GlassworkError
from glasswork.explaining.residual_stream import rank
from glasswork.generation.beams import Beam, path
from glasswork.generation.translation import LONGEST, beams_of
from glasswork.scenes import messages as m
from glasswork.scenes.messages import speaking as s
from glasswork.scenes.messages import translating as p
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.networks import Networks
from glasswork.scenes.pairs import DECODER, ENCODER, PairRun, after, strongest
from glasswork.scenes.traces import Traces
from glasswork.zoo import Network, Translation

DEFAULT = {"phrases-en-fr": "last quarter moon"}
"""What is shown first: a phrase that was held out."""
MOST = 40
"""Tokens of a phrase that are read, with both marks."""
BEAMS = 8
PENALTY = 3.0
LISTED = 8
"""Next tokens that are listed."""


class Translations:
    """Answers what the page of language models asks a translator.

    Args:
        networks: which may be opened.
        traces: where runs are kept.
    """

    def __init__(self, networks: Networks, traces: Traces) -> None:
        self._networks, self._traces = networks, traces

    def answer(self, request: p.TranslatingRequest, cancelled: threading.Event) -> Iterator[m.Answer | str | bytes]:
        """The answer to a request.

        Raises:
            GlassworkError: the network does not translate, or what was asked does not fit it.
        """
        match request:
            case p.Translate():
                yield self._translate(request, cancelled)
            case p.OpenPair():
                yield self._open(request, cancelled)
            case p.OpenPairHead():
                yield self._head(request, cancelled)

    def _translate(self, request: p.Translate, cancelled: threading.Event) -> p.Translated:
        network, words = self._translator(request.network)
        text = request.text
        if text is None:
            text = DEFAULT.get(network.card.data if network.card else "", words.sample)
        if not (1 <= request.beams <= BEAMS and 0 <= request.penalty <= PENALTY):
            why = f"from 1 to {BEAMS} are kept, and the penalty is from 0 to {PENALTY:g}"
            raise GlassworkError("it can't be searched like this", where="Beams", why=why)
        if not words.tokens.split(text):
            why, todo = "the phrase is empty", f"Type one in {words.read}."
            raise GlassworkError("there is nothing to translate", where=network.title, why=why, todo=todo)
        ids, cut = shortened(words, text)
        begun = time.perf_counter()
        id, trace = self._traces.run(
            network, (torch.tensor([ids]), torch.tensor([[words.start]])), None, cancel=cancelled
        )
        run = PairRun(id, trace, network, words, 0)
        nodes, best = beams_of(network.module, words, ids, request.beams, request.penalty)
        seconds = time.perf_counter() - begun
        translation = words.decode(path(nodes, best[-1]))
        place, references = place_of(network, text)
        card = network.card
        assert card is not None
        right = [name for name in ("exact_train", "exact") if name in card.scores]
        return p.Translated(
            request=request.request,
            source=f"pair:{id}",
            network=request.network,
            title=network.title,
            languages=[words.read, words.written],
            text=text,
            pieces=pieces(run, "input", ids),
            cut=cut,
            unknown=unseen(network, text),
            place=place,
            references=references,
            others=others(network, text),
            translation=translation,
            exact=translation in [words.decode(words.encode(one)) for one in references],
            right=[Number(f"measure:{card.recipe}#{name}@value", card.scores[name]) for name in right],
            counts=[card.trained_on, card.tested_on],
            branches=[branch(run, nodes, at, request.penalty) for at in range(len(nodes))],
            best=best,
            seconds=seconds,
        )

    def _translator(self, name: str) -> tuple[Network, Translation]:
        network = self._networks.load(name)
        if network.translation is None:
            raise GlassworkError(
                f"{network.title} does not translate",
                where=network.target,
                why="it has no encoder and decoder of ours with words at both ends",
                todo="Open it as a graph: /open shows every operation of any network.",
            )
        return network, network.translation

    def _known(self, source: str, at: int) -> PairRun:
        id = source.partition(":")[2]
        trace = self._traces.get(id)
        network, words = self._translator(self._traces.target(id))
        run = PairRun(id, trace, network, words, at)
        if not 0 <= at < len(run.written):
            raise GlassworkError(f"there is no token {at}", where=source, why=f"{len(run.written)} are written")
        return run

    # -- encoder and decoder -------------------------------------------------------------------------------------------

    def _open(self, request: p.OpenPair, cancelled: threading.Event) -> str | bytes:
        first = self._known(request.source, 0)
        size = len(first.matrix)
        if any(not 0 <= token < size for token in (*request.written, request.followed or 0)):
            raise GlassworkError("there is no such token", where="the translation", why=f"it knows {size:,}")
        written = [first.words.start, *request.written[:LONGEST]]
        if not 0 <= request.position < len(written):
            raise GlassworkError(
                f"there is no token {request.position}", where="the translation", why=f"{len(written)} are written"
            )
        begun = time.perf_counter()
        inputs = (torch.tensor([first.read]), torch.tensor([written]))
        id, trace = self._traces.run(first.network, inputs, None, cancel=cancelled)
        run = plain = PairRun(id, trace, first.network, first.words, request.position)
        if request.off:
            run = self._without(plain, request.off, cancelled)
        followed = int(plain.logits[plain.at].argmax()) if request.followed is None else request.followed
        seconds = time.perf_counter() - begun
        return pair_read(request.request, run, plain if request.off else None, followed, seconds)

    def _without(self, run: PairRun, heads: list[p.HeadOff], cancelled: threading.Event) -> PairRun:
        """The run with these heads switched off, besides those that are already."""
        for one in heads:
            check_head(run, one.layer, one.head)
        edits = [*self._traces.edits(run.id), *(run.off(one.part, one.layer, one.head) for one in heads)]
        id, trace = self._traces.change(self._traces.base(run.id), edits, cancelled)
        return PairRun(id, trace, run.network, run.words, run.at)

    def _head(self, request: p.OpenPairHead, cancelled: threading.Event) -> str | bytes:
        run = self._known(request.source, request.position)
        check_head(run, request.layer, request.head)
        off = self._without(run, [p.HeadOff(request.part, request.layer, request.head)], cancelled)
        answer, arrays = pair_head(run, request, off.share(request.token))
        return m.encode(answer, arrays)


def shortened(words: Translation, text: str) -> tuple[list[int], int]:
    """A phrase's tokens between its marks, and how many at its end are too many."""
    ids = words.encode(text)
    cut = max(0, len(ids) - MOST)
    return (ids if not cut else [*ids[: MOST - 1], words.end]), cut


def check_head(run: PairRun, layer: int, head: int) -> None:
    """Whether there is such a head.

    Raises:
        GlassworkError: there is none.
    """
    if not (0 <= layer < run.layers and 0 <= head < run.heads):
        why = f"there are {run.layers} blocks of {run.heads}"
        raise GlassworkError(f"there is no head {layer}·{head}", where=run.network.title, why=why)


def pieces(run: PairRun, name: str, ids: list[int]) -> list[s.Piece]:
    """Tokens as they are shown."""
    return [s.Piece(text, run.number(name, 0, t)) for t, text in enumerate(run.words.pieces(ids))]


def branch(run: PairRun, nodes: list[Beam], at: int, penalty: float) -> p.Branch:
    """A node of the tree, each number with its address: the token after those before it."""
    node = nodes[at]
    before = after(path(nodes, at)[:-1])
    return p.Branch(
        word=run.word(node.token),
        parent=node.parent,
        step=node.step,
        logprob=Number(run.ref(f"after/{before}", node.token), node.logprob),
        total=Number(run.ref(f"total/{before}", node.token), node.total),
        worth=Number(run.ref(f"worth/{penalty:g}/{before}", node.token), node.worth(penalty)),
        kept=node.kept,
        ended=node.ended,
        text=run.words.decode(path(nodes, at)) if node.kept and node.ended else "",
    )


def pair_read(request: int, run: PairRun, plain: PairRun | None, followed: int, seconds: float) -> str | bytes:
    """Encoder and decoder at a position, as a message."""
    at, layers = run.at, run.layers
    told = run.attributed(followed)
    layer, head = strongest(told.parts)
    weights: list[tuple[p.Part, torch.Tensor]] = [(part, run.weights(part)) for part in ("encoder", "decoder", "cross")]
    looks = int(weights[2][1][layer, head, at].argmax())
    shares = run.lenses.double().softmax(-1)  # (L + 1, T, V)
    sure, best = shares.max(-1)
    lengths = [run.streams(side).double().norm(dim=-1) for side in (ENCODER, DECODER)]
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


# -- the phrases ---------------------------------------------------------------------------------------------------


def phrases_of(network: Network) -> Phrases | None:
    """The pairs that a network was trained on, where they ship."""
    card = network.card
    return load_phrases(card.data) if card is not None and card.data in phrase_names() else None


def place_of(network: Network, text: str) -> tuple[p.Place, list[str]]:
    """Where a phrase stands in the data, training before all else, and its translations there."""
    phrases, wanted = phrases_of(network), words_of(text)
    if phrases is None:
        return "", []
    parts: dict[p.Place, Sequence[tuple[str, str]]] = {
        "train": phrases.train,
        "validation": phrases.validation,
        "test": phrases.test,
    }
    for place, pairs in parts.items():
        found = [second for first, second in pairs if words_of(first) == wanted]
        if found:
            return place, found
    return "", []


def others(network: Network, text: str) -> list[str]:
    """The next phrase that it was trained on, and the next that was held out: round and round."""
    phrases, wanted = phrases_of(network), words_of(text)
    if phrases is None:
        return []
    found = []
    for pairs in (phrases.train, phrases.test):
        at = next((i for i, (first, _) in enumerate(pairs) if words_of(first) == wanted), -1)
        found.append(pairs[(at + 1) % len(pairs)][0])
    return found


def unseen(network: Network, text: str) -> list[str]:
    """Words of a text that no phrase of the training holds, each once."""
    phrases = phrases_of(network)
    if phrases is None:
        return []
    known = _vocabulary(phrases.name)
    return [shown(word) for word in dict.fromkeys(words_of(text)) if word not in known]


@cache
def _vocabulary(name: str) -> frozenset[str]:
    return frozenset(word for first, _ in load_phrases(name).train for word in words_of(first))
