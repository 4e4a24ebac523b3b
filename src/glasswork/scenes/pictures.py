"""The picture that a scene is about: one that ships or one that was given, and what the network sees of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from glasswork import data
from glasswork.data import cutouts, nuclei
from glasswork.data.photos import NAMES, photo
from glasswork.errors import GlassworkError, unknown
from glasswork.scenes.messages import InputCard, Step
from glasswork.scenes.photo_networks import PATCH_NETWORKS
from glasswork.training.composing import Example, held_out_examples
from glasswork.zoo import Network, Preprocessed, Preprocessing

ReadInput = Callable[[str], bytes]
"""The PNG of a picture that was given, by its id."""
STAND_IN = {1: "mnist", 3: "emoji"}  # whose first sample is shown to a network that comes without samples
CHANNELS = {1: ["grey"], 3: ["red", "green", "blue"]}
PHOTO = "photo:"
PHOTOS = tuple(sorted((name for names in NAMES.values() for name in names), key=lambda name: (name != "cat", name)))
"""Those that ship, with the one first that a page begins with."""
IMAGENET = 1000
"""Classes of a network that was trained on photos."""
CUTOUT, NUCLEI = "cutout:", "nuclei:"
CUTOUTS = (
    "twitter-sunglasses",
    "google-flag-tr",
    "google-arrow-right",
    "twitter-flag-scotland",
    "google-nauseated-face",
    "google-biohazard-sign",
    "twitter-jp",
    "twitter-star-struck",
    "google-ok",
    "twitter-expressionless",
    "google-flag-kg",
    "twitter-id",
)
"""Of the held-out pictures of cut-outs those that a page offers; some of them are hard."""
THUMBNAIL = 64
"""Pixels along a side of a photo in a menu."""


@dataclass(frozen=True)
class Picture:
    """A picture and how a page names it."""

    id: str
    name: str
    label: str | None
    pixels: Image.Image
    given: bool
    """Whether it was given by the reader, so that the picture itself can be fetched."""


def read_picture(id: str, read_input: ReadInput) -> Picture:
    """The picture of an id: `sample:NAME`, `photo:NAME`, `cutout:NAME`, `nuclei:N` or `upload:ID`.

    Raises:
        GlassworkError: there is no such picture.
    """
    kind, _, name = id.partition(":")
    if kind == "sample":
        sample = data.sample(name)
        pixels = sample.picture[..., 0] if sample.picture.shape[-1] == 1 else sample.picture
        return Picture(id, readable(sample.name), sample.label, Image.fromarray(pixels), given=False)
    if kind == "photo":
        return Picture(id, name, None, Image.fromarray(photo(name).pixels), given=False)
    if kind == "cutout":
        example = held_out_example(name)
        return Picture(id, readable(name), example.kind, Image.fromarray(example.picture), given=False)
    if kind == "nuclei":
        return Picture(id, f"tile {name}", None, Image.fromarray(_tile(name)[0]), given=False)
    if kind == "upload":
        return Picture(id, "your picture", None, Image.open(io.BytesIO(read_input(name))), given=True)
    raise GlassworkError(
        f"{id!r} names no picture",
        where="the input",
        why="an input is sample:NAME, photo:NAME, cutout:NAME, nuclei:N or upload:ID",
        todo="Choose one of the pictures, or give your own.",
    )


def held_out_example(name: str) -> Example:
    """A picture put together of what was held out, by the name of its emoji.

    Raises:
        GlassworkError: there is none of this name.
    """
    found = held_out_examples()
    if name not in found:
        raise unknown("picture of cut-outs", name, list(CUTOUTS))
    return found[name]


def known_mask(id: str) -> np.ndarray | None:
    """What each pixel of a picture of ours truly is, (H, W), uint8; None where nobody says so."""
    kind, _, name = id.partition(":")
    if kind == "nuclei":
        return _tile(name)[1]
    return held_out_example(name).mask if kind == "cutout" else None


def _tile(name: str) -> tuple[np.ndarray, np.ndarray]:
    """One held-out tile of the micrograph, and the class of each of its pixels, (64, 64) each.

    Raises:
        GlassworkError: there is none of this number.
    """
    pictures, masks = nuclei.tiles("test")
    if name not in map(str, range(len(pictures))):
        raise unknown("tile of the micrograph", name, list(map(str, range(len(pictures)))))
    return pictures[int(name)], masks[int(name)]


def readable(name: str) -> str:
    """A sample's name without the data set's own numbering."""
    return name.rsplit("/", 1)[-1].replace("-", " ").replace("_", " ")


def prepare(network: Network, picture: Picture) -> Preprocessed:
    """What the network is called with.

    Raises:
        GlassworkError: nothing is known of what this network takes.
    """
    if network.preprocess is None:
        raise _takes_none(network)
    return network.preprocess(picture.pixels)


def input_card(picture: Picture, prepared: Preprocessed) -> InputCard:
    """How a page shows the input and what was done to it."""
    width, height = picture.pixels.size
    crop = next((step.values["box"] for step in prepared.steps if step.name == "crop"), (0, 0, width, height))
    left, top, right, bottom = crop
    return InputCard(
        id=picture.id,
        name=picture.name,
        label=picture.label,
        size=[width, height],
        crop=[left, top, right - left, bottom - top],
        steps=[Step(name=step.name, numbers=_numbers(step.values)) for step in prepared.steps],
        channels=CHANNELS.get(prepared.inputs[0].shape[1], []),
        picture=picture.given,
    )


def _numbers(values: dict[str, Any]) -> dict[str, float | str]:
    """What a step's words are filled with: plain values, and the sizes of pairs."""
    plain: dict[str, float | str] = {
        name: value for name, value in values.items() if isinstance(value, (int, float, str))
    }
    width, height = values.get("to", (0, 0))
    return {**plain, "width": width, "height": height} if "to" in values else plain


