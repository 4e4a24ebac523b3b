"""What the page of convolutional networks asks for and gets, beside its map: why, what units look for, weights."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from glasswork.scenes.messages import base
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.messages.vision import ClassShare

Page = Literal["cnn", "vit"]
Baseline = Literal["black", "grey", "white"]


class ListSeeing(base.Request, tag="list_seeing", frozen=True):
    """Which networks of pictures a page shows, and whether their weights are on this machine: convolutional ones, or
    those in patches, of which only such whose weights others keep."""

    page: Page = "cnn"


class FetchWeights(base.Request, tag="fetch_weights", frozen=True):
    """Begin to bring the weights of one here; `ListSeeing` says how far that is."""

    network: str
    page: Page = "cnn"


class OpenWhy(base.Request, tag="open_why", frozen=True):
    """What a network says of a picture, and why."""

    network: str
    input: str | None = None
    """`photo:NAME`, `sample:NAME` or `upload:ID`; None for the network's first."""
    score: int | None = None
    """The class that is asked about; None for the likeliest."""
    layer: str = ""
    """The operation whose maps Grad-CAM weighs; "" for the last that makes maps."""
    baseline: Baseline | None = None
    """The picture of nothing, for integrated gradients and under the squares; None for a choice of ours."""
    all: bool = True
    """Whether integrated gradients and occlusion follow, which take longer."""
    view: str = "page"
    """One question a view: two networks can be asked side by side."""

    @property
    def slot(self) -> str:
        """One a view."""
        return f"OpenWhy {self.view}"


class FindExciting(base.Request, tag="find_exciting", frozen=True):
    """Which of the pictures that ship excite a channel most."""

    network: str
    layer: str = ""
    """An operation; "" for the last that makes maps."""
    channel: int | None = None
    """None for the one that weighs most in the answer to the network's first picture."""


class ClimbOn(base.Request, tag="climb_on", frozen=True):
    """A picture made so that a channel, or a class, answers to it most."""

    network: str
    channel: int
    layer: str = ""
    """An operation; "" for the network's answer, whose channels are classes."""
    steps: int = 96
    seed: int = 0


class SeeingNetwork(Struct, frozen=True, kw_only=True):
    """A convolutional network that the page shows."""

    name: str
    title: str
    classes: int
    about: str
    """What it was trained on."""
    folded: bool
    """Whether it has more layers and channels than stand side by side."""
    here: bool
    """Whether its weights are on this machine."""
    keeper: str
    """Who keeps them, where they are not shipped."""
    bytes: int
    fetched: int
    """Bytes that have come while they are being fetched; -1: they are not."""
    failed: str
    """Why they could not be fetched."""
    todo: str


class Seeing(Struct, tag_field="type", tag="seeing", frozen=True):
    """The networks, those that ship first."""

    request: int
    networks: list[SeeingNetwork]


class LayerChoice(Struct, frozen=True, kw_only=True):
    """A layer whose maps can be asked about."""

    path: str
    """Of the operation that makes them."""
    label: str
    channels: int
    rows: int
    columns: int
    """Of its maps; 1 where it makes a vector."""
    called: bool
    """Whether a module returns them, so that its channels can be looked into."""


class WhyRead(Struct, tag_field="type", tag="why_read", frozen=True, kw_only=True):
    """What is said. With it comes the picture as the network saw it, uint8 (rows, columns, colours)."""

    request: int
    source: str
    trace: str
    network: str
    title: str
    input: str
    name: str
    label: str
    """What it is, where that is known."""
    given: bool
    """Whether it is the reader's own."""
    classes: list[ClassShare]
    """The likeliest, and the one that is asked about."""
    count: int
    followed: ClassShare
    layers: list[LayerChoice]
    baseline: Baseline
    seconds: float
    arrays: list[Array]


class CamTerm(Struct, frozen=True, kw_only=True):
    """One channel at one place: its mean slope times its activation."""

    channel: int
    weight: Number
    activation: Number
    product: Number


class CamRead(Struct, tag_field="type", tag="cam_read", frozen=True, kw_only=True):
    """Grad-CAM. With it comes what is shown, (rows, columns)."""

    request: int
    layer: LayerChoice
    place: list[int]
    """Where it is largest."""
    value: Number
    total: Number
    """The sum there, before it is cut off at zero."""
    terms: list[CamTerm]
    rest: Number
    """The sum of the terms that are not listed."""
    arrays: list[Array]


class IntegratedRead(Struct, tag_field="type", tag="integrated_read", frozen=True, kw_only=True):
    """Integrated gradients. With it comes what each pixel gives, its colours together, (rows, columns)."""

    request: int
    baseline: Baseline
    segments: int
    last: bool
    """Whether no finer one follows."""
    score: Number
    base: Number
    """The score of the picture of nothing."""
    difference: Number
    total: Number
    gap: float
    """How far the sum is from the difference, as a share of it."""
    place: list[int]
    """The pixel that gives most; of the colours there the one that gives most is written out."""
    apart: Number
    """How far that is from the picture of nothing."""
    slope: Number
    value: Number
    arrays: list[Array]


class OccludedRead(Struct, tag_field="type", tag="occluded_read", frozen=True, kw_only=True):
    """Occlusion. With it comes what the score loses with each square covered, (rows, columns)."""

    request: int
    cell: int
    """Pixels along the side of a cell."""
    square: int
    """And of a square."""
    last: bool
    place: list[int]
    """The cell whose square costs most."""
    score: Number
    covered: Number
    lost: Number
    rises: int
    """In how many cells the score rises instead."""
    arrays: list[Array]


class ExcitingPicture(Struct, frozen=True, kw_only=True):
    """A picture that excites a channel."""

    id: str
    name: str
    label: str
    value: Number
    place: list[float]
    """The middle of what is most excited: shares of the picture's height and width."""


class Exciting(Struct, tag_field="type", tag="exciting", frozen=True, kw_only=True):
    """Those that excite most, of what was looked at so far. With it come the pictures, uint8 (count, rows, columns,
    colours)."""

    request: int
    network: str
    title: str
    layer: LayerChoice
    layers: list[LayerChoice]
    channel: int
    classes: list[str]
    """Of the network's answer, for which a picture can be made too."""
    seen: int
    of: int
    pictures: list[ExcitingPicture]
    silent: int
    """How many of those seen it does not answer to at all: nowhere above zero."""
    arrays: list[Array]


class Climbed(Struct, tag_field="type", tag="climbed", frozen=True, kw_only=True):
    """A step of the ascent. With it comes the picture, uint8 (rows, columns, colours), and the values so far."""

    request: int
    layer: str
    channel: int
    label: str
    """Of a class."""
    step: int
    steps: int
    first: Number | None
    """What the channel answers to the picture that the ascent began with; with the last step."""
    value: Number | None
    """And to the last."""
    probability: Number | None
    """Of a class, in the end."""
    input: str
    """What the last picture is opened by."""
    arrays: list[Array]


SeeingRequest = ListSeeing | FetchWeights | OpenWhy | FindExciting | ClimbOn
SeeingAnswer = Seeing | WhyRead | CamRead | IntegratedRead | OccludedRead | Exciting | Climbed
