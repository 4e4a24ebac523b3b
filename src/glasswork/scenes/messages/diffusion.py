"""What the page of text to image asks for and gets.

The source of a run's numbers is `imagine:ID`. A path is `latent/K`, `without/K`, `with/K`, `guided/K`, `clean/K`,
`noise/K`, `next/K` or `fresh/K` of step K, indexed [channel, row, column]; `picture/K` (what one gets by stopping
there) and `picture` (the last), bytes, [row, column, colour]; `text` and `unsaid`, the vectors of the prompt's and of
the other text's tokens, [token, number]; `alpha`, `sigma`, `time`, [moment]; `takes/K/OPERAND`, how much of an operand
the sampler takes; `unet/K/HALF/PATH/CHANNEL`, what a layer makes, [row, column] of those that are drawn, and
`decoder/K/PATH/CHANNEL`; `attention/K/HALF/LAYER/HEAD`, how much each place looks at a token, [token, row, column],
and `share/...`, its mean over places; `likeness`, [step]; `caption` and `seen`, cosines, [place in the list].
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from glasswork.scenes.messages.base import Array, Number, Request

Half = Literal["with", "without"]
"""Told the prompt, or the other text: none, or the negative one."""


class How(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a picture is made."""

    prompt: str
    negative: str = ""
    seed: int = 0
    steps: int = 24
    guidance: float = 3.0
    sampler: str = "ddim"
    start: str = ""
    """`sample:NAME` or `upload:ID`: the picture that it begins from."""
    strength: float = 1.0
    """With a picture: how much of the way is gone from there."""
    mask: str = ""
    """With a picture: 1 for each place of the latent that is made anew, 0 where the picture stays, row by row."""


class ListTextToImage(Request, tag="list_text_to_image", frozen=True):
    """Which text-to-image models are here."""


class ImagineOn(Request, tag="imagine_on", frozen=True):
    """Make a picture, and show every step as it happens."""

    model: str
    how: How
    drawn: int = 13
    """Of so many steps the picture comes along."""
    view: str = "page"

    @property
    def slot(self) -> str:
        """One run a view."""
        return f"ImagineOn {self.view}"


class MakePicture(Request, tag="make_picture", frozen=True):
    """Make a picture, and show nothing but it."""

    model: str
    how: How
    view: str = "page"

    @property
    def slot(self) -> str:
        """One picture a view."""
        return f"MakePicture {self.view}"


class OpenMoment(Request, tag="open_moment", frozen=True):
    """The denoiser's layers at a step of a run, and where each word is looked at."""

    source: str
    step: int
    half: Half = "with"
    layer: int = -1
    """Of those that look at words; -1 for the last."""
    head: int = -1
    """-1 for the mean of all."""


class OpenDecoder(Request, tag="open_decoder", frozen=True):
    """How the decoder makes the picture that one gets by stopping at a step."""

    source: str
    step: int


class FindNear(Request, tag="find_near", frozen=True):
    """Which captions and pictures lie near a run's prompt, by the encoders that were trained on both."""

    source: str
    other: str = ""
    """Another run, whose prompt it is compared with."""


class ComparePaths(Request, tag="compare_paths", frozen=True):
    """The latents of two runs on the plane that shows most of how they differ."""

    source: str
    other: str


class OpenNoising(Request, tag="open_noising", frozen=True):
    """How a picture is noised in training, and one step of training on it."""

    model: str
    picture: str
    """`sample:NAME` or `upload:ID`."""
    prompt: str = ""
    seed: int = 0
    time: int = 500
    """Of the schedule's."""


class OpenPromptScores(Request, tag="open_prompt_scores", frozen=True):
    """How well a model follows its words."""

    model: str


DiffusionRequest = (
    ListTextToImage
    | ImagineOn
    | MakePicture
    | OpenMoment
    | OpenDecoder
    | FindNear
    | ComparePaths
    | OpenNoising
    | OpenPromptScores
)


class TextToImageModel(Struct, frozen=True, kw_only=True):
    """A text-to-image model."""

    name: str
    title: str
    bytes: int
    """Of its weights in memory; 0 where that is not known."""


class TextToImageModels(Struct, tag_field="type", tag="text_to_image_models", frozen=True):
    """Every text-to-image model that is here; the samplers, and pictures of ours to begin from.

    `arrays`: these, bytes.
    """

    request: int
    models: list[TextToImageModel]
    samplers: list[str]
    samples: list[str]
    arrays: list[Array]


class PromptToken(Struct, frozen=True):
    """A token of a prompt as the text encoder reads it."""

    text: str
    id: int
    kind: Literal["start", "word", "end", "padding"]


class MomentOf(Struct, frozen=True):
    """A time of a run, with its share of picture and of noise."""

    time: Number
    alpha: Number
    sigma: Number


class Imagined(Struct, tag_field="type", tag="imagined", frozen=True, kw_only=True):
    """A run begins. `arrays`: `text` and `unsaid`, and of a run from a picture `start`, bytes."""

    request: int
    source: str
    model: str
    title: str
    parameters: int
    tokens: list[PromptToken]
    other: list[PromptToken]
    cut: int
    """Tokens of the prompt that did not fit."""
    first: int
    """The step that it begins at: others are left out where it begins from a picture."""
    moments: list[MomentOf]
    """One for each step, and the last, where it ends."""
    prediction: str
    draws: list[int]
    """Steps whose picture comes along."""
    times: int
    """Of training."""
    latent: list[int]
    """Channels, rows and columns."""
    side: int
    """Of the picture, in pixels."""
    compares: bool
    """Whether its encoders compare texts with pictures."""
    arrays: list[Array]


