"""What the playground asks for, and what it is told.

The source of its numbers is `play:SETTINGS@STEP`; a path is `wL`, `bL` (weights and biases of layer L, counted from 1),
`fL` (what the units of layer L make of each place of the plane; `f0` are the features), `loss` or `accuracy` (`@train`,
`@test`).
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from glasswork.scenes.messages.base import Array, Number, Request
from glasswork.scenes.messages.lessons import LayerOf


class Dragged(Struct, frozen=True):
    """A weight that was set by hand."""

    step: int
    """After how many steps."""
    layer: int
    unit: int
    source: int
    """Which input of the unit; -1 for its bias."""
    value: float


class PlayOf(Struct, frozen=True, kw_only=True):
    """A network of the playground, and how it is trained."""

    data: str = "circle"
    """A set of points, or `given:ID`."""
    count: int = 400
    test: float = 0.5
    """The share of points that it is not trained on."""
    noise: float = 0.0
    features: list[str] = msgspec.field(default_factory=lambda: ["x", "y"])
    hidden: list[LayerOf] = msgspec.field(default_factory=list[LayerOf])
    optimiser: str = "SGD"
    rate: float = 0.03
    momentum: float = 0.0
    batch: int = 10
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    seed: int = 0
    edits: list[Dragged] = msgspec.field(default_factory=list[Dragged])


class PlayOn(Request, tag="play_on", frozen=True):
    """Be at a step, as far as the time allows, and show what the network is there."""

    play: PlayOf
    step: int
    milliseconds: float = 25.0
    points: bool = True
    """Whether the points come along."""
    view: str = "page"

    @property
    def slot(self) -> str:
        """One network a view."""
        return f"PlayOn {self.view}"


class GivePoints(Request, tag="give_points", frozen=True):
    """Points of the reader's: x, y, and a class of two, or a value."""

    points: list[list[float]]


PlayRequest = PlayOn | GivePoints


class Played(Struct, tag_field="type", tag="played", frozen=True, kw_only=True):
    """`arrays`: for each layer `wL`, `bL` and `fL` (units, R, R), the first row at the top of the plane, `f0` the
    features; of the last layer `fL` is (1, Q, Q); and with them `points@value`, (N, 4): x, y, target, and whether it is
    tested on."""

    request: int
    source: str
    step: int
    epoch: float
    each: int
    """Steps an epoch."""
    wanted: int
    train: Number
    test: Number | None
    right: Number | None
    """Of the tested points (without such, of all); None for a regression."""
    right_trained: Number | None
    classes: bool
    exploded: bool
    reach: float
    """The plane runs from its opposite to this, both ways."""
    optimisers: list[str]
    activations: list[str]
    arrays: list[Array]


class PointsGiven(Struct, tag_field="type", tag="points_given", frozen=True, kw_only=True):
    """They were taken in; `given:ID` names them."""

    request: int
    id: str
    classes: bool


PlayAnswer = Played | PointsGiven
