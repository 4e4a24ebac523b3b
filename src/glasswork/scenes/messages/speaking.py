"""What the page of language models asks for and gets: a text as a Transformer reads it, and how it goes on."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from glasswork.scenes.messages import base
from glasswork.scenes.messages.base import Array, Number


class Switched(Struct, frozen=True, forbid_unknown_fields=True):
    """Something of the network that is switched off, or taken from the run on another text."""

    what: Literal["head", "heads", "mlp", "block", "weight", "stream"]
    """One head; all heads of a block; its MLP; both; one attention weight, set to `value`; the stream before a block at
    a position, which is the other text's at the same place from the end."""
    layer: int
    head: int = 0
    row: int = 0
    column: int = 0
    value: float = 0.0


class Sampled(Struct, frozen=True, forbid_unknown_fields=True):
    """How the next token is drawn."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    seed: int = 0


class OpenText(base.Request, tag="open_text", frozen=True):
    """A Transformer reads a text."""

    network: str
    text: str | None = None
    """None for one of ours."""
    more: list[int] = msgspec.field(default_factory=list[int])
    """Tokens after it, as they were drawn."""
    switched: list[Switched] = msgspec.field(default_factory=list[Switched])
    other: str | None = None
    """The text whose run is patched in."""
    followed: int | None = None
    """The token whose logit is followed; None for the likeliest."""
    position: int | None = None
    """After which token; None for the last."""
    how: Sampled | None = None
    """The next tokens after it come as well, drawn like this."""
    listed: int = 8
    lanes: int = 0
    """Before it comes the lens of so many tokens around it: of each that was read before, and of its own."""


class OpenHead(base.Request, tag="open_head", frozen=True):
    """What one head does at a position."""

    source: str
    layer: int
    head: int
    row: int
    column: int
    """The position that is looked at, whose key is shown."""
    token: int


class ReadLens(base.Request, tag="read_lens", frozen=True):
    """What each block's stream would answer, at some positions."""

    source: str
    positions: list[int]


class NextTokens(base.Request, tag="next_tokens", frozen=True):
    """The next token: what may be drawn, with what probability, and what is."""

    source: str
    position: int
    how: Sampled
    listed: int = 8


class Continue(base.Request, tag="continue", frozen=True):
    """Write on with a cache, several times from one text."""

    source: str
    position: int
    how: Sampled
    count: int
    texts: int = 1


class OpenSlopes(base.Request, tag="open_slopes", frozen=True):
    """Backward: from the followed logit to every token, block and weight."""

    source: str
    position: int
    token: int


class SpokenNetwork(Struct, frozen=True, kw_only=True):
    """A language model that this page can open."""

    name: str
    title: str
    here: bool
    """Whether its weights are on this machine."""
    todo: str
    """How to get them."""
    bytes: int
    """Of the weights in memory."""
    translates: bool = False
    """Whether it reads one text and writes another."""


class ListSpoken(base.Request, tag="list_spoken", frozen=True):
    """Which language models there are."""

    named: str | None = None
    """One that is wanted whether it is among them or not, such as that of a run at a step."""


class Spoken(Struct, tag_field="type", tag="spoken", frozen=True):
    """The language models."""

    request: int
    networks: list[SpokenNetwork]


class Piece(Struct, frozen=True):
    """One token of the text."""

    text: str
    """As it is written; its bytes where they are no whole character."""
    id: Number


class Word(Struct, frozen=True):
    """A token, and its number."""

    text: str
    id: int


class Adds(Struct, frozen=True):
    """What a block adds to the followed logit."""

    heads: Number
    mlp: Number


