"""A phrase into another language: the tree of beams, and encoder and decoder at any of its branches."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from functools import cache

import torch

from glasswork.data.clip_tokens import shown
from glasswork.data.clip_tokens import words as words_of
from glasswork.data.phrases import Phrases, load_phrases, phrase_names
from glasswork.errors import GlassworkError
from glasswork.generation.beams import Beam, path
from glasswork.generation.translation import LONGEST, beams_of
from glasswork.scenes import messages as m
from glasswork.scenes.messages import translating as p
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.networks import Networks, reads_pairs
from glasswork.scenes.pair_reading import pair_head, pair_read, pieces
from glasswork.scenes.pair_slopes import pair_slopes
from glasswork.scenes.pairs import PairRun, after
from glasswork.scenes.traces import Traces
from glasswork.zoo import Network, Translation, shipped_cards

DEFAULT = {"phrases-en-fr": "last quarter moon"}
"""What is shown first: a phrase that was held out."""
MOST = 40
"""Tokens of a phrase that are read, with both marks."""
BEAMS = 8
PENALTY = 3.0
RECURRENT = "seq2seq"
LOOKS = "attention:softmax"
"""Where a recurrent translator looks, (1, T, S)."""


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
            case p.TranslateBeside():
                yield self._beside(request, cancelled)
            case p.OpenPair():
                yield self._open(request, cancelled)
            case p.OpenPairHead():
                yield self._head(request, cancelled)
            case p.OpenPairSlopes():
                yield self._slopes(request, cancelled)

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
            counts=[card.trained_on if name == "exact_train" else card.tested_on for name in right],
            branches=[branch(run, nodes, at, request.penalty) for at in range(len(nodes))],
            best=best,
            held_out=held_out(network),
            parameters=network.parameters,
            beside=beside(network),
            seconds=seconds,
        )

    def _beside(self, request: p.TranslateBeside, cancelled: threading.Event) -> str | bytes:
        network = self._networks.load(request.network)
        words, card = network.translation, network.card
        if words is None or card is None or card.network != RECURRENT:
            raise GlassworkError(f"{network.title} is no recurrent translator", where=network.target)
        if not (1 <= request.beams <= BEAMS and 0 <= request.penalty <= PENALTY):
            why = f"from 1 to {BEAMS} are kept, and the penalty is from 0 to {PENALTY:g}"
            raise GlassworkError("it can't be searched like this", where="Beams", why=why)
        ids, _ = shortened(words, request.text)
        nodes, best = beams_of(network.module, words, ids, request.beams, request.penalty)
        written = path(nodes, best[-1])
        told = [words.start, *written[: -1 if written[-1] == words.end else None]]
        id, trace = self._traces.run(network, (torch.tensor([ids]), torch.tensor([told])), None, cancel=cancelled)
        weights = trace[LOOKS].output.tensor[0, : len(written)]  # (T, S)
        translation = words.decode(written)
        answer = p.TranslatedBeside(
            request=request.request,
            network=request.network,
            title=network.title,
            translation=translation,
            exact=translation in [words.decode(words.encode(one)) for one in place_of(network, request.text)[1]],
            read=words.pieces(ids),
            written=words.pieces(written),
            scores=held_out(network),
            count=card.tested_on,
            parameters=network.parameters,
            arrays=[Array(ref=f"trace:{id}#{LOOKS}@value", shape=list(weights.shape), dtype="float32")],
        )
        return m.encode(answer, [weights.numpy()])

    def _translator(self, name: str) -> tuple[Network, Translation]:
        network = self._networks.load(name)
        if network.translation is None or not reads_pairs(network):
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
        if request.off or request.patched:
            patches = self._patches(request, plain, cancelled)
            run = self._changed(plain, [*(head_off(plain, one) for one in request.off), *patches], cancelled)
        followed = int(plain.logits[plain.at].argmax()) if request.followed is None else request.followed
        seconds = time.perf_counter() - begun
        jumps = {one.layer for one in request.patched if one.side == "decoder" and one.row == run.at and one.layer}
        return pair_read(request.request, run, None if run is plain else plain, followed, jumps, seconds)

    def _changed(self, run: PairRun, edits: list[m.Edit], cancelled: threading.Event, passing: bool = False) -> PairRun:
        """The run with these changes, besides those that are there already."""
        all_edits = [*self._traces.edits(run.id), *edits]
        id, trace = self._traces.change(self._traces.base(run.id), all_edits, cancelled, passing=passing)
        return PairRun(id, trace, run.network, run.words, run.at)

    def _patches(self, request: p.OpenPair, run: PairRun, cancelled: threading.Event) -> list[m.Edit]:
        """Streams that are taken from the run on another phrase, which has the same translation written."""
        if not request.patched:
            return []
        if not run.words.tokens.split(request.other or ""):
            raise GlassworkError("there is no other phrase to take from", where="What if", why="", todo="Type one.")
        ids, _ = shortened(run.words, request.other or "")
        inputs = (torch.tensor([ids]), torch.tensor([run.written]))
        id, _ = self._traces.run(run.network, inputs, None, cancel=cancelled)
        found = []
        for one in request.patched:
            tokens = min(len(run.read), len(ids)) if one.side == "encoder" else len(run.written)
            if not (0 <= one.layer <= run.layers and 0 <= one.row < tokens):
                why = f"there are {run.layers} blocks, and {tokens} tokens that both have"
                todo = "Choose a token that both have, or a phrase as long."
                raise GlassworkError("there is no such stream in both", where="What if", why=why, todo=todo)
            path, place = run.stream_paths(one.side)[one.layer], [0, one.row, 0]
            found.append(m.Edit(at=path, index=place, axis=1, action="patch", other=id, other_index=place))
        return found

    def _head(self, request: p.OpenPairHead, cancelled: threading.Event) -> str | bytes:
        run = self._known(request.source, request.position)
        edit = head_off(run, p.HeadOff(request.part, request.layer, request.head))
        off = self._changed(run, [edit], cancelled, passing=True)
        answer, arrays = pair_head(run, request, off.share(request.token))
        return m.encode(answer, arrays)

    def _slopes(self, request: p.OpenPairSlopes, cancelled: threading.Event) -> str | bytes:
        run = self._known(request.source, request.position)
        if self._traces.edits(run.id):
            todo = "Undo the changes first."
            raise GlassworkError("Backward is of the unchanged network", where="Backward", why="", todo=todo)
        if not 0 <= request.token < len(run.matrix):
            raise GlassworkError("there is no such token", where="Backward", why=f"it knows {len(run.matrix):,}")
        inputs, loss = (torch.tensor([run.read]), torch.tensor([run.written])), (0, run.at, request.token)
        id, trace = self._traces.run(run.network, inputs, loss, cancel=cancelled)
        return m.encode(*pair_slopes(run, id, trace, request.token, request.request))


def beside(network: Network) -> str:
    """The recurrent translator that has learned from the same phrases, if one ships."""
    data = network.card.data if network.card is not None else ""
    return next((one.name for one in shipped_cards() if (one.network, one.data) == (RECURRENT, data)), "")


def held_out(network: Network) -> list[Number]:
    """How well it does on phrases that were held out: the share that is right to the letter, and nats a token."""
    card = network.card
    assert card is not None
    names = [name for name in ("exact", "nats") if name in card.scores]
    return [Number(f"measure:{card.recipe}#{name}@value", card.scores[name]) for name in names]


def shortened(words: Translation, text: str) -> tuple[list[int], int]:
    """A phrase's tokens between its marks, and how many at its end are too many."""
    ids = words.encode(text)
    cut = max(0, len(ids) - MOST)
    return (ids if not cut else [*ids[: MOST - 1], words.end]), cut


def head_off(run: PairRun, one: p.HeadOff) -> m.Edit:
    """A head switched off.

    Raises:
        GlassworkError: there is none.
    """
    if not (0 <= one.layer < run.layers and 0 <= one.head < run.heads):
        why = f"there are {run.layers} blocks of {run.heads}"
        raise GlassworkError(f"there is no head {one.layer}·{one.head}", where=run.network.title, why=why)
    return run.off(one.part, one.layer, one.head)


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
