"""What a page and the program say to each other, as types.

A page sends a `Request` as JSON text. It gets `Answer`s: JSON text, or, where tensors come with it, one binary
frame: a little-endian uint32 with the header's length, the answer as JSON (padded with spaces to a multiple of
eight bytes), then the raw little-endian values of each of its `arrays`, in order, each padded to eight bytes.

`frontend/src/lib/messages.ts` is generated from these types (`python scripts/build_messages.py`).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from msgspec import Struct

from glasswork.scenes.messages import base as _base
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.messages.diffusion import DiffusionAnswer, DiffusionRequest
from glasswork.scenes.messages.forgetting import ForgettingAnswer, ForgettingRequest
from glasswork.scenes.messages.gan import GanAnswer, GanRequest
from glasswork.scenes.messages.gan_images import GanImagesAnswer, GanImagesRequest
from glasswork.scenes.messages.lecture import LectureAnswer, LectureRequest
from glasswork.scenes.messages.lessons import LessonAnswer, LessonRequest
from glasswork.scenes.messages.masks import MaskAnswer, MaskRequest
from glasswork.scenes.messages.playground import PlayAnswer, PlayRequest
from glasswork.scenes.messages.race import OpenRace, Race
from glasswork.scenes.messages.reading import ReadingAnswer, ReadingRequest
from glasswork.scenes.messages.remembering import RememberAnswer, RememberRequest
from glasswork.scenes.messages.seeing import SeeingAnswer, SeeingRequest
from glasswork.scenes.messages.speaking import SpeakingAnswer, SpeakingRequest
from glasswork.scenes.messages.teaching import TeachingAnswer, TeachingRequest
from glasswork.scenes.messages.training import TrainingAnswer, TrainingRequest
from glasswork.scenes.messages.translating import TranslatingAnswer, TranslatingRequest
from glasswork.scenes.messages.unrolled import UnrolledAnswer, UnrolledRequest
from glasswork.scenes.messages.uses import UsesAnswer, UsesRequest
from glasswork.scenes.messages.vision import VisionAnswer, VisionRequest
from glasswork.scenes.messages.workshop import WorkshopAnswer, WorkshopRequest

What = Literal["value", "grad"]


class ListNetworks(_base.Request, tag="list_networks", frozen=True):
    """Which networks are here."""


class ListSamples(_base.Request, tag="list_samples", frozen=True):
    """The sample pictures of a network."""

    network: str

    @property
    def slot(self) -> str:
        """Each network's stand for themselves."""
        return f"ListSamples {self.network}"


class OpenScene(_base.Request, tag="open_scene", frozen=True):
    """Run a network on an input, forward and backward from one score, and show it."""

    network: str
    input: str | None = None
    """`sample:NAME` or `upload:ID`; None: the network's first sample, or one of ours that it can read."""
    score: int | None = None
    """Index of the class whose score is followed; None: the one that the network prefers."""
    backward: bool = False
    """Whether the slopes come along."""
    view: str = "page"
    """A page can hold several scenes; a new one replaces only the one in the same view."""

    @property
    def slot(self) -> str:
        """One scene a view."""
        return f"OpenScene {self.view}"


