"""What the page of Vision Transformers asks for and gets: a picture as patches that look at each other."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from glasswork.scenes.messages import base
from glasswork.scenes.messages.base import Array, Number


class SwitchedPart(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that is switched off."""

    what: Literal["head", "heads", "mlp", "block", "patch"]
    """One head; all heads of a block; its MLP; both; or what is known of one patch before the first block."""
    layer: int = 0
    head: int = 0
    token: int = 0
    """Of a patch: its token, from 1."""


class OpenPatches(base.Request, tag="open_patches", frozen=True):
    """A Vision Transformer reads a picture."""

    network: str
    input: str | None = None
    """`sample:NAME` or `upload:ID`; None for one of ours."""
    followed: int | None = None
    """The class whose logit is followed, or the pixel; None for the likeliest, or what strikes most."""
    token: int = 0
    """Whose attention is shown: 0 for the class token, else a patch."""
    switched: list[SwitchedPart] = msgspec.field(default_factory=list[SwitchedPart])


class OpenPatchHead(base.Request, tag="open_patch_head", frozen=True):
    """What one head does for a token."""

    source: str
    layer: int
    head: int
    token: int
    followed: int
    column: int | None = None
    """The token that is looked at, whose key is shown; None for the one that is looked at most."""


class OpenPatchSlopes(base.Request, tag="open_patch_slopes", frozen=True):
    """Backward: from the followed logit to every patch and pixel."""

    source: str
    followed: int


class ClassShare(Struct, frozen=True):
    """What a network says of a class."""

    index: int
    label: str
    logit: Number
    probability: Number


class OtherAnswer(Struct, frozen=True):
    """What another network says of the same picture."""

    network: str
    title: str
    page: str
    best: ClassShare
    followed: ClassShare


class BlockAdds(Struct, frozen=True):
    """What a block adds to the followed logit."""

    heads: Number
    mlp: Number


class ClassSum(Struct, frozen=True):
    """The followed logit as a sum."""

    adds: list[BlockAdds]
    embedding: Number
    bias: Number
    """What the last norm's and the last layer's biases add."""
    heads_sum: Number
    mlps_sum: Number
    total: Number
    """The logit less the mean of all."""
    error: float


class PatchesRead(Struct, tag_field="type", tag="patches_read", frozen=True, kw_only=True):
    """A picture as a Vision Transformer read it.

    With it come, of T tokens of which the first is the class token and N = T - 1 are patches: the picture as it was cut
    (rows, columns, colours), uint8; the token's attention in each head (L, H, T); attention rollout (L, T); each
    token's probability of the followed class by the logit lens (L + 1, T); the cosine of each patch's position vector
    with the token's (N); the patch filters (F, C, P, P), of many those of the largest norm; and their numbers (F).

    Where no class is named, "followed" is a pixel: how much it strikes, from 0 to 1, and as a logit. The logit lens is
    then what the decoder would make of each stream: of a patch the mean of its pixels, of the class token the mean of
    all patches. Last comes how much each pixel strikes (rows, columns).
    """

    request: int
    source: str
    base: str
    """The run without changes; "" where nothing is changed."""
    network: str
    title: str
    untrained: bool
    """Its weights are random."""
    input: str
    """The picture's id."""
    name: str
    label: str
    """What it is, where that is known."""
    layers: int
    heads: int
    size: int
    width: int
    patch: int
    """Pixels on a side of a patch."""
    grid: list[int]
    """Rows and columns of patches."""
    token: int
    classes: list[ClassShare]
    """The likeliest, and the followed one."""
    count: int
    """Of all classes."""
    followed: ClassShare
    before: Number | None
    """The followed class's probability without the changes."""
    others: list[OtherAnswer]
    sum: ClassSum | None
    """None where no class is named."""
    map: list[int]
    """Rows and columns of pixels, where how much each strikes is what is answered; else empty."""
    striking: Number | None
    """Of these the share that strikes with more than a half."""
    head: list[int]
    """Block, head and the token it looks at most: the head that adds most to the followed logit; where no class is
    named, the one that looks hardest at one patch."""
    decided: int
    """After so many blocks the class token would answer as at the end."""
    seconds: float
    arrays: list[Array]


class PatchHeadRead(Struct, tag_field="type", tag="patch_head_read", frozen=True, kw_only=True):
    """A head's arithmetic for a token. With it come query, key and their products, (D) each, and what it gives to the
    followed logit from each token (T), where it is the class token's."""

    request: int
    layer: int
    head: int
    token: int
    column: int
    listed: list[int]
    """The tokens that are looked at most."""
    weights: list[Number]
    dots: list[Number]
    scaled: list[Number]
    gives: list[Number]
    """Empty for a patch: the class token alone is read at the end."""
    rest: Number | None
    """What all tokens give."""
    now: Number
    """The followed class's probability."""
    off: Number
    """The same without the head."""
    arrays: list[Array]


class PatchSlopes(Struct, tag_field="type", tag="patch_slopes", frozen=True, kw_only=True):
    """Backward from a logit. With it come the slope at each pixel (C, rows, columns), and its length at each token of
    each stream, (L + 1, T)."""

    request: int
    source: str
    """The run with slopes."""
    patches: list[Number]
    """slope · embedding of each token: what the logit would lose at first order if that shrank to nothing."""
    arrays: list[Array]


VisionRequest = OpenPatches | OpenPatchHead | OpenPatchSlopes
VisionAnswer = PatchesRead | PatchHeadRead | PatchSlopes
