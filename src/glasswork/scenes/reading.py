"""A text as an LSTM read it: gates and states as bands, a step's arithmetic, and what its units respond to."""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from glasswork.data.tokens import Vocabulary
from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.corpus import Corpus
from glasswork.scenes.messages import reading as r
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.networks import Networks
from glasswork.scenes.traces import Traces
from glasswork.tracing import Trace
from glasswork.zoo import Network

# T steps, H units

DEFAULT = "Whale-balls for breakfast, said the captain, and the sea is still white."
MOST = 120
"""Characters that are read: the last ones of a longer text."""
DRAWN = 64
"""Units that are drawn at once."""
HELD = 1_000.0
"""The bias of a gate that is held open."""
ORDER = ("input", "forget", "candidate", "output")
"""Of the gates in the weights, as in torch.nn.LSTM."""
CLIP = 97
"""Per cent of the absolute values, where a scale ends if the largest is 1.5 times that."""
FELLOW = 0.6
"""The share of the told unit's difference that makes another one its fellow."""
LIKELY = 6
"""Next characters that are listed."""


@dataclass(frozen=True)
class Read:
    """A recorded run of an LSTM of one layer on a text, and which of its operations made what.

    Steps are counted from 0. Each step has three sigmoids, two tanhs, three products and, after the first sum of the
    inputs' part, three sums.
    """

    source: str
    trace: Trace
    network: Network
    vocabulary: Vocabulary
    tokens: list[int]

    @property
    def steps(self) -> int:
        """T."""
        return len(self.tokens)

    @property
    def hidden(self) -> int:
        """H."""
        return self.trace.value("core.weight_hh_l0").shape[1]

    def path(self, name: str, step: int) -> str:
        """The operation that made a gate or state at a step."""
        kind, each, place = {
            "input": ("sigmoid", 3, 1),
            "forget": ("sigmoid", 3, 2),
            "output": ("sigmoid", 3, 3),
            "candidate": ("tanh", 2, 1),
            "squashed": ("tanh", 2, 2),
            "kept": ("mul", 3, 1),
            "written": ("mul", 3, 2),
            "hidden": ("mul", 3, 3),
            "cell": ("add", 3, 4),
            "from_hidden": ("matmul", 1, 2),
        }[name]
        number = each * step + place
        return f"core:{kind}" + (f"#{number}" if number > 1 else "")

    def number(self, path: str, *index: int) -> Number:
        """A number of the run, with its address."""
        value = self.trace.value(path)
        return Number(f"{self.source}#{path}[{','.join(map(str, index))}]@value", value.tensor[index].item())

    @cached_property
    def bands(self) -> dict[str, np.ndarray]:
        """Each gate and state, float32, (T, H)."""
        names = ("forget", "input", "candidate", "cell", "output", "hidden")
        return {name: self._band(name) for name in names}

    def _band(self, name: str) -> np.ndarray:
        return torch.cat([self.trace.value(self.path(name, t)).tensor for t in range(self.steps)]).numpy()

    @cached_property
    def probabilities(self) -> Tensor:
        """Of the next character after each step, (T, V)."""
        return self.trace.value(":softmax").tensor[0]

    @property
    def texts(self) -> list[str]:
        """Each character that was read."""
        return self.vocabulary.texts(self.tokens)