class Edit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One change to a run: what becomes of the numbers at one place of a tensor."""

    at: str
    """An operation, or the name of a parameter or an input."""
    index: list[int]
    """A number of that tensor; with `axis`, all numbers that share its place along that axis."""
    axis: int | None = None
    action: Literal["off", "scale", "set", "patch"]
    value: float = 0.0
    """What they are multiplied by, or set to."""
    other: str = ""
    """Of "patch": the run that they are taken from, at the same tensor."""
    other_index: list[int] = msgspec.field(default_factory=list[int])
    """Of "patch": their place there, along the same axis."""


class OpenGraph(_base.Request, tag="open_graph", frozen=True):
    """Run any network on an input and show it as columns, folded as the page asks."""

    network: str
    input: str | None = None
    """As for a scene; also `text:WORDS` for networks with a tokenizer, `array:ID`, and `trace:ID` for what another run
    was given. Networks that take no pictures run on what was found for them when they were opened."""
    edits: list[Edit] = msgspec.field(default_factory=list[Edit])
    """What is changed; the run is then shown beside the unchanged one."""
    level: Literal["stages", "blocks", "operations"] = "blocks"
    opened: list[str] = msgspec.field(default_factory=list[str])
    """Keys of columns that were opened."""
    shut: list[str] = msgspec.field(default_factory=list[str])
    """Paths of modules that were folded again."""
    backward: bool = False
    view: str = "page"

    @property
    def slot(self) -> str:
        """One graph a view."""
        return f"OpenGraph {self.view}"


class FetchTensors(_base.Request, tag="fetch_tensors", frozen=True):
    """Whole tensors of a trace: `SOURCE#path@what` each, without an index."""

    refs: list[str]

    @property
    def slot(self) -> str:
        """Each set of tensors stands for itself."""
        return "FetchTensors " + " ".join(self.refs)


class FetchPlane(_base.Request, tag="fetch_plane", frozen=True):
    """All the numbers of the picture that one number is in: its channel's rows and columns."""

    ref: str
    view: str = "page"

    @property
    def slot(self) -> str:
        """One plane a view."""
        return f"FetchPlane {self.view}"


class ExplainNumber(_base.Request, tag="explain_number", frozen=True):
    """Where one number comes from, and its trail from the score to the input."""

    ref: str
    limit: int = 32
    view: str = "page"
    """As for scenes: the card and the table of all terms stand side by side."""

    @property
    def slot(self) -> str:
        """One number a view."""
        return f"ExplainNumber {self.view}"


class SaveTensor(_base.Request, tag="save_tensor", frozen=True):
    """A whole tensor of a trace as a file: `SOURCE#path@what`, without an index."""

    ref: str
    form: Literal["npy", "csv"]

    @property
    def slot(self) -> str:
        """Each file stands for itself."""
        return f"SaveTensor {self.form} {self.ref}"


class Cancel(_base.Request, tag="cancel", frozen=True):
    """Stop working on an earlier request."""

    cancels: int


Request = (
    ListNetworks
    | ListSamples
    | OpenScene
    | OpenGraph
    | OpenRace
    | ReadingRequest
    | UnrolledRequest
    | UsesRequest
    | RememberRequest
    | SpeakingRequest
    | TranslatingRequest
    | VisionRequest
    | MaskRequest
    | SeeingRequest
    | ForgettingRequest
    | DiffusionRequest
    | FetchTensors
    | FetchPlane
    | ExplainNumber
    | SaveTensor
    | TrainingRequest
    | LessonRequest
    | LectureRequest
    | PlayRequest
    | GanRequest
    | GanImagesRequest
    | WorkshopRequest
    | TeachingRequest
    | Cancel
)


class CodeLine(Struct, frozen=True):
    """One line of a file."""

    number: int
    text: str


class Source(Struct, frozen=True):
    """The line of code that made something, with its neighbours."""

    file: str
    line: int
    function: str
    lines: list[CodeLine]


class Score(Struct, frozen=True):
    """One measured figure of a network's card."""

    name: str
    value: float
    data: str
    count: int


class NetworkCard(Struct, frozen=True, kw_only=True):
    """A network as the gallery and the menus name it."""

    name: str
    title: str
    page: str
    parameters: int
    classes: list[str]
    channels: int
    size: list[int]
    """Height and width."""
    data: str
    licence: str
    scores: list[Score]
    steps: int
    """After how many steps of training the weights were kept; 0 where that is not known."""
    trained_on: int
    """On how many examples."""
    draws: bool
    """Whether its input can be drawn by hand."""
    light_on_dark: bool
    """Whether it was trained on white ink on black."""
    reads_text: bool = False
    """Whether it comes with a tokenizer, so that a text can be typed."""
    weights: str = ""
    """Where its weights are from: "random" is what must be said."""
    recurrent: str = ""
    """lstm or rnn, where its insides can be seen over time: /lstm and /rnn."""
    saved: bool = False
    """Whether it is a run that was read from a file, which can be looked at and not run again."""


