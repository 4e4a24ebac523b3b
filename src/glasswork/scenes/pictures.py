"""The picture that a scene is about: one that ships or one that was given, and what the network sees of it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from glasswork import data
from glasswork.errors import GlassworkError
from glasswork.scenes.messages import InputCard, Step
from glasswork.zoo import Network, Preprocessed

ReadInput = Callable[[str], bytes]
"""The PNG of a picture that was given, by its id."""
CHANNELS = {1: ["grey"], 3: ["red", "green", "blue"]}


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
    """The picture of an id: `sample:NAME` or `upload:ID`.

    Raises:
        GlassworkError: there is no such picture.
    """
    kind, _, name = id.partition(":")
    if kind == "sample":
        sample = data.sample(name)
        pixels = sample.picture[..., 0] if sample.picture.shape[-1] == 1 else sample.picture
        return Picture(id, readable(sample.name), sample.label, Image.fromarray(pixels), given=False)
    if kind == "upload":
        return Picture(id, "your picture", None, Image.open(io.BytesIO(read_input(name))), given=True)
    raise GlassworkError(
        f"{id!r} names no picture",
        where="the input",
        why="an input is sample:NAME or upload:ID",
        todo="Choose one of the pictures, or give your own.",
    )


def readable(name: str) -> str:
    """A sample's name without the data set's own numbering."""
    return name.rsplit("/", 1)[-1].replace("-", " ").replace("_", " ")


def prepare(network: Network, picture: Picture) -> Preprocessed:
    """What the network is called with.

    Raises:
        GlassworkError: nothing is known of what this network takes.
    """
    if network.preprocess is None:
        raise GlassworkError(
            f"{network.title} takes no pictures that we know of",
            where=network.target,
            why="nothing declares its preprocessing",
            todo="Open a network that takes pictures.",
        )
    return network.preprocess(picture.pixels)


def input_card(picture: Picture, prepared: Preprocessed) -> InputCard:
    """How a page shows the input and what was done to it."""
    width, height = picture.pixels.size
    crop = next((step.values["box"] for step in prepared.steps if step.name == "crop"), (0, 0, width, height))
    left, top, right, bottom = crop
    rows, columns = prepared.inputs[0].shape[-2:]
    steps = [Step(name=step.name, numbers={}) for step in prepared.steps if step.name != "resize"]
    steps.append(Step(name="resize", numbers={"width": columns, "height": rows}))
    return InputCard(
        id=picture.id,
        name=picture.name,
        label=picture.label,
        size=[width, height],
        crop=[left, top, right - left, bottom - top],
        steps=steps,
        channels=CHANNELS.get(prepared.inputs[0].shape[1], []),
        picture=picture.given,
    )


def sample_pictures(network: Network) -> np.ndarray:
    """The network's samples as it sees them, uint8 (count, height, width, colours)."""
    pictures = [data.sample(name).picture for name in network.samples]
    return np.stack(pictures) if pictures else np.zeros((0, 1, 1, 1), np.uint8)
