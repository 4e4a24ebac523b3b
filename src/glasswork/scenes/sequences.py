"""A sequence as one recurrent layer of a network read it: the run, what was read, and its gates and states."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from glasswork.data.tokens import Vocabulary
from glasswork.errors import GlassworkError
from glasswork.scenes.messages.base import Number
from glasswork.scenes.messages.reading import Character
from glasswork.scenes.opening import Arrays, given
from glasswork.scenes.pictures import ReadInput
from glasswork.scenes.recurrent import BANDS, Kind, Part, number, parts
from glasswork.scenes.traces import Traces
from glasswork.tracing import Trace
from glasswork.zoo import Network

# T steps, H units, V words of a vocabulary

MOST = 120
"""Characters that are read: the last ones of a longer text."""
LONGEST = 400
"""Steps of a sequence that is no text."""
CLIP = 97
"""Per cent of the absolute values, where a scale ends if the largest is 1.5 times that."""
TITLES: dict[Kind, str] = {"lstm": "LSTM", "rnn": "RNN"}


@dataclass(frozen=True)
class Sequence:
    """A recorded run, and the part of it that is looked at.

    Attributes:
        source: the run's address.
        trace: the run.
        network: what ran.
        part: one layer in one direction.
        all: every one of its kind.
        tokens: what was read; empty where it reads no text.
    """

    source: str
    trace: Trace
    network: Network
    part: Part
    all: tuple[Part, ...]
    tokens: tuple[int, ...]

    @property
    def steps(self) -> int:
        """T."""
        return self.part.steps

    @property
    def hidden(self) -> int:
        """H."""
        return self.part.hidden

    @property
    def place(self) -> int:
        """Which of all this is."""
        return self.all.index(self.part)

    @property
    def measured(self) -> str:
        """The source of what is computed from the run's numbers."""
        return f"reading:{self.source[6:]}" + (f"~{self.place}" if self.place else "")

    @property
    def vocabulary(self) -> Vocabulary | None:
        """What its tokens stand for."""
        return self.network.vocabulary

    @property
    def texts(self) -> list[str]:
        """What was read at each step: a character, or the step's number."""
        if self.vocabulary is None or not self.tokens:
            return [str(step + 1) for step in range(self.steps)]
        return self.vocabulary.texts(list(self.tokens))

    def number(self, path: str, *index: int) -> Number:
        """A number of the run, with its address."""
        return number(self.source, self.trace, path, *index)

    def at(self, name: str, step: int, unit: int) -> Number:
        """A gate or state of a unit at a step."""
        return self.number(self.part.path(name, step), 0, unit)

    @cached_property
    def bands(self) -> dict[str, np.ndarray]:
        """Each gate and state, float32, (T, H)."""
        return {name: self.band(name) for name in BANDS[self.part.kind]}

    def band(self, name: str) -> np.ndarray:
        """One gate or state over time, (T, H)."""
        return torch.cat([self.trace.value(self.part.path(name, t)).tensor for t in range(self.steps)]).numpy()

    def end_of(self, name: str) -> tuple[Number, Number | None]:
        """The number at the end of a band's colours, and the largest where it lies far beyond."""
        band = np.abs(self.bands[name])
        order = np.argsort(band.ravel(), kind="stable")

        def at(place: int) -> Number:
            return self.at(name, *divmod(int(order[place]), self.hidden))

        largest, clipped = at(-1), at(math.ceil(len(order) * CLIP / 100) - 1)
        clips = name == "cell" and abs(largest.value) > 1.5 * abs(clipped.value) > 0
        return (clipped, largest) if clips else (largest, None)

    @cached_property
    def most_variance(self) -> list[int]:
        """All units, those whose memory varies most first."""
        variance = self.bands["cell" if self.part.kind == "lstm" else "hidden"].astype(np.float64).var(0)
        return [int(u) for u in np.argsort(-variance, kind="stable")]

    @cached_property
    def probabilities(self) -> Tensor | None:
        """Of the next character after each step, (T, V); None where it tells none."""
        if not self.tokens or ":softmax" not in self.trace:
            return None
        found = self.trace.value(":softmax").tensor
        return found[0] if found.dim() == 3 and found.shape[1] == self.steps else None

    def likeliest(self, step: int, count: int) -> list[Character]:
        """The next characters that are likeliest after a step."""
        shares, vocabulary = self.probabilities, self.vocabulary
        if shares is None or vocabulary is None:
            return []
        top = shares[step].topk(min(count, shares.shape[1]))
        return [
            Character(vocabulary.texts([token])[0], self.number(":softmax", 0, step, token))
            for token in top.indices.tolist()
        ]

    @property
    def came(self) -> list[Number]:
        """The probability of what came next, after each step but the last."""
        if self.probabilities is None:
            return []
        return [self.number(":softmax", 0, t, token) for t, token in enumerate(self.tokens[1:])]

    @property
    def nats(self) -> Number | None:
        """The mean of -ln of these."""
        shares = self.probabilities
        if shares is None or self.steps < 2:
            return None
        told = shares[torch.arange(self.steps - 1), list(self.tokens[1:])].double()
        return Number(f"{self.measured}#nats@value", -told.log().mean().item())

    @property
    def rebuilt(self) -> float | None:
        """The largest difference of rebuilt steps to the layer's own output; None where nothing was rebuilt."""
        return None if self.part.written else self.trace.rebuild(self.part.core).error