class Sample(Struct, frozen=True):
    """One picture that comes with a network."""

    id: str
    name: str
    label: str


class Step(Struct, frozen=True):
    """One thing that was done to a picture before the network saw it, in words and numbers."""

    name: str
    numbers: dict[str, float | str]


class InputCard(Struct, frozen=True, kw_only=True):
    """The picture that was given, and what was done to it."""

    id: str
    name: str
    label: str | None
    size: list[int]
    """Width and height of the picture as it was given."""
    crop: list[int]
    """Left, top, width, height of the part that the network sees, in pixels of the picture as it was given."""
    steps: list[Step]
    channels: list[str]
    picture: bool
    """Whether the picture itself can be fetched at `inputs/ID`."""


class Column(Struct, frozen=True, kw_only=True):
    """One tensor on the map."""

    path: str
    name: str
    label: str
    operation: str
    module: str
    stage: int
    axes: list[str]
    shape: list[int]
    """Without the batch axis."""
    mixes: bool
    """Whether it mixes channels (convolution, linear) or changes each number or neighbourhood in place."""
    inputs: list[str]
    scale: int
    """Columns with one number share a colour scale."""
    parameters: list[str]
    low: Number
    high: Number
    source: Source


class Stage(Struct, frozen=True):
    """Columns under one bracket."""

    path: str
    label: str


class ClassScore(Struct, frozen=True):
    """What the network says of one class."""

    label: str
    logit: Number
    probability: Number


class TopScore(Struct, frozen=True):
    """One of the largest numbers of a row that a network answers with."""

    label: str
    """The class or the token that it stands for; its place where nobody says."""
    score: Number
    probability: Number | None
    """None where nobody says that the scores are logits."""
    before: Number | None
    """Its probability, or without one its score, before the changes, where there are any."""
    token: int | None
    """Its number, where it is a token."""


class Detected(Struct, frozen=True):
    """One thing that a detector found."""

    label: str
    score: Number
    box: list[Number]
    """Left, top, right, bottom, in pixels of the picture."""


class Detections(Struct, frozen=True):
    """What a detector found in a picture of so many pixels."""

    width: int
    height: int
    count: int
    """Of how many boxes it told; `found` holds those with the largest scores."""
    lowest: float | None
    """It tells of no box whose score is not above this."""
    found: list[Detected]
    """The largest score first."""


class Push(Struct, frozen=True):
    """What one channel gives to the score."""

    channel: int
    share: Number


class Scene(Struct, tag_field="type", tag="scene", frozen=True, kw_only=True):
    """The map of one run, without its tensors."""

    request: int
    source: str
    network: NetworkCard
    input: InputCard
    stages: list[Stage]
    columns: list[Column]
    classes: list[ClassScore]
    chosen: int
    last: str
    """Label of the tensor whose channels push the score."""
    pushes: list[Push]
    """The largest push for the chosen score and the largest against it, where there are such."""
    macs: int


class Axes(Struct, frozen=True, kw_only=True):
    """Which axes of a tensor are drawn. -1 is the channels', -2 the rows', -3 the columns'; else one place of it."""

    places: list[int]
    channels: int
    rows: int
    columns: int
    row_step: int
    """Only every row_step-th row is drawn, and every column_step-th column."""
    column_step: int


