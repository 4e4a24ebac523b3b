"""What the page of training asks for, and what it is told.

Sources of the numbers: `run:NAME/STEP#SERIES@value` is a record of a run, `run:NAME/FIRST-LAST#SERIES@mean` (`@low`,
`@high`) what the records between two steps have in common; `step:NAME/STEP#...` a number of the step that follows after
STEP steps.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from glasswork.scenes.messages.base import Array, Number, Request

RunState = Literal["starting", "running", "paused", "stopped", "finished", "failed", "died"]
Scalar = int | float | bool | str


class ListRuns(Request, tag="list_runs", frozen=True):
    """Which runs there are, and what can be trained."""


class OpenCourse(Request, tag="open_course", frozen=True):
    """How a run stands and has gone; asked again and again while somebody looks."""

    run: str
    points: int = 400
    """The most parts of each series."""
    known: str = ""
    """The `stamp` of what the page has: when nothing has changed since, no series come."""
    view: str = "page"
    """A page can hold several runs side by side."""

    @property
    def slot(self) -> str:
        """One course a view."""
        return f"OpenCourse {self.view}"


class SteerRun(Request, tag="steer_run", frozen=True):
    """Give an order to a run that goes on."""

    run: str
    do: Literal["pause", "go", "step", "stop", "rate"]
    value: float = 0.0
    """The new learning rate."""

    @property
    def slot(self) -> str:
        """Each order stands for itself."""
        return f"SteerRun {self.request}"


class StartRun(Request, tag="start_run", frozen=True):
    """Begin a run, in a process of its own."""

    recipe: str
    settings: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    """Other settings than the recipe's, by name."""
    text: str = ""
    """One's own text, for a recipe that waits for one."""
    pictures: str = ""
    """One's own pictures, for a recipe that tells pictures apart: `set:ID` or `folder:PLACE`."""
    start: str = ""
    """With pictures: the network that it begins from."""

    @property
    def slot(self) -> str:
        """Each run stands for itself."""
        return f"StartRun {self.request}"


class ResumeRun(Request, tag="resume_run", frozen=True):
    """Go on with a run that was stopped, or has died."""

    run: str

    @property
    def slot(self) -> str:
        """Each order stands for itself."""
        return f"ResumeRun {self.request}"


class SlowStep(Request, tag="slow_step", frozen=True):
    """The step that follows after a saved one, taken again: forward, loss, backward, update."""

    run: str
    step: int
    """After how many steps."""
    weight: str = ""
    """`PARAMETER[index]`, whose update is written out; "": that of the steepest in the first layer."""


class FollowWeight(Request, tag="follow_weight", frozen=True):
    """One weight at every saved step."""

    run: str
    weight: str
    """`PARAMETER[index]`."""


class FollowAnswer(Request, tag="follow_answer", frozen=True):
    """What the network answers to one input at every saved step."""

    run: str
    input: str | None = None
    """As for a scene."""


TrainingRequest = ListRuns | OpenCourse | SteerRun | StartRun | ResumeRun | SlowStep | FollowWeight | FollowAnswer


class Setting(Struct, frozen=True):
    """One setting of a recipe."""

    name: str
    value: Scalar


class RecipeCard(Struct, frozen=True, kw_only=True):
    """Something that can be trained."""

    name: str
    title: str
    about: str
    data: str
    ready: bool
    """Whether its data is here; else it waits for the reader's own."""
    reads: Literal["", "text"]
    """What of the reader's own a page can give it."""
    settings: list[Setting]


class RunCard(Struct, frozen=True, kw_only=True):
    """A run as lists name it."""

    name: str
    title: str
    recipe: str
    state: RunState
    step: int
    steps: int


class RunList(Struct, tag_field="type", tag="run_list", frozen=True, kw_only=True):
    """Every run, the newest first, and every recipe."""

    request: int
    folder: str
    """What the folder that holds them is called."""
    runs: list[RunCard]
    recipes: list[RecipeCard]


class Happening(Struct, frozen=True, kw_only=True):
    """Something that happened to a run: paused, resumed, another rate, a warning."""

    step: int
    event: str
    text: str
    value: float | None


class FinalScore(Struct, frozen=True):
    """One score on held-out examples, of a finished run's card."""

    name: str
    number: Number


class Course(Struct, tag_field="type", tag="course", frozen=True, kw_only=True):
    """How a run stands, and how it has gone.

    `arrays`: for each group of series that were recorded at the same steps `steps` (2, P), the first and the last step
    of each part, then `mean`, `low`, `high` and `count`, each (S, P).
    """

    request: int
    stamp: str
    run: RunCard
    why: str
    """Of a run that failed or died, what is known."""
    pid: str
    settings: list[Setting]
    named: dict[str, str]
    """What layers are called, by the paths that stand in the names of series."""
    groups: list[list[str]]
    """The names of the series of each group; empty when nothing has changed."""
    unchanged: bool
    happened: list[Happening]
    saved: list[int]
    """The steps at which the network can be looked at."""
    skipped: int
    """How many damaged records were passed over."""
    scores: list[FinalScore]
    seconds: float
    network: str
    """What the run's network at a step is called, without the step: `run:NAME@`."""
    command: str
    """The line that does the same without this page."""
    log: list[str]
    arrays: list[Array]


class Steered(Struct, tag_field="type", tag="steered", frozen=True, kw_only=True):
    """An order was given, or a run begun."""

    request: int
    run: str


class Example(Struct, frozen=True, kw_only=True):
    """One example of a step's batch."""

    name: str
    label: str
    probability: Number
    """Of its own class."""
    loss: Number


class LayerGradient(Struct, frozen=True, kw_only=True):
    """One layer's gradient in one step."""

    path: str
    label: str
    size: Number


class LinePart(Struct, frozen=True, kw_only=True):
    """A part of a line of arithmetic: a number with its place, or what stands between numbers."""

    text: str
    number: Number | None
    kind: str
    """weight, gradient, state, setting or between; "" for what stands between."""
    name: str


class Line(Struct, frozen=True, kw_only=True):
    """One line of an optimiser's rule, as a formula and in numbers."""

    formula: str
    parts: list[LinePart]
    result: LinePart


class UpdateOf(Struct, frozen=True, kw_only=True):
    """One weight's step."""

    parameter: str
    index: list[int]
    before: Number
    gradient: Number
    after: Number
    lines: list[Line]
    error: float
    """The relative difference to what the optimiser wrote."""
    optimiser: str
    source: str
    refusal: str
    """Why there are no lines, if there are none."""


class SlowMotion(Struct, tag_field="type", tag="slow_motion", frozen=True, kw_only=True):
    """One step of training, taken again. `arrays`: `examples` (n, H, W, C) as bytes where the inputs are pictures, then
    the first weights that are kernels, and their gradient and change."""

    request: int
    run: str
    step: int
    batch: int
    examples: list[Example]
    loss: Number
    after: Number
    """Of the same batch, after the step."""
    layers: list[LayerGradient]
    update: UpdateOf
    parameter: str
    """Whose values come along."""
    map: str
    """The step as a network that can be opened."""
    recorded: float | None
    """The loss that the run itself noted for this step, where it noted one."""
    arrays: list[Array]


class Followed(Struct, tag_field="type", tag="followed", frozen=True, kw_only=True):
    """Numbers over the saved steps, (S, N) in `arrays`."""

    request: int
    run: str
    steps: list[int]
    names: list[str]
    sources: list[str]
    """The source of each step's numbers, where they can be asked for."""
    arrays: list[Array]


TrainingAnswer = RunList | Course | Steered | SlowMotion | Followed