def read_text(
    network: Network, kind: Kind, text: str, traces: Traces, place: int, cancelled: threading.Event
) -> tuple[Sequence, str]:
    """Read the last characters of a text; and which were read.

    Raises:
        GlassworkError: there is nothing to read, or no such layer.
    """
    vocabulary = network.vocabulary
    assert vocabulary is not None
    shown = text[-MOST:]
    tokens = torch.from_numpy(vocabulary.encode(shown)).long()[None]
    if not tokens.numel():
        why = "the text is empty" if not text else "the text has no characters"
        raise GlassworkError("there is nothing to read", where=network.title, why=why)
    id, trace = traces.run(network, (tokens,), None, cancel=cancelled)
    read = sequence(f"trace:{id}", trace, network, kind, place)
    return read, "".join(read.texts) if vocabulary.kind == "bytes" else shown


def read_given(
    network: Network,
    kind: Kind,
    wanted: str | None,
    traces: Traces,
    place: int,
    read_input: ReadInput,
    arrays: Arrays,
    cancelled: threading.Event,
) -> Sequence:
    """Run a network that has no vocabulary on what was given, or on numbers that run through.

    Raises:
        GlassworkError: nothing fits it, it has no such layer, or the sequence is too long.
    """
    inputs = given(network, wanted, read_input, arrays).tensors
    id, trace = traces.run(network, inputs, None, cancel=cancelled)
    return sequence(f"trace:{id}", trace, network, kind, place)


def sequence(source: str, trace: Trace, network: Network, kind: Kind, place: int) -> Sequence:
    """What one layer made of a run.

    Raises:
        GlassworkError: there is no such layer in it, or its sequence is too long to be drawn.
    """
    found = tuple(part for part in parts(network, trace) if part.kind == kind)
    if not found:
        raise GlassworkError(
            f"{network.title} has no {TITLES[kind]} to be read here",
            where=network.target,
            why=f"this page shows layers of torch.nn.{TITLES[kind]} and of ours that read one sequence",
            todo="Open it as a graph: /open shows every step of any recurrent layer.",
        )
    if not 0 <= place < len(found):
        why = f"it has {len(found)} of its kind"
        raise GlassworkError(f"there is no layer {place}", where=network.title, why=why)
    if found[place].steps > LONGEST:
        why = f"it has {found[place].steps:,} steps; up to {LONGEST} can be drawn"
        raise GlassworkError("this sequence is too long", where=network.title, why=why, todo="Give a part of it.")
    first = trace.value("input").tensor
    tokens = first[0].tolist() if network.vocabulary is not None and first.dim() == 2 else []
    return Sequence(source, trace, network, found[place], found, tuple(tokens))
