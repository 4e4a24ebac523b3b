"""What the page of generated pictures asks for beside its graph, and what it is told.

A picture's source is `noise:NETWORK/PLACES`, PLACES being places in the noise (`7`, or `7*0.6,12*0.8`; see
scenes/latents.py) or held-out pictures (`real:3`), joined by `;`. Its paths are `picture` (N, C, H, W; values 0..1),
with `@slope` of the discriminator's number at each pixel (of values -1..1), `score` (N), `judged` (N, the share of the
likeliest class). The source of a histogram is `scores:NETWORK`; its paths are `real` and `made` (a share for each bin),
with `@mean` and `@right`.
"""

from __future__ import annotations

from msgspec import Struct

from glasswork.scenes.messages.base import Array, Number, Request


class DrawPlaces(Request, tag="draw_places", frozen=True):
    """Make pictures from places in the noise, or take real ones, and judge them."""

    network: str
    places: list[str]
    slopes: bool = False
    """Whether the slopes of the discriminator's number at the pixels come along."""
    view: str = "page"

    @property
    def slot(self) -> str:
        """One request a view."""
        return f"DrawPlaces {self.view}"


class OpenScores(Request, tag="open_scores", frozen=True):
    """How the discriminator's numbers for real and for made pictures are spread."""

    network: str


class DrawnPlace(Struct, frozen=True, kw_only=True):
    """One picture, as both judges see it."""

    place: str
    score: Number
    """The discriminator's number: over 0 it takes the picture for real."""
    label: str
    """The class that a classifier trained apart finds the likeliest; empty where there is none."""
    judged: Number | None
    """How sure that one is, 0..1."""


class DrawnPlaces(Struct, tag_field="type", tag="drawn_places", frozen=True, kw_only=True):
    """Pictures in the order that they were asked for in; `picture@value`, and `@slope` if asked, are in `arrays`."""

    request: int
    source: str
    numbers: int
    """Of noise for each picture."""
    best_of: int
    """Of so many pictures a sample is the one that the discriminator prefers; here is every one that was asked for."""
    places: list[DrawnPlace]
    arrays: list[Array]


class Spread(Struct, frozen=True, kw_only=True):
    """The discriminator's numbers of one kind of pictures."""

    shares: list[Number]
    """Of each bin."""
    mean: Number
    right: Number
    """Of real ones the share over 0, of made ones that under 0."""


class Scores(Struct, tag_field="type", tag="scores", frozen=True, kw_only=True):
    """Two histograms on the same bins."""

    request: int
    source: str
    edges: list[float]
    """One more than bins; the outermost take what lies beyond them."""
    count: int
    """Of each kind."""
    real: Spread
    made: Spread


GanImagesRequest = DrawPlaces | OpenScores
GanImagesAnswer = DrawnPlaces | Scores
