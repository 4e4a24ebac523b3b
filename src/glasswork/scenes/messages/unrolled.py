"""What the page of recurrent networks asks for and gets: the recurrence itself, unrolled over a real sequence."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from glasswork.scenes.messages import base
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.messages.reading import Character


class OpenUnrolled(base.Request, tag="open_unrolled", frozen=True):
    """An RNN reads a sequence."""

    network: str
    text: str | None = None
    """None for one of ours."""
    end: int | None = None
    """Of a network that tells a series' future: the step that the window ends at; None for the last told one."""
    place: int = 0
    """Which layer and direction is shown, in PyTorch's order."""
    input: str | None = None
    """What any other network reads: `array:ID`; None for numbers that run through."""


class OpenRecurrence(base.Request, tag="open_recurrence", frozen=True):
    """The arithmetic of one unit at one step."""

    source: str
    step: int
    unit: int
    place: int = 0


class Unrolled(Struct, tag_field="type", tag="unrolled", frozen=True, kw_only=True):
    """A sequence as an RNN read it.

    Its arrays: the states (T, H), what the layer read (T, I), W_h (H, H) and W_x (H, I); each of a step's states stands
    at `paths[step][0, unit]`.
    """

    request: int
    source: str
    network: str
    title: str
    reads: Literal["text", "series", "numbers"]
    activation: str
    parts: list[str]
    place: int
    text: str
    """What was read, of a text."""
    left_out: int
    unknown: str
    labels: list[str]
    """What was read at each step: a character, a year or day, or the step's number."""
    values: list[Number]
    """Of a series: its value at each step, in its own unit."""
    end: int | None
    """Of a series: the step that the window ends at."""
    ends: list[int]
    """Of a series: the first and the last step that it may end at."""
    unit: str
    """Of a series."""
    told: Number | None
    """Of a series: what the network says comes next."""
    came: Number | None
    """And what came."""
    hidden: int
    inputs: int
    paths: list[str]
    """The operation that made the state at each step."""
    units: list[int]
    """All units, those that vary most first."""
    guesses: list[Character]
    """Of a text: after each step, the likeliest next character."""
    chances: list[Number]
    """The probability of the character that came next; one fewer than steps."""
    nats: Number | None
    score: Number | None
    """Nats per character on the held-out part of its data."""
    error: Number | None
    """The largest difference of the rebuilt steps to the layer's own output; None where nothing was rebuilt."""
    writes: bool
    """Whether it can go on writing."""
    arrays: list[Array]


class Share(Struct, frozen=True):
    """One product of a sum: a weight of W_h, and the state that it is multiplied by."""

    source: int
    """Which unit's."""
    weight: Number
    value: Number


class Recurrence(Struct, tag_field="type", tag="recurrence", frozen=True, kw_only=True):
    """h_t[u] = f(W_x[u] x_t + W_h[u] h_(t-1) + b[u]), with its numbers."""

    request: int
    step: int
    unit: int
    from_input: Number
    """W_x[u] x_t, with the inputs' bias."""
    from_hidden: Number
    """W_h[u] h_(t-1), with the state's bias where `bias` is None."""
    bias: Number | None
    sum: Number
    before: Number
    """The unit's state one step before."""
    value: Number
    largest: list[Share]
    """The largest products with the state before."""
    nexts: list[Character]
    """The likeliest next characters."""


UnrolledRequest = OpenUnrolled | OpenRecurrence
UnrolledAnswer = Unrolled | Recurrence