class Taken(Struct, frozen=True):
    """How much of an operand a sampler's step takes."""

    operand: str
    times: Number


class ImagineStep(Struct, tag_field="type", tag="imagine_step", frozen=True, kw_only=True):
    """A step: its tensors, and what the sampler adds up. `picture` is there where it was asked for."""

    request: int
    index: int
    takes: list[Taken]
    seconds: float
    """Since the run began."""
    arrays: list[Array]


class ImagineEnded(Struct, tag_field="type", tag="imagine_ended", frozen=True, kw_only=True):
    """The last picture, and how like it those before are: the correlation of their pixels, of drawn steps."""

    request: int
    likeness: list[Number]
    steps: list[int]
    seconds: float
    arrays: list[Array]


class PictureMade(Struct, tag_field="type", tag="picture_made", frozen=True, kw_only=True):
    """A picture alone."""

    request: int
    source: str
    seconds: float
    arrays: list[Array]


class LayerShown(Struct, frozen=True, kw_only=True):
    """A layer of a network, shown by the channel that varies most."""

    path: str
    kind: Literal["in", "res", "attn", "down", "up", "norm", "out"]
    part: Literal["down", "mid", "up"]
    channel: int
    channels: int
    rows: int
    columns: int
    array: int
    """Its place among the arrays."""


class Looking(Struct, frozen=True, kw_only=True):
    """A layer that looks at words: the share of each token there, all of which add up to one."""

    path: str
    rows: int
    columns: int
    heads: int
    shares: list[Number]
    """Of start, each word, end, and padding together."""


class MomentOpened(Struct, tag_field="type", tag="moment_opened", frozen=True, kw_only=True):
    """The denoiser at a step. `arrays`: its layers', `attention` of the chosen layer, and the step's `picture`."""

    request: int
    step: int
    half: Half
    run: str
    """The traced run, to be opened as a graph with its network."""
    network: str
    layers: list[LayerShown]
    looking: list[Looking]
    layer: int
    head: int
    error: float
    """The largest distance from one of a place's weights, added up, over all places and heads."""
    seconds: float
    arrays: list[Array]


class DecoderOpened(Struct, tag_field="type", tag="decoder_opened", frozen=True, kw_only=True):
    """The decoder at a step. `arrays`: its layers'."""

    request: int
    step: int
    run: str
    network: str
    layers: list[LayerShown]
    arrays: list[Array]


class NearOf(Struct, frozen=True):
    """A caption, or the caption of a picture, and the cosine of its angle with the prompt."""

    text: str
    cosine: Number


class Near(Struct, tag_field="type", tag="near", frozen=True, kw_only=True):
    """The nearest captions and pictures; the farthest caption last. `arrays`: the pictures, bytes."""

    request: int
    captions: list[NearOf]
    count: int
    pictures: list[NearOf]
    shown: int
    other: Number | None
    """The other prompt's cosine."""
    arrays: list[Array]


class PathsCompared(Struct, tag_field="type", tag="paths_compared", frozen=True, kw_only=True):
    """Two runs on one plane. `arrays`: `point`, [run, step, axis]; the last step is the end of the run."""

    request: int
    source: str
    explained: list[Number]
    """The share of all variance that each axis shows."""
    apart: list[Number]
    """How far the latents are from each other at each step."""
    arrays: list[Array]


class AtGuidance(Struct, frozen=True):
    """How many pictures made with a guidance are of their prompt's category, by the judge."""

    guidance: float
    right: Number


class Scored(Struct, frozen=True):
    """A score by its name on the card."""

    name: str
    value: Number


class PromptScores(Struct, tag_field="type", tag="prompt_scores", frozen=True, kw_only=True):
    """What a model's card says of it; all is empty, or 0, without a card.

    `prompts`: each joins a colour and a thing as no picture of its training did.
    """

    request: int
    title: str
    by_guidance: list[AtGuidance]
    scores: list[Scored]
    prompts: list[str]
    trained_on: int
    steps: int


class Sized(Struct, frozen=True):
    """A part of a network, and how large its slopes are: the root of the sum of their squares."""

    path: str
    norm: Number


class Noising(Struct, tag_field="type", tag="noising", frozen=True, kw_only=True):
    """A picture noised, and a step of training on it.

    `arrays`: `picture`, `drawn/T` (the noised latents of some times, decoded), bytes; `clean`, `noise`, `noised`,
    `said`, `target` and `slope` (of the loss with regard to what was said), [channel, row, column].
    """

    request: int
    source: str
    prompt: str
    prediction: str
    time: int
    times: list[int]
    alpha: Number
    sigma: Number
    loss: Number
    after: Number
    """The loss on the same example after one step against the slopes."""
    rate: float
    """Of that step."""
    slopes: list[Sized]
    count: int
    """Numbers of the latent."""
    arrays: list[Array]


DiffusionAnswer = (
    TextToImageModels
    | Imagined
    | ImagineStep
    | ImagineEnded
    | PictureMade
    | MomentOpened
    | DecoderOpened
    | Near
    | PathsCompared
    | PromptScores
    | Noising
)
