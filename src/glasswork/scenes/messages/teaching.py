"""What the page of one's own classes asks for, and what it is told.

Pictures are named `set:ID`, which a page sent, or `folder:PLACE`, on the disk. The source of numbers about a run's
pictures is `taught:RUN@STEP`; picture i is the i-th by its path. Paths: `answers[i,k]@value`, the probability of class
k; `accuracy@test`, `accuracy@validation`, `accuracy@train`; `pca[i,d]@value`, where the picture stands among all that
are on the map, and `pca[d]@share`, how much of the variance lies along that direction. Places of t-SNE have no
reference: its descent is chaotic, and nobody computes them again to the last digit.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from glasswork.scenes.messages.base import Array, Number, Request

Part = Literal["train", "validation", "test"]
Way = Literal["pca", "tsne"]
Form = Literal["safetensors", "onnx", "python"]


class LookAtPictures(Request, tag="look_at_pictures", frozen=True):
    """What is in a set of pictures, what is wrong with it, and what it can begin from."""

    pictures: str


class ShowVaried(Request, tag="show_varied", frozen=True):
    """The first batch of the run that these settings would begin, as it is read and as it is learned from."""

    pictures: str
    start: str
    """A network to begin from; "": none."""
    settings: dict[str, str] = msgspec.field(default_factory=dict[str, str])


class OpenTaught(Request, tag="open_taught", frozen=True):
    """What a run's network makes of all of its pictures."""

    run: str
    step: int | None = None
    """None: the step that was kept."""
    way: Way = "pca"
    """How the map is drawn."""


class FetchPicture(Request, tag="fetch_picture", frozen=True):
    """One of a run's pictures as a PNG file."""

    run: str
    index: int


class ExportRun(Request, tag="export_run", frozen=True):
    """A run's network as a file, checked against the network itself."""

    run: str
    form: Form

    @property
    def slot(self) -> str:
        """Each file stands for itself."""
        return f"ExportRun {self.form} {self.run}"


TeachingRequest = LookAtPictures | ShowVaried | OpenTaught | FetchPicture | ExportRun


class Beginning(Struct, frozen=True, kw_only=True):
    """A network to begin from."""

    name: str
    """"": none, its weights are drawn."""
    title: str
    channels: int
    size: int
    parameters: int
    todo: str
    """What must be done first where its weights are not on this machine; else ""."""
    settings: dict[str, str]
    """What suits it on a machine without an accelerator, other than the recipe's."""


class TaughtClass(Struct, frozen=True, kw_only=True):
    """One class of a set."""

    name: str
    count: int
    shown: list[int]
    """Which of the thumbnails are of it."""


class Unusable(Struct, frozen=True):
    """A file that is not used."""

    path: str
    why: str


class Working(Struct, tag_field="type", tag="working", frozen=True):
    """How far something has come."""

    request: int
    done: int
    of: int


class LookedAt(Struct, tag_field="type", tag="looked_at", frozen=True, kw_only=True):
    """A set of pictures. `arrays`: `thumbnails` (n, S, S, 3) as bytes."""

    request: int
    pictures: str
    place: str
    """The folder's name, for people."""
    count: int
    classes: list[TaughtClass]
    sizes: list[str]
    """Width × height, the most frequent first."""
    more_sizes: int
    grey: bool
    """Whether no picture has colour."""
    problems: list[Unusable]
    empty: list[str]
    """Classes without a picture, which are left out."""
    duplicates: list[list[str]]
    """Files of one content and class: they fall into one part."""
    leaks: list[list[str]]
    """Files of one content that lie in several parts or classes."""
    across: list[list[str]]
    """Pictures that look the same, of which some would be learned from and others tested on."""
    parts: dict[str, int]
    """How many would be in each part."""
    beginnings: list[Beginning]
    suggested: str
    refusal: str
    """Why nothing can be learned from them; "" where it can."""
    settings: dict[str, int | float | bool | str]
    """The recipe's own."""
    arrays: list[Array]


class Varied(Struct, tag_field="type", tag="varied", frozen=True, kw_only=True):
    """A batch. `arrays`: `read` and `learned` (n, H, W, 3) as bytes."""

    request: int
    names: list[str]
    labels: list[str]
    batch: int
    arrays: list[Array]


class TaughtPicture(Struct, frozen=True, kw_only=True):
    """One picture of a run."""

    index: int
    name: str
    label: int
    part: Part


class Taught(Struct, tag_field="type", tag="taught", frozen=True, kw_only=True):
    """What a run's network makes of its pictures. `arrays`: `thumbnails` (n, S, S, 3) as bytes, `answers` (n, K), the
    map's places (n, 2)."""

    request: int
    source: str
    run: str
    step: int
    network: str
    """As other pages open it."""
    page: str
    """The page that shows it best."""
    classes: list[str]
    pictures: list[TaughtPicture]
    of: int
    """How many there are in all."""
    accuracy: dict[str, Number]
    counts: dict[str, int]
    """How many each accuracy is measured on."""
    way: Way
    shares: list[Number]
    """Of a map by principal components, the part of the variance along each axis."""
    features: int
    """How many numbers of each picture the map is made of."""
    missing: str
    """What must be installed for the way that was asked for; "" where it is there."""
    arrays: list[Array]


class Exported(Struct, tag_field="type", tag="exported", frozen=True, kw_only=True):
    """A file of a network, its bytes in `arrays`."""

    request: int
    name: str
    form: Form
    about: str
    """What it holds, and what it needs."""
    checked: int
    """On how many pictures its answers were compared with the network's own; 0: by its hash."""
    error: float
    """The largest difference of a logit."""
    command: str
    """The line that does the same."""
    arrays: list[Array]


TeachingAnswer = Working | LookedAt | Varied | Taught | Exported
