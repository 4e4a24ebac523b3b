"""What the laboratory of GANs asks for, and what it is told.

The source of its numbers is `gan:SETTINGS@STEP`; a path is `g.wL`, `g.bL`, `d.wL`, `d.bL` (weights and biases of layer
L of generator and discriminator, counted from 1), `g.fL`, `d.fL` (what the units of layer L make of each place of the
noise, or of the plane; layer 0 is the input), `belief` (what the discriminator believes of each place), `points`
(`@real`, `@made`, `@push`), `manifold`, `loss` (`@discriminator`, `@generator`), a measure's name, or in slow motion
what scenes/gan_steps.py lists.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from glasswork.scenes.messages.base import Array, Number, Request
from glasswork.scenes.messages.lessons import LayerOf


class ActorOf(Struct, frozen=True, kw_only=True):
    """One player, and how it learns."""

    hidden: list[LayerOf] = msgspec.field(default_factory=list[LayerOf])
    optimiser: str = "Adam"
    rate: float = 1e-3
    beta1: float = 0.0
    """Of Adam; of momentum the momentum."""
    beta2: float = 0.99
    """Of Adam; of RMSprop its alpha."""
    steps: int = 1
    """Updates in each step."""


class Act(Struct, frozen=True):
    """A step that one player took alone."""

    step: int
    actor: str
    """generator or discriminator."""


class LabOf(Struct, frozen=True, kw_only=True):
    """Two players, what they learn, and how."""

    data: str = "ring"
    """A distribution, or `given:ID`."""
    noise: str = "gaussian"
    numbers: int = 2
    loss: str = "non_saturating"
    penalty: float = 0.1
    zero_centred: float = 0.0
    batch: int = 150
    seed: int = 0
    generator: ActorOf = msgspec.field(default_factory=ActorOf)
    discriminator: ActorOf = msgspec.field(default_factory=ActorOf)
    acts: list[Act] = msgspec.field(default_factory=list[Act])
    start: str = ""
    """A trained network that ships, whose weights the players begin with; empty for random ones."""


class LabOn(Request, tag="lab_on", frozen=True):
    """Be at a step, as far as the time allows, and show what the players are there."""

    lab: LabOf
    step: int
    milliseconds: float = 25.0
    whole: bool = True
    """Whether weights and every unit's surface come along, or the plane alone."""
    view: str = "page"

    @property
    def slot(self) -> str:
        """One pair of players a view."""
        return f"LabOn {self.view}"


class MeasureLab(Request, tag="measure_lab", frozen=True):
    """Measure the players of a step that was shown a moment ago."""

    lab: LabOf
    step: int
    view: str = "page"

    @property
    def slot(self) -> str:
        """One measurement a view."""
        return f"MeasureLab {self.view}"


class SlowLab(Request, tag="slow_lab", frozen=True):
    """One step in slow motion: where its numbers come from."""

    lab: LabOf
    step: int
    """The step that is about to be taken."""
    sample: int = 0
    """Which of the batch is followed."""
    stage: int = 0
    actor: str = "generator"
    """Whose weight is followed: generator or discriminator."""
    layer: int = 1
    unit: int = 0
    source: int = 0


class GiveDensity(Request, tag="give_density", frozen=True):
    """Something of the reader's to draw from: points, strokes in the unit square, or a picture."""

    kind: str
    """points, strokes or picture."""
    points: list[list[float]] = msgspec.field(default_factory=list[list[float]])
    input: str = ""
    """`upload:ID` of a picture."""


GanRequest = LabOn | MeasureLab | SlowLab | GiveDensity


class LookOf(Struct, frozen=True):
    """What was seen after a step: JS in bits, and the losses."""

    step: int
    js: float


class FindingOf(Struct, frozen=True):
    """Something that is wrong, with its evidence."""

    name: str
    since: int
    numbers: dict[str, Number]


class Begun(Struct, frozen=True):
    """The trained network whose weights the players began with, from its card."""

    name: str
    steps: int
    js: Number
    floor: Number


class LabShown(Struct, tag_field="type", tag="lab_shown", frozen=True, kw_only=True):
    """`arrays`: `points@real`, `@made` and `@push` (N, 2), `manifold` (M, M or 1, 2), `belief` (1, R, R); with `whole`
    the weights, and for each layer `g.fL` and `d.fL` (units, r, r), the first row at the top."""

    request: int
    source: str
    step: int
    wanted: int
    judged: Number
    """The discriminator's loss in this step."""
    fooled: Number
    """The generator's."""
    course: list[list[float]]
    """Step, the discriminator's loss, the generator's: of this run up to now, thinned."""
    looks: list[LookOf]
    findings: list[FindingOf]
    kept: list[int]
    """Steps whose state is at hand."""
    reach: float
    """The plane that is drawn runs from its opposite to this, as the networks see it."""
    noise_reach: float
    centre: list[float]
    scale: float
    """What networks see is (x - centre) scale."""
    modes: list[list[float]]
    """Middles of clusters, as networks see them."""
    certain: bool
    """Whether `belief` is a probability less a half, doubled; else it is the critic's number."""
    exploded: bool
    begun: Begun | None
    seconds: float
    """That the steps of this answer took."""
    arrays: list[Array]


class Cluster(Struct, frozen=True):
    """One cluster's share of the made points."""

    middle: list[float]
    share: Number


class LabMeasured(Struct, tag_field="type", tag="lab_measured", frozen=True, kw_only=True):
    """Measures of one step, 12,000 points a side; `error`: 95 of 100 measurements of the same generator with other
    points differ by less."""

    request: int
    source: str
    step: int
    js: Number
    js_error: Number
    js_floor: Number
    kl: Number
    kl_error: Number
    wasserstein: Number
    wasserstein_floor: Number
    precision: Number
    recall: Number
    outside: Number
    """Share of made points that fall outside of the grid."""
    loss: Number
    """The discriminator's, on these points."""
    best: Number | None
    clusters: list[Cluster]
    on_clusters: Number | None
    count: int


class Product(Struct, frozen=True):
    """One term of a sum."""

    name: str
    left: Number
    right: Number
    value: Number


class Sum(Struct, frozen=True, kw_only=True):
    """A number and what it is the sum of."""

    name: str
    value: Number
    products: list[Product]
    rest: Number | None = None
    """What is not listed."""
    left_out: int = 0
    extra: Number | None = None
    """A bias."""


class LabSlowed(Struct, tag_field="type", tag="lab_slowed", frozen=True, kw_only=True):
    """One stage of a step."""

    request: int
    source: str
    step: int
    stage: int
    numbers: dict[str, Number]
    sums: list[Sum]
    points: list[Number]
    """Places of the followed points in the plane: real x, y, made x, y, push x, y; those that the stage knows."""


class DensityGiven(Struct, tag_field="type", tag="density_given", frozen=True, kw_only=True):
    """It was taken in; `given:ID` names it."""

    request: int
    id: str


GanAnswer = LabShown | LabMeasured | LabSlowed | DensityGiven
