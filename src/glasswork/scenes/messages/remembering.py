"""What the page of recurrent networks asks for and gets of the problems that ask for memory.

The source of their numbers is `remember:SETTINGS@STEP`; a path is KIND/WHAT, such as `lstm/cost`.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from glasswork.scenes.messages.base import Array, Number, Request


class Problem(Struct, frozen=True, kw_only=True):
    """A problem, and how an RNN and an LSTM learn it."""

    problem: Literal["adding", "copy"] = "adding"
    length: int = 50
    """Steps of an adding example; blanks of a copy one."""
    units: int = 32
    batch: int = 32
    rate: float = 0.005
    clip: float = 1.0
    """The length that gradients are cut to; 0 for none."""
    radius: float = 0.0
    """The spectral radius that the RNN's W_h begins with; 0 for torch's own beginning."""
    seed: int = 0


class RememberOn(Request, tag="remember_on", frozen=True):
    """Be at a step, as far as the time allows, and show what both are there."""

    problem: Problem
    step: int
    milliseconds: float = 40.0
    example: int = 0
    """Which of the test examples is shown."""


class LearnerOf(Struct, frozen=True, kw_only=True):
    """One of the two."""

    kind: Literal["rnn", "lstm"]
    parameters: int
    cost: Number
    """Of the test examples."""
    right: Number
    """The share of these that is right: sums within 0.04, symbols."""
    said: list[Number]
    """Of the shown example: a sum, or symbols."""
    cut: Number | None
    """In how many of the steps the gradient was cut; None before the first."""
    longest: Number | None
    """The longest gradient, before it was cut."""
    radius: Number
    """The spectral radius of its W_h now; of an LSTM the largest of its four."""
    exploded: bool
    """Whether its numbers ran out, or its cost is 100 times that of who remembers nothing."""


class Remembered(Struct, tag_field="type", tag="remembered", frozen=True, kw_only=True):
    """Where both stand.

    Its arrays: the shown example, (T, I); for each learner its costs and the lengths of its gradients before they were
    cut, (P,) each, fp64, at the steps `steps`; and how long the gradient is to each step read, (T,).
    """

    request: int
    source: str
    step: int
    steps: list[int]
    """Whose costs and lengths come along, from 1; thinned where there are many."""
    blank: float
    """The cost of who remembers nothing."""
    wanted: list[Number]
    """What should be said of the shown example."""
    example: int
    examples: int
    learners: list[LearnerOf]
    arrays: list[Array]


RememberRequest = RememberOn
RememberAnswer = Remembered