class GraphColumn(Struct, frozen=True, kw_only=True):
    """What stands in one column of a graph: an operation, or a folded part of the network."""

    key: str
    path: str
    """Of the operation whose output is shown."""
    name: str
    kind: str
    operations: int
    begins: int
    """Its operations stand among all `paths` from here, up to `ends`."""
    ends: int
    alike: int
    """How many equal blocks it stands for."""
    opens: bool
    stage: int
    shape: list[int]
    dtype: str
    axes: Axes | None
    channels: list[int]
    """Those that are drawn, what weighs most first."""
    before: list[int]
    """Columns whose output it reads; -1 is the input."""
    skips: bool
    """Whether what comes in also goes around what is inside."""
    parameters: list[str]
    learned: int
    macs: int
    bytes: int
    seconds: float
    rebuilt: bool
    low: Number | None
    high: Number | None
    steepest: Number | None
    """The slope of largest size."""
    changed: Number | None
    """The largest difference that the changes made; None without changes, or where the tensor is not in both runs."""
    turned: Number | None
    """The same of its slopes."""
    edited: str
    """What was changed in it, in words."""
    finite: bool
    source: Source


class Note(Struct, frozen=True, kw_only=True):
    """Something that a reader must know of a run beside its numbers."""

    kind: Literal["nan", "infinite", "fast_path", "hidden", "not_kept", "edit_did_not_run"]
    name: str
    """The operation, input, parameter or module that it is about."""
    at: str = ""
    """`path[index]` of the number that it is about, if it is about one."""
    count: int = 0
    """How many it holds of."""
    size: float = 0.0
    """By how much, at most."""


class Trouble(Struct, frozen=True, kw_only=True):
    """Where a run ended early: what, where, why, and what to do."""

    what: str
    where: str
    why: str
    todo: str
    module: str
    """The path of the module that was running."""


class GraphStage(Struct, frozen=True):
    """Columns under one bracket, which folds them."""

    path: str
    label: str


class Graph(Struct, tag_field="type", tag="graph", frozen=True, kw_only=True):
    """Any network as columns. Their numbers follow as maps: `@value` and `@grad` at the drawn places of the drawn
    channels, and `@share`, the weight of every channel (or, without channels, of every row)."""

    request: int
    source: str
    network: NetworkCard
    input: InputCard | None
    given: str
    """What it ran on, in words, where that is no picture."""
    level: str
    stages: list[GraphStage]
    columns: list[GraphColumn]
    """The first is the input."""
    answers: list[TopScore]
    """The largest scores, largest first, where it answers with a row of them."""
    outputs: int
    """Of how many."""
    detections: Detections | None
    """Of a detector: its boxes, in place of a row of scores."""
    followed: Number | None
    """The number whose slopes are shown: a score, or another element of the output."""
    before: Number | None
    """The same number without the changes, where there are any."""
    backward: bool
    """Whether there are slopes."""
    pending: bool
    """Whether they are still being computed: the same graph comes again with them."""
    notes: list[Note]
    failure: Trouble | None
    """Where the run ended early; what ran before is shown."""
    edits: list[Edit]
    """What was changed; `@difference` and `@slopedifference` arrays then hold new - old for the drawn numbers."""
    base: str
    """The source of the unchanged run, where there are changes."""
    tokens: list[str]
    """The words that the rows of a text's tensors stand for."""
    paths: list[str]
    """Every operation, for who looks for one."""
    macs: int
    seconds: float


class Maps(Struct, tag_field="type", tag="maps", frozen=True):
    """Tensors of a trace: values, gradients, weights, or what edges give (`@edge`: out channel, in channel)."""

    request: int
    arrays: list[Array]


class File(Struct, tag_field="type", tag="file", frozen=True):
    """A file to keep: its bytes are the one array."""

    request: int
    name: str
    arrays: list[Array]


class Term(Struct, frozen=True, kw_only=True):
    """One term of an explanation."""

    position: int
    name: str
    ref: str | None
    value: float
    factor: float | None
    factor_ref: str | None
    product: float
    product_ref: str


