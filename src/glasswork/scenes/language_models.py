"""A text as a Transformer reads it: streams, heads, what each adds to the next token, and how the text goes on."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator

import msgspec
import numpy as np
import torch

from glasswork import generation, zoo
from glasswork.errors import GlassworkError
from glasswork.explaining.residual_stream import rank
from glasswork.scenes import messages as m
from glasswork.scenes.anatomy import Anatomy, anatomy, last_norm, pooled
from glasswork.scenes.heads import head_read
from glasswork.scenes.lenses import Lenses
from glasswork.scenes.memory import free_memory
from glasswork.scenes.messages import speaking as s
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.networks import Networks
from glasswork.scenes.next_tokens import next_tokens, sampling, unwritten
from glasswork.scenes.spoke import Spoke, written
from glasswork.scenes.streams import attributed, gifts_of, slope, switched_off, weight_slopes
from glasswork.scenes.traces import Traces
from glasswork.tracing import Trace

# T tokens, L blocks, H heads, V tokens of the vocabulary, W width

DEFAULT = {"characters": "The whale was ", "bytes": "The whale was ", "byte pairs": "The capital of France is"}
MOST = 1024
"""Tokens that are read: the last ones of a longer text, or as many as the network can see, if those are fewer."""
MATRICES = 4
"""A head's scores, scaled, masked and as weights: T x T numbers each, which a recorded run holds."""
SHARE = 4
"""Of the free memory such a run may take the so-manieth part."""
CELLS = 32
"""A drawn attention matrix has at most so many cells each way."""
LONGEST = 200
"""Tokens that are written at a time."""
SLOW = 1.0
"""Seconds of a run, past which it is not run once more for every head that is looked at."""
TEXTS = 8
"""Texts that are written on at once."""


