"""What the page of U-Nets asks for and gets: a picture whose every pixel is told what it belongs to."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from glasswork.scenes.messages import base
from glasswork.scenes.messages.base import Array, Number


class OpenMask(base.Request, tag="open_mask", frozen=True):
    """A network says of each pixel of a picture what it belongs to."""

    network: str
    input: str | None = None
    """`cutout:NAME`, `sample:NAME`, `photo:NAME` or `upload:ID`; None for one of ours."""
    mask: str | None = None
    """The reader's own truth: runs of equal pixels, row by row, each a class and how many to base 36, with dots between
    them ("0.a4-2.1f" is written 0a4.21f); or `upload:ID`, a picture whose grey values are classes. None: what is known
    of the picture."""
    kind: int | None = None
    """The class that is followed; None for the one, besides the background, that most of the truth or of what is told
    belongs to."""
    threshold: float | None = None
    """From which probability on a pixel is told to be of the followed class; None: the likeliest class is told."""
    place: list[int] | None = None
    """Row and column of the pixel whose logit is followed; None for the surest."""
    shut: list[int] = msgspec.field(default_factory=list[int])
    """The levels whose skip connections give nothing."""
    backward: bool = False
    """Whether slopes are to be shown."""


class GrowMask(base.Request, tag="grow_mask", frozen=True):
    """The same picture with more and more of its skip connections let through, the lowest first."""

    source: str
    """The address that an OpenMask was answered with."""
    kind: int


class MapStage(Struct, frozen=True, kw_only=True):
    """Maps that are drawn of one operation; `arrays` holds them in the order of the stages, (channels, H, W) each."""

    path: str
    side: Literal["input", "down", "lowest", "up", "out"]
    part: Literal["picture", "first", "second", "across", "grown", "logits", "probabilities"]
    """`across`: what came over the skip connection; `grown`: what was made twice as large."""
    level: int
    """How often the picture was halved there."""
    channels: list[int]
    """Which are drawn: those that weigh most."""
    of: int
    """How many there are."""
    size: list[int]
    reach: Number
    """The number of largest size, where the colours end."""


class MaskScore(Struct, frozen=True, kw_only=True):
    """How well one class is told, by counts of pixels."""

    both: Number
    """True and told."""
    told: Number
    true: Number
    iou: Number | None
    """None where the class is neither true nor told anywhere."""
    dice: Number | None
    nats: Number
    """The sum of -ln p over the pixels that truly are of this class."""
    overlap: Number
    """The sum of p over these."""
    mass: Number
    """The sum of p over all pixels."""
    soft_dice: Number
    """(2 overlap + 1) / (mass + true + 1)."""


class Scored(Struct, frozen=True, kw_only=True):
    """What is known when there is a truth."""

    classes: list[MaskScore]
    iou: Number
    """The mean over the classes that are true or told somewhere."""
    accuracy: Number
    """The part of the pixels that is told right."""
    cross_entropy: Number
    dice_loss: Number
    loss: Number
    over_threshold: list[Number]
    """The IoU of the followed class at each of the thresholds."""


class ToldBy(Struct, frozen=True, kw_only=True):
    """What a network says of the picture."""

    network: str
    title: str
    source: str
    """`mask:TRACE.MASK`, or `trace:TRACE` where there is no truth."""
    trace: str
    skips: bool
    parameters: int
    scored: Scored | None
    count: Number
    """Pixels that are told to be of the followed class."""
    held_out: Number | None
    """The mean IoU on its card."""


class MaskRead(Struct, tag_field="type", tag="mask_read", frozen=True, kw_only=True):
    """A picture as a U-Net read it. With it come the picture (H, W, 3), uint8; each network's probabilities (K, H, W);
    the truth (H, W), uint8, and -ln p of the truth at each pixel (H, W), where there is one; then the maps of each
    stage, and their slopes where those were asked for."""

    request: int
    network: str
    title: str
    untrained: bool
    input: str
    name: str
    truth: Literal["known", "own", ""]
    """Whose truth it is; "" where there is none."""
    side: int
    classes: list[str]
    kind: int
    place: list[int]
    followed: Number
    """The logit at that place."""
    probability: Number
    depth: int
    shut: list[int]
    stages: list[MapStage]
    told: list[ToldBy]
    """This network, and then the one that differs in its skip connections, where there is one."""
    before: Number | None
    """The followed class's IoU, or the count of its pixels, with all skip connections open."""
    thresholds: list[float]
    seconds: float
    arrays: list[Array]


class GrownStep(Struct, frozen=True):
    """With so many skip connections let through, the lowest first."""

    open: int
    trace: str
    reach: Number
    """The largest of all probabilities, where the colours end."""
    count: Number
    iou: Number | None


class MaskGrown(Struct, tag_field="type", tag="mask_grown", frozen=True, kw_only=True):
    """With it comes the followed class's probability after each step, (steps, H, W)."""

    request: int
    source: str
    steps: list[GrownStep]
    arrays: list[Array]


MaskRequest = OpenMask | GrowMask
MaskAnswer = MaskRead | MaskGrown