class Readings:
    """Answers what the page of an LSTM asks.

    Args:
        networks: which may be opened.
        traces: where runs are kept.
    """

    def __init__(self, networks: Networks, traces: Traces) -> None:
        self._networks, self._traces = networks, traces
        self._corpora: dict[str, Corpus] = {}
        self._lock = threading.Lock()

    def answer(self, request: r.ReadingRequest, cancelled: threading.Event) -> Iterator[m.Answer | str | bytes]:
        """The answer to a request.

        Raises:
            GlassworkError: the network reads no text step by step, or there is nothing to read.
        """
        match request:
            case r.OpenReading():
                yield self._open(request, cancelled)
            case r.OpenStep():
                yield self._step(request)
            case r.FindUnits():
                yield self._units(request)
            case r.FindPlaces():
                yield self._places(request)
            case r.WriteOn():
                yield self._write(request)

    # -- the text ------------------------------------------------------------------------------------------------------

    def _open(self, request: r.OpenReading, cancelled: threading.Event) -> str | bytes:
        network = self._networks.load(request.network)
        vocabulary = readable_by_steps(network)
        text = DEFAULT if request.text is None else request.text
        if not text:
            raise GlassworkError("there is nothing to read", where=network.title, why="the text is empty")
        shown = text[-MOST:]
        tokens = torch.from_numpy(vocabulary.encode(shown)).long()[None]
        if not tokens.numel():
            raise GlassworkError("there is nothing to read", where=network.title, why="the text has no characters")
        id, trace = self._traces.run(network, (tokens,), None, cancel=cancelled)
        base, plain = "", Read(f"trace:{id}", trace, network, vocabulary, tokens[0].tolist())
        if request.switches:
            base, hidden = f"trace:{id}", trace.value("core.weight_hh_l0").shape[1]
            edits = [held(switch, hidden) for switch in request.switches]
            id, trace = self._traces.change(id, edits, cancelled)
        read = Read(f"trace:{id}", trace, network, vocabulary, plain.tokens)
        unknown = "" if vocabulary.kind == "bytes" else "".join(sorted(set(shown) - set(vocabulary.letters)))
        arrays = [
            Array(ref=f"{read.source}#{name}@band", shape=list(band.shape), dtype="float32")
            for name, band in read.bands.items()
        ]
        unit, finding, fellows = told(read, request.unit)
        card = network.card
        score = card.scores.get("nats_per_char") if card else None
        name = card.recipe if card else network.name
        answer = r.Reading(
            request=request.request,
            source=read.source,
            base=base,
            network=request.network,
            title=network.title,
            text="".join(read.texts) if vocabulary.kind == "bytes" else shown,
            left_out=len(text) - len(shown),
            unknown=unknown,
            hidden=read.hidden,
            bands=[_band(read, name) for name in read.bands],
            units=_most_variance(read),
            unit=unit,
            finding=finding,
            fellows=fellows,
            at_space=_mean_gate(read, unit, "space"),
            on_letter=_mean_gate(read, unit, "letter"),
            guesses=[self._likeliest(read, t, 1)[0] for t in range(read.steps)],
            came=[read.number(":softmax", 0, t, token) for t, token in enumerate(read.tokens[1:])],
            nats=_nats(read),
            nats_before=_nats(plain) if base else None,
            guesses_before=[self._likeliest(plain, t, 1)[0].text for t in range(plain.steps)] if base else [],
            score=None if score is None else Number(f"measure:{name}#nats_per_char@value", score),
            arrays=arrays,
        )
        return m.encode(answer, list(read.bands.values()))

    def _read(self, source: str) -> Read:
        """What a page names."""
        id = source.removeprefix("trace:")
        trace = self._traces.get(id)
        network = self._networks.load(self._traces.target(id))
        vocabulary = readable_by_steps(network)
        return Read(f"trace:{id}", trace, network, vocabulary, trace.value("input").tensor[0].tolist())

    def _likeliest(self, read: Read, step: int, count: int) -> list[r.Character]:
        top = read.probabilities[step].topk(min(count, read.probabilities.shape[1]))
        return [
            r.Character(read.vocabulary.texts([token])[0], read.number(":softmax", 0, step, token))
            for token in top.indices.tolist()
        ]

    # -- a step --------------------------------------------------------------------------------------------------------

    def _step(self, request: r.OpenStep) -> r.Step:
        read = self._read(request.source)
        t, unit, hidden = request.step, request.unit, read.hidden
        if not (0 <= t < read.steps and 0 <= unit < hidden):
            why = f"it has {read.steps} steps and {hidden} units"
            raise GlassworkError("there is no such step or unit", where=request.source, why=why)
        gates = []
        for name in ("forget", "input", "candidate", "output"):
            place = ORDER.index(name)
            row = place * hidden + unit
            chunk = "core:chunk" + (f"#{t + 1}" if t else "") + (f"~{place}" if place else "")
            gates.append(
                r.Gate(
                    name=name,
                    from_input=read.number("core:add", 0, t, row),
                    from_hidden=read.number(read.path("from_hidden", t), 0, row),
                    bias=read.number("core.bias_hh_l0", row),
                    sum=read.number(chunk, 0, unit),
                    value=read.number(read.path(name, t), 0, unit),
                )
            )
        before = read.path("cell", t - 1) if t else "core:getitem#2"
        return r.Step(
            request=request.request,
            step=t,
            unit=unit,
            gates=gates,
            cell_before=read.number(before, 0, unit),
            **{
                name: read.number(read.path(name, t), 0, unit)
                for name in ("kept", "written", "cell", "squashed", "hidden")
            },
            nexts=self._likeliest(read, t, LIKELY),
        )

    # -- what units respond to -----------------------------------------------------------------------------------------

    def _units(self, request: r.FindUnits) -> r.Units:
        read = self._read(request.source)
        begin, end = max(0, request.begin), min(read.steps, request.end)
        lifts = lift(read.bands["cell"], begin, end)
        order = np.argsort(-np.abs(lifts), kind="stable")[:LIKELY]
        units = [
            r.Unit(int(u), Number(f"reading:{read.source[6:]}#lift/{begin}/{end}[{u}]@value", float(lifts[u])))
            for u in order
            if lifts[u]
        ]
        return r.Units(request=request.request, begin=begin, end=end, units=units)

    def _places(self, request: r.FindPlaces) -> r.Places:
        network = self._networks.load(request.network)
        vocabulary = readable_by_steps(network)
        with self._lock:
            if request.network not in self._corpora:
                self._corpora[request.network] = Corpus.of(network, vocabulary)
            corpus = self._corpora[request.network]
        return r.Places(
            request=request.request,
            unit=request.unit,
            high=request.high,
            searched=len(corpus.text),
            places=corpus.places(request.unit, request.length, request.high),
        )

    # -- writing on ----------------------------------------------------------------------------------------------------

    def _write(self, request: r.WriteOn) -> r.Written:
        read = self._read(request.source)
        if not 0.05 <= request.temperature <= 5:
            why = f"{request.temperature:g} is not from 0.05 to 5"
            raise GlassworkError("this temperature can't be drawn with", where="temperature", why=why)
        logits = read.trace.value("output").tensor[0, -1].double()
        shares = torch.softmax(logits / request.temperature, dim=0)
        if read.vocabulary.kind == "characters":
            shares[0] = 0  # nobody can read what stands for unknown characters
            shares /= shares.sum()
        at = uniform(request.seed, read.tokens)
        token = int((shares.cumsum(0) > at).nonzero()[0]) if at < shares.sum() else int(shares.argmax())
        listed = shares.topk(min(LIKELY, len(shares))).indices.tolist()
        listed = listed if token in listed else [*listed[:-1], token]
        address = f"reading:{read.source[6:]}#share/{request.temperature:g}"
        texts = read.vocabulary.texts(listed)
        return r.Written(
            request=request.request,
            text=read.vocabulary.texts([token])[0],
            choices=[
                r.Character(text, Number(f"{address}[{one}]@value", shares[one].item()))
                for one, text in zip(listed, texts, strict=True)
            ],
            drawn=listed.index(token),
        )


