"""What the page of language models asks a translator for: the tree of beams, and encoder and decoder at one branch."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from glasswork.scenes.messages import base
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.messages.speaking import Piece, Word

Part = Literal["encoder", "decoder", "cross"]
"""Whose attention: the encoder's and the decoder's to their own text, or the decoder's to what was read."""

Side = Literal["encoder", "decoder"]
WeightPart = Literal["self_attn", "multihead_attn", "mlp"]

Place = Literal["", "train", "validation", "test"]
"""Where a phrase stands in the data; "" for nowhere."""


class HeadOff(Struct, frozen=True, forbid_unknown_fields=True):
    """A head that is switched off."""

    part: Part
    layer: int
    head: int


class PairPatch(Struct, frozen=True, forbid_unknown_fields=True):
    """The stream before a block, at a token, is taken from the run on another phrase, at the same token from the start.
    That run writes the same translation, as far as it is written."""

    side: Side
    layer: int
    """As many as there are blocks: after the last."""
    row: int


class Translate(base.Request, tag="translate", frozen=True):
    """A phrase is translated; every branch that was looked at comes back."""

    network: str
    text: str | None = None
    """None for one that it was not trained on."""
    beams: int = 4
    penalty: float = 1.0
    """Totals are divided by length^penalty where whole texts are compared."""


class TranslateBeside(base.Request, tag="translate_beside", frozen=True):
    """The same phrase by another translator, that has learned from the same phrases: a recurrent one."""

    network: str
    text: str
    beams: int = 4
    penalty: float = 1.0


class OpenPair(base.Request, tag="open_pair", frozen=True):
    """Encoder and decoder on a phrase and what is written of its translation."""

    source: str
    """Of the translation."""
    written: list[int]
    """Tokens after the mark of the start."""
    position: int
    """After how many of them the next token is looked at."""
    followed: int | None = None
    """The token whose logit is followed; None for the likeliest."""
    off: list[HeadOff] = msgspec.field(default_factory=list[HeadOff])
    patched: list[PairPatch] = msgspec.field(default_factory=list[PairPatch])
    other: str | None = None
    """The phrase whose run is patched in."""


class OpenPairHead(base.Request, tag="open_pair_head", frozen=True):
    """What one head does at a position."""

    source: str
    """Of the pair."""
    part: Part
    layer: int
    head: int
    row: int
    column: int
    position: int
    token: int
    """What is followed, and where."""


class OpenPairSlopes(base.Request, tag="open_pair_slopes", frozen=True):
    """Backward: from a logit to every token of both texts, every block, and its weights."""

    source: str
    """Of the pair."""
    position: int
    token: int


class Branch(Struct, frozen=True):
    """One node of the tree: a token after its parent."""

    word: Word
    parent: int
    """Which branch; -1 for the beginning."""
    step: int
    logprob: Number
    """ln of its probability after what stands before it."""
    total: Number
    """The sum of these from the beginning."""
    worth: Number
    """The total divided by length^penalty."""
    kept: bool
    """Whether it was among the best of its step, and grew on or ended."""
    ended: bool
    text: str
    """The whole translation, where it ended and was kept; else ""."""


class Translated(Struct, tag_field="type", tag="translated", frozen=True, kw_only=True):
    """A phrase and its translation, with the tree that it grew from."""

    request: int
    source: str
    network: str
    title: str
    languages: list[str]
    """What is read, what is written."""
    text: str
    pieces: list[Piece]
    """Of what is read, with both marks."""
    cut: int
    """Tokens at the end that were left out."""
    unknown: list[str]
    """Words that no phrase of the training holds."""
    place: Place
    references: list[str]
    """Its translations there."""
    others: list[str]
    """A phrase that it was trained on, and one held out: others than this."""
    translation: str
    exact: bool
    """Whether it is one of the references."""
    right: list[Number]
    """The share of phrases written to the letter: of those trained on, if that is known, and of those held out."""
    counts: list[int]
    """Of how many phrases each is."""
    branches: list[Branch]
    best: list[int]
    """The branches of the translation, in order."""
    held_out: list[Number]
    """`exact` and `nats` on phrases that were held out."""
    parameters: int
    beside: str
    """A recurrent translator that has learned from the same phrases; "" for none."""
    seconds: float