class Stop(Struct, frozen=True, kw_only=True):
    """One stop of the trail from the score to the input."""

    path: str
    label: str
    index: list[int]
    number: Number
    shut: bool
    """Whether the next stop, one nearer to the input, gives nothing to this one."""


class Window(Struct, frozen=True, kw_only=True):
    """What an operation reads of its input's rows and columns; may hang over the edge, where the input is padded."""

    top: int
    left: int
    rows: int
    columns: int
    row_step: int
    column_step: int
    channel: int
    """The first input channel that is read."""
    read_rows: list[int]
    """Of each row of a convolution's window the input's; -1 where a transposed one meets none."""
    read_columns: list[int]
    transposed: int
    """Of a transposed convolution, where its output channel stands in the kernel, after the input channel; else -1."""


class Plane(Struct, tag_field="type", tag="plane", frozen=True):
    """The picture that a number is in, (rows, columns) in `arrays`, every step-th of each; None: it has none."""

    request: int
    axes: Axes | None
    channel: int
    at: list[int]
    """Row and column of the number."""
    reach: float
    """The size of the tensor's largest number, where the colours end."""
    arrays: list[Array]


class Explained(Struct, tag_field="type", tag="explained", frozen=True, kw_only=True):
    """Where one number comes from. For a convolution, `arrays` holds its window, kernel, product and part tensors."""

    request: int
    ref: str
    path: str
    index: list[int]
    what: What
    kind: str
    value: float
    formula: str
    note: str
    reduce: str
    count: int
    terms: list[Term]
    remainder: Number
    error: float
    trail: list[Stop]
    arrays: list[Array]
    window: Window | None
    source: Source | None
    """The line that made the tensor; None for what was given."""


class Networks(Struct, tag_field="type", tag="networks", frozen=True):
    """Every network that is here."""

    request: int
    networks: list[NetworkCard]


class Samples(Struct, tag_field="type", tag="samples", frozen=True):
    """The sample pictures of a network, their pixels (count, height, width, colour) in `arrays`."""

    request: int
    samples: list[Sample]
    arrays: list[Array]


class Failure(Struct, tag_field="type", tag="failure", frozen=True, kw_only=True):
    """What went wrong, where, why, and what to do."""

    request: int
    what: str
    where: str
    why: str
    todo: str


class Done(Struct, tag_field="type", tag="done", frozen=True):
    """The last answer to a request."""

    request: int


Answer = (
    ReadingAnswer
    | UnrolledAnswer
    | UsesAnswer
    | RememberAnswer
    | SpeakingAnswer
    | TranslatingAnswer
    | VisionAnswer
    | MaskAnswer
    | SeeingAnswer
    | ForgettingAnswer
    | DiffusionAnswer
    | Scene
    | Graph
    | Race
    | Maps
    | File
    | Plane
    | Explained
    | Networks
    | Samples
    | TrainingAnswer
    | LessonAnswer
    | LectureAnswer
    | PlayAnswer
    | GanAnswer
    | GanImagesAnswer
    | WorkshopAnswer
    | TeachingAnswer
    | Failure
    | Done
)


def encode(answer: Answer, arrays: Sequence[np.ndarray[Any, Any]] = ()) -> str | bytes:
    """An answer as it goes over the wire: text, or with tensors one binary frame (see the top of this file)."""
    header = msgspec.json.encode(answer)
    if not arrays:
        return header.decode()
    header += b" " * (-(len(header) + 4) % 8)
    parts = [struct.pack("<I", len(header)), header]
    for array in arrays:
        raw = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
        parts += [raw, b"\0" * (-len(raw) % 8)]
    return b"".join(parts)


def schema() -> dict[str, Any]:
    """The JSON Schema of all messages, from which the page's types are made."""
    (request, answer), components = msgspec.json.schema_components([Request, Answer], ref_template="#/$defs/{name}")
    return {"title": "Messages", "$defs": {**components, "Request": request, "Answer": answer}}