def uniform(seed: int, tokens: Sequence[int]) -> float:
    """A number from 0 to 1 that depends on the seed and on what was read: stepping back gives the same again."""
    digest = hashlib.sha256(f"{seed} {','.join(map(str, tokens))}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def readable_by_steps(network: Network) -> Vocabulary:
    """The tokens of a network that this page can show.

    Raises:
        GlassworkError: it is no LSTM of one layer that reads text from left to right.
    """
    card = network.card
    if card is None or network.vocabulary is None or not is_reader(card.network, card.sizes):
        raise GlassworkError(
            f"{network.title} has no gates to be read here",
            where=network.target,
            why="this page shows an LSTM of one layer that reads characters",
            todo="Open it as a graph: /open shows every step of any recurrent layer.",
        )
    return network.vocabulary


def is_reader(network: str, sizes: dict[str, int | float | str]) -> bool:
    """Whether a network of these sizes has this page."""
    return network == "lstm" and bool(sizes.get("vocabulary")) and (sizes["layers"], sizes["bidirectional"]) == (1, 0)


def held(switch: r.Switch, hidden: int) -> m.Edit:
    """A gate that is held open or shut, as a change of its bias.

    Raises:
        GlassworkError: there is no such unit.
    """
    if not 0 <= switch.unit < hidden:
        raise GlassworkError(f"there is no unit {switch.unit}", where="What if", why=f"it has {hidden} units")
    row = ORDER.index(switch.gate) * hidden + switch.unit
    return m.Edit(at="core.bias_ih_l0", index=[row], action="set", value=HELD if switch.open else -HELD)


def lift(cell: np.ndarray, begin: int, end: int) -> np.ndarray:
    """By how many of its deviations over the text each unit's cell is higher within a stretch than outside, (H,)."""
    inside = np.zeros(len(cell), bool)
    inside[begin:end] = True
    if not inside.any() or inside.all():
        return np.zeros(cell.shape[1])
    cell = cell.astype(np.float64)
    spread = cell.std(0)
    apart = cell[inside].mean(0) - cell[~inside].mean(0)
    return np.where(spread > 0, apart / np.where(spread > 0, spread, 1), 0)


Finding = Literal["forgets", "keeps", "apart", "none"]


def told(read: Read, wanted: int | None) -> tuple[int, Finding, list[int]]:
    """Which unit is told of, what is said of it, and of which others it is true.

    The unit whose forget gate differs most between spaces and letters: it forgets at spaces where the gate's mean is
    below .3 there and above .6 on letters, keeps where it is the other way round.
    """
    forget = read.bands["forget"].astype(np.float64)
    space, letter = _kinds(read)
    if wanted is not None and not 0 <= wanted < read.hidden:
        wanted = None
    if not space.any() or not letter.any():
        return (_most_variance(read)[0] if wanted is None else wanted), "none", []
    at, on = forget[space].mean(0), forget[letter].mean(0)
    forgets, keeps = (at < 0.3) & (on > 0.6), (at > 0.6) & (on < 0.3)
    unit = int(np.argmax(np.abs(at - on))) if wanted is None else wanted
    finding: Finding = "forgets" if forgets[unit] else "keeps" if keeps[unit] else "apart"
    same = forgets if forgets[unit] else keeps if keeps[unit] else np.zeros_like(forgets)
    order = np.argsort(-np.abs(at - on), kind="stable")
    return unit, finding, [int(u) for u in order if same[u] and u != unit]


def _kinds(read: Read) -> tuple[np.ndarray, np.ndarray]:
    texts = read.texts
    return np.array([one.isspace() for one in texts]), np.array([one.isalpha() for one in texts])


def _mean_gate(read: Read, unit: int, kind: str) -> Number | None:
    chosen = _kinds(read)[0 if kind == "space" else 1]
    if not chosen.any():
        return None
    value = float(read.bands["forget"][chosen, unit].astype(np.float64).mean())
    return Number(f"reading:{read.source[6:]}#forget/{kind}[{unit}]@value", value)


def _nats(read: Read) -> Number | None:
    if read.steps < 2:
        return None
    shares = read.probabilities[torch.arange(read.steps - 1), read.tokens[1:]].double()
    return Number(f"reading:{read.source[6:]}#nats@value", -shares.log().mean().item())


def _most_variance(read: Read) -> list[int]:
    variance = read.bands["cell"].astype(np.float64).var(0)
    return [int(u) for u in np.argsort(-variance, kind="stable")[:DRAWN]]


def _band(read: Read, name: str) -> r.Band:
    """A band with the ends of its scale: 1 for gates, else the 97th percentile where the largest is far beyond."""
    band = np.abs(read.bands[name])
    flat = band.ravel()
    order = np.argsort(flat, kind="stable")

    def at(place: int) -> Number:
        t, unit = divmod(int(order[place]), band.shape[1])
        return read.number(read.path(name, t), 0, unit)

    largest, clipped = at(-1), at(math.ceil(len(order) * CLIP / 100) - 1)
    clips = name == "cell" and abs(largest.value) > 1.5 * abs(clipped.value) > 0
    return r.Band(
        name=name,  # type: ignore[arg-type]
        paths=[read.path(name, t) for t in range(read.steps)],
        end=clipped if clips else largest,
        beyond=largest if clips else None,
    )
