"""A sequence as an LSTM read it: gates and states as bands, a step's arithmetic, and what its units respond to."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from collections.abc import Sequence as Steps
from typing import Literal

import numpy as np
import torch

from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.corpus import Corpus, Pattern, clearest
from glasswork.scenes.messages import reading as r
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.networks import Networks
from glasswork.scenes.opening import Arrays
from glasswork.scenes.pictures import ReadInput
from glasswork.scenes.recurrent import GATES, Part
from glasswork.scenes.sequences import Sequence, read_given, read_text, sequence
from glasswork.scenes.traces import Traces

# T steps, H units

DEFAULT = "Whale-balls for breakfast, said the captain, and the sea is still white."
DRAWN = 64
"""Units that are drawn at once."""
HELD = 1_000.0
"""The bias of a gate that is held open."""
FELLOW = 0.6
"""The share of the told unit's difference that makes another one its fellow."""
LIKELY = 6
"""Next characters that are listed."""
SHOWN: tuple[Literal["forget", "input", "candidate", "output"], ...] = ("forget", "input", "candidate", "output")


class Readings:
    """Answers what the page of an LSTM asks.

    Args:
        networks: which may be opened.
        traces: where runs are kept.
        arrays: inputs of the reader's by id.
    """

    def __init__(self, networks: Networks, traces: Traces, arrays: Arrays | None = None) -> None:
        self._networks, self._traces, self._arrays = networks, traces, arrays or {}
        self._corpora: dict[tuple[str, int], Corpus] = {}
        self._lock = threading.Lock()

    def answer(
        self, request: r.ReadingRequest, read_input: ReadInput, cancelled: threading.Event
    ) -> Iterator[m.Answer | str | bytes]:
        """The answer to a request.

        Raises:
            GlassworkError: the network has no such layer, or there is nothing to read.
        """
        match request:
            case r.OpenReading():
                yield self._open(request, read_input, cancelled)
            case r.OpenStep():
                yield self._step(request)
            case r.FindUnits():
                yield self._units(request)
            case r.FindPlaces():
                yield self._places(request)
            case r.WriteOn():
                yield self._write(request)

    # -- the sequence --------------------------------------------------------------------------------------------------

    def _open(self, request: r.OpenReading, read_input: ReadInput, cancelled: threading.Event) -> str | bytes:
        network = self._networks.load(request.network)
        place, text, shown = request.place, DEFAULT if request.text is None else request.text, ""
        if network.vocabulary is not None:
            plain, shown = read_text(network, "lstm", text, self._traces, place, cancelled)
        else:
            text = ""
            plain = read_given(network, "lstm", request.input, self._traces, place, read_input, self._arrays, cancelled)
        base, read = "", plain
        if request.switches:
            base = plain.source
            edits = [held(switch, plain.all) for switch in request.switches]
            id, trace = self._traces.change(base[6:], edits, cancelled)
            read = sequence(f"trace:{id}", trace, network, "lstm", place)
        vocabulary = network.vocabulary
        letters = set(vocabulary.letters) if vocabulary is not None and vocabulary.kind == "characters" else None
        bands = read.bands
        arrays = [
            Array(ref=f"{read.source}#{name}@band", shape=list(band.shape), dtype="float32")
            for name, band in bands.items()
        ]
        unit, finding, fellows = told(read, request.unit)
        card = network.card
        score = card.scores.get("nats_per_char") if card else None
        name = card.recipe if card else network.name
        apart = read.rebuilt
        answer = r.Reading(
            request=request.request,
            source=read.source,
            base=base,
            network=request.network,
            title=network.title,
            text=shown,
            left_out=len(text) - len(shown),
            unknown="" if letters is None else "".join(sorted(set(shown) - letters)),
            parts=[part.name for part in read.all],
            place=read.place,
            labels=read.texts,
            error=None if apart is None else Number(f"{read.measured}#error@value", apart),
            writes=read.probabilities is not None and not any(part.backwards for part in read.all),
            searches=letters is not None and card is not None,
            hidden=read.hidden,
            bands=[_band(read, name) for name in bands],
            units=read.most_variance[:DRAWN],
            unit=unit,
            finding=finding,
            fellows=fellows,
            at_space=_mean_gate(read, unit, "space"),
            on_letter=_mean_gate(read, unit, "letter"),
            guesses=[one for t in range(read.steps) for one in read.likeliest(t, 1)],
            came=read.came,
            nats=read.nats,
            nats_before=plain.nats if base else None,
            guesses_before=[one.text for t in range(plain.steps) for one in plain.likeliest(t, 1)] if base else [],
            score=None if score is None else Number(f"measure:{name}#nats_per_char@value", score),
            arrays=arrays,
        )
        return m.encode(answer, list(bands.values()))

    def _read(self, source: str, place: int = 0) -> Sequence:
        """What a page names."""
        id = source.removeprefix("trace:")
        trace = self._traces.get(id)
        return sequence(f"trace:{id}", trace, self._networks.load(self._traces.target(id)), "lstm", place)

    # -- a step --------------------------------------------------------------------------------------------------------

    def _step(self, request: r.OpenStep) -> r.Step:
        read = self._read(request.source, request.place)
        part, t, unit, hidden = read.part, request.step, request.unit, read.hidden
        if not (0 <= t < read.steps and 0 <= unit < hidden):
            why = f"it has {read.steps} steps and {hidden} units"
            raise GlassworkError("there is no such step or unit", where=request.source, why=why)
        gates = []
        for name in SHOWN:
            row = GATES.index(name) * hidden + unit
            gates.append(
                r.Gate(
                    name=name,
                    from_input=read.number(part.path("from_input", t), *part.index(t, row)),
                    from_hidden=read.number(part.path("from_hidden", t), 0, row),
                    bias=read.number(part.bias, row) if part.bias else None,
                    sum=read.number(part.gate_sum(name, t), 0, unit),
                    value=read.at(name, t, unit),
                )
            )
        made = {name: read.at(name, t, unit) for name in ("kept", "written", "cell", "squashed", "hidden")}
        return r.Step(
            request=request.request,
            step=t,
            unit=unit,
            gates=gates,
            cell_before=read.number(part.state("cell", t), 0, unit),
            **made,
            nexts=read.likeliest(t, LIKELY),
        )

    # -- what units respond to -----------------------------------------------------------------------------------------

    def _units(self, request: r.FindUnits) -> r.Units:
        read = self._read(request.source, request.place)
        begin, end = max(0, request.begin), min(read.steps, request.end)
        lifts = lift(read.bands["hidden"], begin, end)
        order = np.argsort(-np.abs(lifts), kind="stable")[:LIKELY]
        units = [
            r.Unit(int(u), Number(f"{read.measured}#lift/{begin}/{end}[{u}]@value", float(lifts[u])))
            for u in order
            if lifts[u]
        ]
        return r.Units(request=request.request, begin=begin, end=end, units=units)

    def _places(self, request: r.FindPlaces) -> r.Places:
        read = self._read(request.source, request.place)
        pattern = Pattern.of(request.units, request.end - request.begin, read.hidden)
        begin, end = max(0, request.begin), min(read.steps, request.end)
        here = clearest(read.texts, read.bands["hidden"], pattern, read.measured, apart_from=(begin, end))
        vocabulary, card = read.vocabulary, read.network.card
        if vocabulary is None or vocabulary.kind != "characters" or card is None:
            return r.Places(request=request.request, units=request.units, here=here, searched=0, places=[])
        with self._lock:
            key = read.network.target, read.place
            if key not in self._corpora:
                self._corpora[key] = Corpus.of(read.network, vocabulary, read.part)
            corpus = self._corpora[key]
        return r.Places(
            request=request.request,
            units=request.units,
            here=here,
            searched=len(corpus.text),
            places=corpus.places(pattern),
        )

    # -- writing on ----------------------------------------------------------------------------------------------------

    def _write(self, request: r.WriteOn) -> r.Written:
        id = request.source.removeprefix("trace:")
        trace, network = self._traces.get(id), self._networks.load(self._traces.target(id))
        vocabulary = network.vocabulary
        if vocabulary is None or ":softmax" not in trace:
            raise GlassworkError(f"{network.title} tells no next character", where=network.target)
        tokens = trace.value("input").tensor[0].tolist()
        if not 0.05 <= request.temperature <= 5:
            why = f"{request.temperature:g} is not from 0.05 to 5"
            raise GlassworkError("this temperature can't be drawn with", where="temperature", why=why)
        logits = trace.value("output").tensor[0, -1].double()
        shares = torch.softmax(logits / request.temperature, dim=0)
        if vocabulary.kind == "characters":
            shares[0] = 0  # nobody can read what stands for unknown characters
            shares /= shares.sum()
        at = uniform(request.seed, tokens)
        token = int((shares.cumsum(0) > at).nonzero()[0]) if at < shares.sum() else int(shares.argmax())
        listed = shares.topk(min(LIKELY, len(shares))).indices.tolist()
        listed = listed if token in listed else [*listed[:-1], token]
        address = f"reading:{id}#share/{request.temperature:g}"
        texts = vocabulary.texts(listed)
        return r.Written(
            request=request.request,
            text=vocabulary.texts([token])[0],
            choices=[
                r.Character(text, Number(f"{address}[{one}]@value", shares[one].item()))
                for one, text in zip(listed, texts, strict=True)
            ],
            drawn=listed.index(token),
        )


