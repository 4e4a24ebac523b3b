"""What the page of backpropagation asks for, and what it is told.

The source of its numbers is `lesson:NETWORK/SEED/OPTIMISER/RATE/BATCH/STEP/INPUT/LABEL`; a path is `wL`, `bL` (weights
and biases of layer L, counted from 1), `zL`, `aL` (its sums and values), `cost`, or `accuracy`.
What: `value`; `grad`, dC of one example; `wish`, its opposite; `slope`, f'(z); `mean`, the gradient of the whole batch;
`written`, `after`: past the step; `pushed`, `passed`: what goes forward, and what wish goes back, along a weight.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from glasswork.scenes.messages.base import Array, Number, Request
from glasswork.scenes.messages.training import UpdateOf


class LayerOf(Struct, frozen=True):
    """One layer of a dense network."""

    units: int
    activation: str


class Lesson(Struct, frozen=True, kw_only=True):
    """A network that learns digits, by how many steps of what."""

    network: str = "perceptron-digits"
    """One that ships; "" for one of `layers`, with weights drawn by `seed`."""
    layers: list[LayerOf] = msgspec.field(default_factory=list[LayerOf])
    """All but the input; the last has ten units."""
    seed: int = 0
    optimiser: str = "SGD"
    """torch's name; "momentum" for SGD with it."""
    rate: float = 0.2
    batch: int = 1
    """1: every step is of the shown digit; else of so many of the training digits."""
    step: int = 0
    """After how many steps."""
    input: str = ""
    """As for a scene; "": a digit that the network that ships reads wrongly."""
    label: int | None = None
    """What it should be read as; None: its own label, or of a drawn one what the network says."""


class OpenLesson(Request, tag="open_lesson", frozen=True):
    """Backpropagation of one digit, and the step that follows."""

    lesson: Lesson
    weight: list[int] = msgspec.field(default_factory=list[int])
    """Layer, unit, and which of its inputs, whose chain rule is written out; []: the steepest of the last layer."""
    view: str = "page"

    @property
    def slot(self) -> str:
        """One lesson a view."""
        return f"OpenLesson {self.view}"


class OpenLandscape(Request, tag="open_landscape", frozen=True):
    """The cost around a network's weights, along two directions through them, and the way so far."""

    lesson: Lesson


LessonRequest = OpenLesson | OpenLandscape


class ActivationCard(Struct, frozen=True):
    """What an activation is."""

    name: str
    formula: str
    slope: str
    """The formula of f'."""


class WeightOf(Struct, frozen=True, kw_only=True):
    """The chain rule at one weight, and what a step makes of it."""

    layer: int
    unit: int
    source: int
    """Which of the layer's inputs."""
    weight: Number
    value: Number
    """What comes along it: a of the layer before, or the input."""
    slope: Number
    wish: Number
    """dC/da of its unit."""
    gradient: Number
    mean: Number
    """Over the batch that the step is made for."""
    above: Number
    below: Number
    """The cost with the weight moved by `moved`, up and down."""
    moved: float
    difference: Number
    update: UpdateOf


class LayerNorm(Struct, frozen=True):
    """The size of the gradient of one layer's weights."""

    size: Number
    weights: int


class CourseOf(Struct, frozen=True):
    """The cost of each batch on the way, thinned."""

    steps: list[int]
    costs: list[float]


class LessonOf(Struct, tag_field="type", tag="lesson", frozen=True, kw_only=True):
    """`arrays`: `input@value`; for each layer `wL` and `bL`, `@value` and `@grad`; `zL@value`, `zL@slope`, `zL@grad`;
    `aL@value`, `aL@grad`; of the last layer `aL@after`; and for each activation in use `curve/NAME@value`: z, f, f'."""

    request: int
    source: str
    lesson: Lesson
    title: str
    layers: list[LayerOf]
    card: str
    """The network's own page, or ""."""
    input: str
    name: str
    picture: bool
    label: int
    said: int
    said_after: int
    cost: Number
    after: Number
    """Of the same digit, after the step."""
    mean: Number
    """The cost of the batch that the step is made for."""
    accuracy: Number
    accuracy_after: Number
    unseen: int
    norms: list[LayerNorm]
    weight: WeightOf
    activations: list[ActivationCard]
    choices: list[str]
    """Every activation that there is."""
    optimisers: list[str]
    course: CourseOf
    exploded: bool
    """Whether the training came to numbers that are none."""
    arrays: list[Array]


class Landscape(Struct, tag_field="type", tag="landscape", frozen=True, kw_only=True):
    """`arrays`: `landscape@value`, the cost (R, R) over the plane; `path@value`, (P, 3): both coordinates of each kept
    step, and the cost there."""

    request: int
    source: str
    reach: list[float]
    """Both coordinates of the first and of the last column and row: low, high, low, high."""
    steps: list[int]
    """Of the path."""
    of: Literal["digit", "batch"]
    examples: int
    arrays: list[Array]


LessonAnswer = LessonOf | Landscape
