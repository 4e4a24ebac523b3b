"""What the pages of recurrent networks ask for and get: a text read step by step, and what its units respond to."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from glasswork.scenes.messages import base
from glasswork.scenes.messages.base import Array, Number


class Switch(Struct, frozen=True, forbid_unknown_fields=True):
    """A gate of one unit that is held: its bias is set so far off that nothing else counts."""

    unit: int
    gate: Literal["forget", "input", "output"]
    open: bool
    """Held open, else shut. A unit whose output gate is shut is switched off."""
    place: int = 0
    """Of which layer and direction, in PyTorch's order."""


class OpenReading(base.Request, tag="open_reading", frozen=True):
    """A network of memory cells reads a text."""

    network: str
    text: str | None = None
    """None for one of ours."""
    switches: list[Switch] = msgspec.field(default_factory=list[Switch])
    unit: int | None = None
    """The unit that is told of; None for the one that says most."""
    place: int = 0
    """Which layer and direction is shown, in PyTorch's order."""
    input: str | None = None
    """What a network without a vocabulary reads: `array:ID`; None for numbers that run through."""


class OpenStep(base.Request, tag="open_step", frozen=True):
    """The arithmetic of one unit at one step."""

    source: str
    step: int
    unit: int
    place: int = 0


class FindUnits(base.Request, tag="find_units", frozen=True):
    """Which units are on in a stretch of the text, and no more outside it."""

    source: str
    begin: int
    end: int
    """The first step after it."""
    place: int = 0


class FindPlaces(base.Request, tag="find_places", frozen=True):
    """Where else units are on, or off, together: in the text, and in a part of its book that the network never saw."""

    source: str
    begin: int
    end: int
    units: list[int]
    """Those of the pattern; a negative number -1 - u is unit u being low."""
    place: int = 0


class WriteOn(base.Request, tag="write_on", frozen=True):
    """Draw the next character."""

    source: str
    temperature: float
    seed: int


class Band(Struct, frozen=True, kw_only=True):
    """A gate or a state over time; its array is (steps, units)."""

    name: Literal["forget", "input", "candidate", "cell", "output", "hidden"]
    paths: list[str]
    """The operation that made it at each step."""
    end: Number
    """The number at the end of the colour scale."""
    beyond: Number | None
    """The largest, where the scale is clipped before it."""


class Character(Struct, frozen=True):
    """A character, and a number that is said of it."""

    text: str
    number: Number


class Reading(Struct, tag_field="type", tag="reading", frozen=True, kw_only=True):
    """A text as a network read it. With it come the bands, and those of the unchanged run where gates are held."""

    request: int
    source: str
    base: str
    """The run without held gates; "" where none is held."""
    network: str
    title: str
    text: str
    """What was read."""
    left_out: int
    """Characters before that, which were given and are not read."""
    unknown: str
    """Characters that are not in its vocabulary: it reads all of them as one token."""
    parts: list[str]
    """The layers and directions that there are."""
    place: int
    """Which of them is shown."""
    labels: list[str]
    """What was read at each step."""
    error: Number | None
    """The largest difference of the rebuilt steps to the layer's own output; None where nothing was rebuilt."""
    writes: bool
    """Whether it can go on writing."""
    searches: bool
    """Whether there is a book to search."""
    hidden: int
    bands: list[Band]
    units: list[int]
    """Those with most variance, the first ones first."""
    unit: int
    """The one that is told of."""
    finding: Literal["forgets", "keeps", "apart", "none"]
    fellows: list[int]
    """Those of which the same is true."""
    at_space: Number | None
    on_letter: Number | None
    guesses: list[Character]
    """After each step, the likeliest next character."""
    came: list[Number]
    """The probability of the character that came next; one fewer than steps."""
    nats: Number | None
    """The mean of -ln of these."""
    nats_before: Number | None
    """The same without the held gates."""
    guesses_before: list[str]
    """What it guessed without them."""
    score: Number | None
    """Nats per character on the held-out part of its book."""
    arrays: list[Array]


class Gate(Struct, frozen=True, kw_only=True):
    """One gate of one unit at a step: act(from_input + from_hidden + bias)."""

    name: Literal["forget", "input", "candidate", "output"]
    from_input: Number
    from_hidden: Number
    bias: Number | None
    """None where it is inside the two others."""
    sum: Number
    value: Number


class Step(Struct, tag_field="type", tag="step", frozen=True, kw_only=True):
    """One unit at one step."""

    request: int
    step: int
    unit: int
    gates: list[Gate]
    cell_before: Number
    kept: Number
    written: Number
    cell: Number
    squashed: Number
    hidden: Number
    nexts: list[Character]
    """The likeliest next characters."""


class Unit(Struct, frozen=True):
    """A unit, and by how many of its own deviations its state is higher in the stretch than elsewhere."""

    unit: int
    lift: Number


class Units(Struct, tag_field="type", tag="units", frozen=True, kw_only=True):
    """The units that tell a stretch from the rest, the clearest first."""

    request: int
    begin: int
    end: int
    units: list[Unit]


class Place(Struct, frozen=True, kw_only=True):
    """A place in the text or in the book."""

    position: int
    """Of the stretch's first character."""
    before: str
    stretch: str
    after: str
    score: Number
    """By how many of their deviations the units are on, or off, there: their mean."""


class Places(Struct, tag_field="type", tag="places", frozen=True, kw_only=True):
    """Where the pattern is clearest."""

    request: int
    units: list[int]
    """As they were asked for."""
    here: list[Place]
    """In the text, apart from the stretch."""
    searched: int
    """Characters of the book; 0 where there is none."""
    places: list[Place]


class Written(Struct, tag_field="type", tag="written", frozen=True, kw_only=True):
    """The next character, drawn."""

    request: int
    text: str
    choices: list[Character]
    """The likeliest ones, with their probability at this temperature; the drawn one is among them."""
    drawn: int
    """Which of them."""


ReadingRequest = OpenReading | OpenStep | FindUnits | FindPlaces | WriteOn
ReadingAnswer = Reading | Step | Units | Places | Written