class TranslatedBeside(Struct, tag_field="type", tag="translated_beside", frozen=True, kw_only=True):
    """What a recurrent translator makes of a phrase. With it comes where it looked: (T, S)."""

    request: int
    network: str
    title: str
    translation: str
    exact: bool
    read: list[str]
    written: list[str]
    """The token that each row of the weights led to, the end included."""
    scores: list[Number]
    """`exact` and `nats` on the phrases that were held out, as the same function measures them for both."""
    count: int
    """How many these are."""
    parameters: int
    arrays: list[Array]


class PairAdds(Struct, frozen=True):
    """What a block of the decoder adds to the followed logit."""

    heads: Number
    cross: Number
    mlp: Number


class PairChoice(Struct, frozen=True):
    """One row of the table of next tokens."""

    word: Word
    logit: Number
    share: Number
    logprob: Number


class PairRead(Struct, tag_field="type", tag="pair_read", frozen=True, kw_only=True):
    """A phrase and its translation as encoder and decoder see them. With it come the lengths of the streams, (L + 1, S)
    and (L + 1, T), how sure the logit lens is, (L + 1, T), and the attention weights of the encoder (L, H, S, S), of
    the decoder (L, H, T, T) and from one to the other (L, H, T, S)."""

    request: int
    source: str
    base: str
    """The run without changes; "" where nothing is changed."""
    layers: int
    heads: int
    size: int
    """Numbers of a head."""
    width: int
    vocabulary: int
    read: list[Piece]
    written: list[Piece]
    """With the mark of the start."""
    position: int
    followed: Word
    probability: Number
    before: Number | None
    """Its probability without the changes."""
    lens: list[list[str]]
    """What each of the decoder's streams would write, (L + 1, T)."""
    lens_ids: list[list[int]]
    ranks: list[Number]
    """Of the followed token, by the logit lens, before each block and at the end."""
    adds: list[PairAdds]
    embedding: Number
    bias: Number
    """What the biases add: of the norms, and of what the heads write."""
    patched: Number | None
    """What streams that were set from outside add; None where none was at the position."""
    heads_sum: Number
    cross_sum: Number
    mlps_sum: Number
    total: Number
    """The logit less the mean of all."""
    error: float
    head: list[int]
    """Block, head and the token it reads most: the head from decoder to encoder that adds most."""
    gift: Number
    """What it adds."""
    weight: Number
    """With what weight it looks there."""
    choices: list[PairChoice]
    longest: Number
    """Of all streams' lengths."""
    seconds: float
    arrays: list[Array]


class PairHeadRead(Struct, tag_field="type", tag="pair_head_read", frozen=True, kw_only=True):
    """A head's arithmetic at a position. With it come query, key and their products, (D) each."""

    request: int
    part: Part
    layer: int
    head: int
    row: int
    column: int
    listed: list[int]
    weights: list[Number]
    dots: list[Number]
    scaled: list[Number]
    gives: list[Number]
    """What each gives to the followed logit through this head; empty for a row that is not the followed one's."""
    rest: Number | None
    """What all give."""
    off: Number
    """The followed token's probability without it."""
    now: Number
    """The same with it."""
    arrays: list[Array]


class WeightSlope(Struct, frozen=True):
    """The length of the slope at all weights of one part of a block."""

    side: Side
    layer: int
    part: WeightPart
    slope: Number


class PairSlopes(Struct, tag_field="type", tag="pair_slopes", frozen=True, kw_only=True):
    """Backward from a logit. With it come the lengths of the slope at each stream and token of the encoder, (L + 1, S),
    and of the decoder, (L + 1, T)."""

    request: int
    source: str
    """The run with slopes."""
    read: list[Number]
    """slope · embedding of each token that is read: what the logit would lose at first order without it."""
    written: list[Number]
    """The same of each that is written."""
    weights: list[WeightSlope]
    arrays: list[Array]


TranslatingRequest = Translate | TranslateBeside | OpenPair | OpenPairHead | OpenPairSlopes
TranslatingAnswer = Translated | TranslatedBeside | PairRead | PairHeadRead | PairSlopes