def uniform(seed: int, tokens: Steps[int]) -> float:
    """A number from 0 to 1 that depends on the seed and on what was read: stepping back gives the same again."""
    digest = hashlib.sha256(f"{seed} {','.join(map(str, tokens))}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def held(switch: r.Switch, parts: Steps[Part]) -> m.Edit:
    """A gate that is held open or shut, as a change of its bias.

    Raises:
        GlassworkError: there is no such unit, or its layer has no biases.
    """
    if not 0 <= switch.place < len(parts) or not 0 <= switch.unit < parts[switch.place].hidden:
        why = f"it has {len(parts)} layers, the first of {parts[0].hidden} units"
        raise GlassworkError(f"there is no unit {switch.unit}", where="What if", why=why)
    part = parts[switch.place]
    row = GATES.index(switch.gate) * part.hidden + switch.unit
    at = f"{part.core}.bias_ih{part.suffix}"
    return m.Edit(at=at, index=[row], action="set", value=HELD if switch.open else -HELD)


def lift(states: np.ndarray, begin: int, end: int) -> np.ndarray:
    """By how many of its deviations over the text each unit's state is higher within a stretch than outside, (H,)."""
    inside = np.zeros(len(states), bool)
    inside[begin:end] = True
    if not inside.any() or inside.all():
        return np.zeros(states.shape[1])
    states = states.astype(np.float64)
    spread = states.std(0)
    apart = states[inside].mean(0) - states[~inside].mean(0)
    return np.where(spread > 0, apart / np.where(spread > 0, spread, 1), 0)


Finding = Literal["forgets", "keeps", "apart", "none"]


def told(read: Sequence, wanted: int | None) -> tuple[int, Finding, list[int]]:
    """Which unit is told of, what is said of it, and of which others it is true.

    The unit whose forget gate differs most between spaces and letters: it forgets at spaces where the gate's mean is
    below .3 there and above .6 on letters, keeps where it is the other way round.
    """
    forget = read.bands["forget"].astype(np.float64)
    space, letter = _kinds(read)
    if wanted is not None and not 0 <= wanted < read.hidden:
        wanted = None
    if not space.any() or not letter.any():
        return (read.most_variance[0] if wanted is None else wanted), "none", []
    at, on = forget[space].mean(0), forget[letter].mean(0)
    forgets, keeps = (at < 0.3) & (on > 0.6), (at > 0.6) & (on < 0.3)
    unit = int(np.argmax(np.abs(at - on))) if wanted is None else wanted
    finding: Finding = "forgets" if forgets[unit] else "keeps" if keeps[unit] else "apart"
    same = forgets if forgets[unit] else keeps if keeps[unit] else np.zeros_like(forgets)
    order = np.argsort(-np.abs(at - on), kind="stable")
    return unit, finding, [int(u) for u in order if same[u] and u != unit]


def _kinds(read: Sequence) -> tuple[np.ndarray, np.ndarray]:
    texts = read.texts if read.tokens else [""] * read.steps
    return np.array([one.isspace() for one in texts]), np.array([one.isalpha() for one in texts])


def _mean_gate(read: Sequence, unit: int, kind: str) -> Number | None:
    chosen = _kinds(read)[0 if kind == "space" else 1]
    if not chosen.any():
        return None
    value = float(read.bands["forget"][chosen, unit].astype(np.float64).mean())
    return Number(f"{read.measured}#forget/{kind}[{unit}]@value", value)


def _band(read: Sequence, name: str) -> r.Band:
    """A band with the ends of its scale: 1 for gates, else the 97th percentile where the largest is far beyond."""
    end, beyond = read.end_of(name)
    return r.Band(
        name=name,  # type: ignore[arg-type]
        paths=[read.part.path(name, t) for t in range(read.steps)],
        end=end,
        beyond=beyond,
    )