def stand_in(network: Network) -> str | None:
    """The sample that is shown to a network which comes without any; None if it takes no pictures that we know of."""
    return None if network.preprocess is None else data.samples(STAND_IN[network.preprocess.channels])[0]


def reads_photos(network: Network) -> bool:
    """Whether a network was trained on photos of all kinds of things, or looks for such in them."""
    if network.preprocess is None or network.preprocess.channels != 3:
        return False
    return network.detects or len(network.labels) == IMAGENET or network.target in PATCH_NETWORKS


def offered(network: Network) -> tuple[str, ...]:
    """The ids of the pictures that a network can be given at once; none if it takes no pictures that we know of."""
    if reads_photos(network):
        return tuple(f"{PHOTO}{name}" for name in PHOTOS)
    if network.card is not None and network.card.data == cutouts.NAME:
        return tuple(f"{CUTOUT}{name}" for name in CUTOUTS)
    if network.card is not None and network.card.data == nuclei.NAME:
        return tuple(f"{NUCLEI}{i}" for i in range(len(nuclei.tiles("test")[0])))
    if network.samples or network.preprocess is None:
        return tuple(f"sample:{name}" for name in network.samples)
    return tuple(f"sample:{name}" for name in data.samples(STAND_IN[network.preprocess.channels]))


def first_input(network: Network) -> str:
    """The picture to begin with: the network's first sample, or one of ours that it can read.

    Raises:
        GlassworkError: it takes no pictures that we know of.
    """
    ids = offered(network)
    if not ids:
        raise _takes_none(network)
    return ids[0]


def _takes_none(network: Network) -> GlassworkError:
    return GlassworkError(
        f"{network.title} takes no pictures that we know of",
        where=network.target,
        why="nothing declares its preprocessing",
        todo="Open a network that takes pictures.",
    )


def thumbnails(ids: tuple[str, ...]) -> np.ndarray:
    """Pictures that ship, for a menu: photos as small squares, samples as their data set has them.

    Returns:
        uint8, (count, height, width, colours).
    """
    if not ids:
        return np.zeros((0, 1, 1, 1), np.uint8)
    if ids[0].startswith(PHOTO):
        small = Preprocessing(THUMBNAIL, 3)
        return np.stack([small(photo(id.removeprefix(PHOTO)).pixels).picture for id in ids])
    if ids[0].startswith(CUTOUT):
        return np.stack([held_out_example(id.removeprefix(CUTOUT)).picture for id in ids])
    if ids[0].startswith(NUCLEI):
        return np.stack([_tile(id.removeprefix(NUCLEI))[0][..., None] for id in ids])
    return np.stack([data.sample(id).picture for id in ids])