class LanguageModels:
    """Answers what the page of language models asks.

    Args:
        networks: which may be opened.
        traces: where runs are kept.
    """

    def __init__(self, networks: Networks, traces: Traces) -> None:
        self._networks, self._traces = networks, traces
        self._lenses = Lenses()

    def answer(self, request: s.SpeakingRequest, cancelled: threading.Event) -> Iterator[m.Answer | str | bytes]:
        """The answer to a request.

        Raises:
            GlassworkError: the network is no Transformer that looks back only, or what was asked does not fit it.
        """
        match request:
            case s.ListSpoken():
                yield s.Spoken(request.request, self._networks.speakers(request.named))
            case s.OpenText():
                yield from self._open(request, cancelled)
            case s.OpenHead():
                spoke = self._known(request.source, request.row)
                yield m.encode(*head_read(spoke, request))
                if spoke.trace.seconds <= SLOW:
                    yield s.HeadWithout(request=request.request, off=self._without(spoke, request, cancelled))
            case s.ReadLens():
                spoke = self._known(request.source, 0)
                positions = [t for t in request.positions[:MOST] if 0 <= t < len(spoke.tokens)]
                yield self._lens(request.request, spoke, positions, whole=True, cancelled=cancelled)
            case s.NextTokens():
                spoke = self._known(request.source, request.position)
                yield m.encode(*next_tokens(spoke, request.how, request.listed, request.request))
            case s.Continue():
                yield self._continue(request, cancelled)
            case s.OpenSlopes():
                yield self._slopes(request, cancelled)

    def _known(self, source: str, at: int) -> Spoke:
        id = source.partition(":")[2]
        trace = self._traces.get(id)
        network = self._networks.load(self._traces.target(id))
        spoke = Spoke(id, trace, network, anatomy(network), at, zoo.tokenizer(network))
        if not 0 <= at < len(spoke.tokens):
            raise GlassworkError(f"there is no token {at}", where=source, why=f"there are {len(spoke.tokens)}")
        return spoke

    # -- the text ------------------------------------------------------------------------------------------------------

    def _open(self, request: s.OpenText, cancelled: threading.Event) -> Iterator[str | bytes]:
        network = self._networks.speaker(request.network)
        words, parts = zoo.tokenizer(network), anatomy(network)
        text = DEFAULT[words.kind] if request.text is None else request.text
        ids = words.encode(text) + request.more
        if not ids:
            raise GlassworkError(
                "there is nothing to read", where=network.title, why="the text is empty", todo="Type a text."
            )
        if any(not 0 <= token < parts.vocabulary for token in ids):
            raise GlassworkError("there is no such token", where=network.title, why=f"it knows {parts.vocabulary:,}")
        shown = ids[-most_tokens(parts) :]
        begun = time.perf_counter()
        id, trace = self._traces.run(network, (torch.tensor([shown]),), None, cancel=cancelled)
        at = len(shown) - 1 if request.position is None else request.position
        plain = Spoke(id, trace, network, parts, at, words)
        if not 0 <= at < len(shown):
            raise GlassworkError(f"there is no token {at}", where=network.title, why=f"{len(shown)} were read")
        spoke = plain
        if request.switched:
            other = None
            if request.other:
                theirs = words.encode(request.other)[-most_tokens(parts) :]
                if not theirs:
                    raise GlassworkError("there is nothing to read", where="the other text", why="it is empty")
                other = self._traces.run(network, (torch.tensor([theirs]),), None, cancel=cancelled)
            edits = [edit for one in request.switched for edit in edits_of(one, plain, other)]
            id, trace = self._traces.change(id, edits, cancelled)
            spoke = Spoke(id, trace, network, parts, at, words)
        seconds = time.perf_counter() - begun
        if request.lanes:
            first = max(0, min(at - request.lanes // 2, len(shown) - request.lanes))
            lanes = list(range(first, min(len(shown), first + request.lanes)))
            yield self._lens(request.request, spoke, lanes, whole=False)
        yield self._read(request, spoke, plain if request.switched else None, len(ids) - len(shown), text, seconds)
        if request.how is not None:
            yield m.encode(*next_tokens(spoke, request.how, request.listed, request.request))

    def _read(
        self, request: s.OpenText, spoke: Spoke, plain: Spoke | None, cut: int, text: str, seconds: float
    ) -> str | bytes:
        parts, at = spoke.parts, spoke.at
        followed = generation.likeliest((plain or spoke).logits) if request.followed is None else request.followed
        if not 0 <= followed < parts.vocabulary:
            raise GlassworkError("there is no such token", where="followed", why=f"there are {parts.vocabulary:,}")
        jumps = sorted({one.layer for one in request.switched if one.what == "stream" and one.row == at} - {0})
        told = attributed(spoke, followed, jumps)
        per_head = told.parts[1 : 1 + parts.layers * parts.heads].view(parts.layers, parts.heads)
        rest = told.parts[1 + per_head.numel() :][: 2 * parts.layers].view(-1, 2)  # the output's bias, and the MLP
        patched = told.parts[len(told.parts) - len(jumps) :]
        ranks = rank(spoke.lens, followed)
        ranks[-1] = rank(spoke.logits, followed)
        heads, mlps = per_head.sum(1) + rest[:, 0], rest[:, 1]
        layer, head = divmod(int(per_head.argmax()), parts.heads)
        weights = torch.stack(
            [spoke.trace.value(parts.weights(i)).tensor[0].detach() for i in range(parts.layers)]
        )  # (L, H, T, T)
        drawn, pool = pooled(weights, CELLS)
        looks = int(gifts_of(spoke, layer, head, followed).argmax())
        resting = int((weights[:, :, at, 0] > 0.5).sum()) if at else 0
        lengths = spoke.streams.double().norm(dim=-1)
        arrays = [
            Array(ref=f"text:{spoke.id}#length@value", shape=list(lengths.shape), dtype="float32"),
            Array(ref=f"text:{spoke.id}#head/{at}/{followed}@value", shape=list(per_head.shape), dtype="float32"),
            Array(ref=f"text:{spoke.id}#attention@value", shape=list(drawn.shape), dtype="float32"),
        ]

        begins = {path: spoke.trace.value(path).tensor.detach() for path in (*parts.adds_up, parts.embedding)}
        arrays += [Array(ref=f"trace:{spoke.id}#{path}@value", shape=[parts.width], dtype="float32") for path in begins]

        def adds(path: str, value: float) -> Number:
            return Number(spoke.ref(f"{path}/{at}", followed), value)

        words = spoke.words
        unknown = ""
        if spoke.network.vocabulary is not None and words.kind == "characters":
            unknown = "".join(sorted(set(text) - set(spoke.network.vocabulary.letters)))
        answer = s.TextRead(
            request=request.request,
            source=f"text:{spoke.id}",
            base=f"text:{plain.id}" if plain else "",
            network=request.network,
            title=spoke.network.title,
            kind=words.kind,
            layers=parts.layers,
            heads=parts.heads,
            groups=parts.groups,
            size=parts.size,
            width=parts.width,
            vocabulary=parts.vocabulary,
            context=parts.context,
            rotary=parts.rotary,
            cut=cut,
            unknown=unknown,
            pieces=[
                s.Piece(written(words, token), spoke.number("input", 0, t)) for t, token in enumerate(spoke.tokens)
            ],
            position=at,
            streams=parts.streams,
            weights=[parts.weights(i) for i in range(parts.layers)],
            pooled=pool,
            followed=spoke.word(followed),
            probability=spoke.probability(followed),
            before=plain.probability(followed) if plain else None,
            ranks=[Number(spoke.ref(f"rank/{i}/{at}", followed), float(value)) for i, value in enumerate(ranks)],
            adds=[
                s.Adds(adds(f"heads/{i}", heads[i].item()), adds(f"mlp/{i}", mlps[i].item()))
                for i in range(parts.layers)
            ],
            embedding=adds("embedding", told.parts[0].item()),
            bias=adds("bias", told.bias) if last_norm(spoke.network).bias is not None else None,
            patched=adds("patched", patched.sum().item()) if jumps else None,
            heads_sum=adds("allheads", heads.sum().item()),
            mlps_sum=adds("allmlps", mlps.sum().item()),
            total=adds("total", told.total),
            error=told.error,
            head=[layer, head, looks],
            gift=Number(spoke.ref(f"head/{layer}/{head}/{at}", followed), per_head[layer, head].item()),
            resting=resting,
            nats=spoke.nats,
            seconds=seconds,
            arrays=arrays,
        )
        values = [lengths, per_head, drawn, *(one[..., at, :].flatten() for one in begins.values())]
        return m.encode(answer, [value.to(torch.float32).numpy() for value in values])

    def _without(self, spoke: Spoke, request: s.OpenHead, cancelled: threading.Event) -> Number:
        """The followed token's probability when the head is switched off."""
        edits = edits_of(s.Switched("head", request.layer, request.head), spoke, None)
        before = self._traces.edits(spoke.id)
        id, trace = self._traces.change(self._traces.base(spoke.id), [*before, *edits], cancelled, passing=True)
        off = Spoke(id, trace, spoke.network, spoke.parts, spoke.at, spoke.words)
        return off.probability(request.token)

    def _lens(
        self,
        request: int,
        spoke: Spoke,
        positions: list[int],
        *,
        whole: bool,
        cancelled: threading.Event | None = None,
    ) -> str | bytes:
        changes = msgspec.json.encode(self._traces.edits(spoke.id)).decode()
        return m.encode(*self._lenses.read(spoke, positions, changes, request, whole=whole, cancelled=cancelled))

    # -- the next token ------------------------------------------------------------------------------------------------

    def _continue(self, request: s.Continue, cancelled: threading.Event) -> s.Continued:
        spoke, how = self._known(request.source, request.position), sampling(request.how)
        if not (1 <= request.count <= LONGEST and 1 <= request.texts <= TEXTS):
            why = f"{request.texts} texts of {request.count} tokens; at most {TEXTS} of {LONGEST} at once"
            raise GlassworkError("this can't be written at once", where="Write on", why=why)
        if self._traces.edits(spoke.id):
            raise GlassworkError(
                "a changed network does not write on here",
                where="Write on",
                why="the cache would hold the keys and values of the unchanged one",
                todo="Undo the changes, or draw one token at a time.",
            )
        reads, words = generation.reader(spoke.network)
        begun = time.perf_counter()
        tokens = spoke.tokens[: spoke.at + 1]
        texts, positions, held = [], 0, 0
        for number in range(request.texts):
            seed, found = request.how.seed + number, list[s.Written]()
            said: list[int] = []
            steps = generation.decode(
                reads, tokens, request.count, how, seed=seed, ends=words.ends, never=unwritten(words)
            )
            for one in steps:
                if cancelled.is_set():
                    break
                path = f"written/{spoke.at}/{','.join(map(str, said)) or '-'}"
                said.append(one.token)
                share = float(np.exp(one.logprob))
                found.append(s.Written(spoke.word(one.token), Number(spoke.ref(path, one.token), share)))
            ended = bool(said) and said[-1] in words.ends
            texts.append(s.Continuation(seed, found, words.decode(said[:-1] if ended else said), ended))
            positions = len(tokens) + len(said) - 1
            held = 2 * spoke.parts.layers * spoke.parts.groups * spoke.parts.size * positions * 4
        return s.Continued(
            request=request.request,
            texts=texts,
            cached=held,
            positions=positions,
            seconds=time.perf_counter() - begun,
        )

    def _slopes(self, request: s.OpenSlopes, cancelled: threading.Event) -> str | bytes:
        spoke = self._known(request.source, request.position)
        if self._traces.edits(spoke.id):
            todo = "Undo the changes first."
            raise GlassworkError("Backward is of the unchanged network", where="Backward", why="", todo=todo)
        if not 0 <= request.token < spoke.parts.vocabulary:
            raise GlassworkError("there is no such token", where="Backward", why="")
        inputs = (torch.tensor([spoke.tokens]),)
        loss = (0, spoke.at, request.token)
        id, trace = self._traces.run(spoke.network, inputs, loss, cancel=cancelled)
        slopes = torch.stack([slope(trace, path)[0] for path in spoke.parts.streams])  # (L + 1, T, W)
        given = (slopes[0].double() * spoke.streams[0].double()).sum(-1)  # (T)
        lengths = slopes.double().norm(dim=-1)
        about = f"{spoke.at}/{request.token}"
        rows = [slope(trace, f"{block}.{spoke.parts.attended}").double().norm().item() for block in spoke.parts.blocks]
        weights, outside = weight_slopes(trace, spoke.parts)
        arrays = {"slope": lengths, "weightslope": weights}
        answer = s.Slopes(
            request=request.request,
            source=f"trace:{id}",
            tokens=[Number(spoke.ref(f"gradient/{about}", t), value) for t, value in enumerate(given.tolist())],
            writes=[Number(spoke.ref(f"writeslope/{about}", i), value) for i, value in enumerate(rows)],
            outside=Number(spoke.ref(f"outsideslope/{about}", 0), outside),
            arrays=[
                Array(ref=f"text:{spoke.id}#{kind}/{about}@value", shape=list(one.shape), dtype="float32")
                for kind, one in arrays.items()
            ],
        )
        return m.encode(answer, [one.float().numpy() for one in arrays.values()])


def most_tokens(parts: Anatomy) -> int:
    """How many tokens are read at a time: what the network can see, and this machine hold."""
    most = min(MOST, parts.context or MOST)
    free = free_memory()
    if free is None:
        return most
    bytes_of_a_square = 4 * MATRICES * parts.layers * parts.heads
    return max(1, min(most, math.isqrt(free // (SHARE * bytes_of_a_square))))


def edits_of(one: s.Switched, spoke: Spoke, other: tuple[str, Trace] | None) -> list[m.Edit]:
    """A change as changes of the run's tensors.

    Raises:
        GlassworkError: there is no such part, or no other text to take from.
    """
    parts, length = spoke.parts, len(spoke.tokens)
    last = parts.layers + (one.what == "stream")
    inside = 0 <= one.layer < last and 0 <= one.head < parts.heads and 0 <= one.column <= one.row < length
    if (not inside and one.what != "stream") or not 0 <= one.layer < last:
        why = f"there are {parts.layers} blocks of {parts.heads} heads, and {length} tokens"
        raise GlassworkError("there is no such part to switch off", where="What if", why=why)
    if one.what == "weight":
        index = [0, one.head, one.row, one.column]
        return [m.Edit(at=parts.weights(one.layer), index=index, action="set", value=one.value)]
    if one.what == "stream":
        return [_patch(one, spoke, other)]
    return switched_off(parts, one.what, one.layer, one.head)


def _patch(one: s.Switched, spoke: Spoke, other: tuple[str, Trace] | None) -> m.Edit:
    if other is None:
        raise GlassworkError("there is no other text to take from", where="What if", why="", todo="Type one.")
    id, trace = other
    length, theirs = len(spoke.tokens), trace.value("input").shape[1]
    place = one.row - length + theirs
    if not (0 <= one.row < length and place >= 0):
        why = f"place {one.row} of {length} tokens is not among the other's {theirs}, counted from the end"
        raise GlassworkError("the other text is too short", where="What if", why=why)
    path = spoke.parts.streams[one.layer]
    return m.Edit(at=path, index=[0, one.row, 0], axis=1, action="patch", other=id, other_index=[0, place, 0])
