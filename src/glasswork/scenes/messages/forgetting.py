"""What the page of recurrent networks asks for and gets: how far back each output's gradient reaches."""

from __future__ import annotations

from msgspec import Struct

from glasswork.scenes.messages import base
from glasswork.scenes.messages.base import Array, Number


class OpenForgetting(base.Request, tag="open_forgetting", frozen=True):
    """Two networks of one size read a text; how much does each earlier character move each guess?"""

    text: str | None = None
    radius: float | None = None
    """The spectral radius that the RNN's matrix is scaled to; None for its own."""


class Reach(Struct, frozen=True, kw_only=True):
    """One network's. Its arrays: gradient (steps, steps) and, by distance, lowest tenth, median and highest tenth."""

    name: str
    title: str
    kind: str
    parameters: int
    score: Number
    """Nats per character on the unseen tenth of the book."""
    chances: list[Number]
    """Of the character that came next, after each step but the last."""


class Forgetting(Struct, tag_field="type", tag="forgetting", frozen=True, kw_only=True):
    """How far back gradients reach: of -ln p(the next character) to the vector of each one read."""

    request: int
    source: str
    text: str
    left_out: int
    rnn: Reach
    lstm: Reach
    radius: Number
    """Of the RNN's matrix, as it was scaled."""
    trained_radius: Number
    norm: Number
    """Its largest singular value."""
    distances: int
    """How far back the courses go."""
    at: int
    """The distance that the sentence tells of."""
    ratio: Number
    """The LSTM's median there over the RNN's."""
    outputs: int
    """Outputs of unseen text that the courses are over."""
    arrays: list[Array]


ForgettingRequest = OpenForgetting
ForgettingAnswer = Forgetting