class TextRead(Struct, tag_field="type", tag="text_read", frozen=True, kw_only=True):
    """A text as a Transformer read it. With it come the streams' lengths (L + 1, T), what each head adds (L, H), and
    the attention weights (L, H, T, T), of long texts the largest of each square; then how the position's stream begins:
    the token's vector, where it has one its place's, and their sum, (W) each."""

    request: int
    source: str
    base: str
    """The run without changes; "" where nothing is changed."""
    network: str
    title: str
    kind: str
    """Of its tokens."""
    layers: int
    heads: int
    groups: int
    size: int
    """Numbers of a head."""
    width: int
    vocabulary: int
    context: int
    rotary: bool
    cut: int
    """Tokens at the beginning that did not fit."""
    unknown: str
    pieces: list[Piece]
    position: int
    """After which the next token is looked at."""
    streams: list[str]
    """The address of the stream before each block, and after the last."""
    weights: list[str]
    """The address of each block's attention weights."""
    pooled: int
    """How many positions one cell of a drawn attention matrix stands for, each way."""
    followed: Word
    probability: Number
    before: Number | None
    """Its probability without the changes."""
    ranks: list[Number]
    """Of the followed token, by the logit lens, before each block and at the end."""
    adds: list[Adds]
    embedding: Number
    bias: Number | None
    """What the last norm's bias adds, where it has one."""
    patched: Number | None
    """What streams that were set from outside add, beyond the embedding; None where none was at the position."""
    heads_sum: Number
    mlps_sum: Number
    total: Number
    """The logit less the mean of all."""
    error: float
    head: list[int]
    """Block, head and the position it looks at most: the head that adds most."""
    gift: Number
    """What it adds."""
    resting: int
    """Heads that look at the first token with more than half of their weight."""
    nats: Number | None
    """The mean of -ln p of the tokens that came."""
    seconds: float
    arrays: list[Array]


class HeadRead(Struct, tag_field="type", tag="head_read", frozen=True, kw_only=True):
    """A head's arithmetic at a position. With it come query, key and their products, (D) each, and its weights (T, T)
    where the text is short."""

    request: int
    layer: int
    head: int
    row: int
    column: int
    listed: list[int]
    """The positions that are listed: all that are seen, or those that are looked at most."""
    weights: list[Number]
    dots: list[Number]
    scaled: list[Number]
    gives: list[Number]
    """What each of them gives to the followed logit through this head."""
    rest: Number
    """What all positions give."""
    writes: list[str]
    """The tokens that the unembedding reads in what it writes."""
    now: Number
    """The followed token's probability with it."""
    arrays: list[Array]


class HeadWithout(Struct, tag_field="type", tag="head_without", frozen=True, kw_only=True):
    """What would be without a head, after what it does: the whole network has to run once more for it. Of a text on
    which that takes long it does not come."""

    request: int
    off: Number
    """The followed token's probability."""


class Lens(Struct, tag_field="type", tag="lens", frozen=True, kw_only=True):
    """The likeliest token of each stream at some positions, and its probability, (L + 1, P)."""

    request: int
    positions: list[int]
    words: list[list[str]]
    ids: list[list[int]]
    arrays: list[Array]


class Choice(Struct, frozen=True):
    """One row of the table of next tokens."""

    word: Word
    logit: Number
    scaled: Number | None
    """None at temperature 0."""
    share: Number
    """softmax over the whole vocabulary, at this temperature."""
    drawn_at: Number
    """0 where it is cut."""
    kept: bool


class Nexts(Struct, tag_field="type", tag="nexts", frozen=True, kw_only=True):
    """The next token. With it come the outline of all shares by rank: rank and share at up to 200 ranks, (2, N)."""

    request: int
    choices: list[Choice]
    kept: int
    drawn: Word
    arrays: list[Array]


class Written(Struct, frozen=True):
    """A token that was drawn."""

    word: Word
    probability: Number
    """The network's own, before anything is cut or sharpened."""


class Continuation(Struct, frozen=True):
    """One text written on."""

    seed: int
    tokens: list[Written]
    text: str
    ended: bool


class Continued(Struct, tag_field="type", tag="continued", frozen=True, kw_only=True):
    """Texts written on, and what the cache held at the end."""

    request: int
    texts: list[Continuation]
    cached: int
    """Bytes of keys and values."""
    positions: int
    seconds: float


class Slopes(Struct, tag_field="type", tag="slopes", frozen=True, kw_only=True):
    """Backward from a logit. With it come the length of the slope at each stream and position, (L + 1, T), and at all
    weights of each block's attention, MLP and norms, (L, 3)."""

    request: int
    source: str
    """The run with slopes."""
    tokens: list[Number]
    """slope · embedding of each position: what the logit would lose at first order if that shrank to nothing."""
    writes: list[Number]
    """The length of the slope at what each block's heads write."""
    outside: Number
    """The same at all weights outside the blocks: embeddings, positions, the last norm and layer."""
    arrays: list[Array]


SpeakingRequest = ListSpoken | OpenText | OpenHead | ReadLens | NextTokens | Continue | OpenSlopes
SpeakingAnswer = Spoken | TextRead | HeadRead | HeadWithout | Lens | Nexts | Continued | Slopes
