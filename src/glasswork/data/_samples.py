"""The pictures that the app offers first: a few held-out ones of each data set, fixed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from glasswork.data._dataset import Dataset, on_white
from glasswork.data._registry import load, names
from glasswork.errors import unknown

# in each set a picture or two that networks find hard, since a page that only shows successes misleads
CHOSEN = {
    "emoji": (
        "twitter-car",
        "google-service-dog",
        "twitter-sunglasses",
        "google-cactus",
        "twitter-guardsman",
        "google-ramen",
        "google-dress",
        "twitter-raised-back-of-hand",
        "google-flag-tr",
        "twitter-arrow-right",
        "twitter-four-leaf-clover",
        "google-fire-engine",
        "google-butterfly",
        "twitter-owl",
    ),
    "emoji-captions": (
        "flat-butterfly",
        "shaded-cat-face",
        "flat-face-with-thermometer",
        "shaded-green-heart",
        "flat-watermelon",
        "shaded-cupcake",
        "flat-ship",
        "shaded-desert",
        "flat-soccer-ball",
        "shaded-guitar",
        "flat-camera",
        "shaded-prohibited",
        "flat-flag-lebanon",
        "shaded-man-beard",
    ),
    "fashion-mnist": (
        "fashion-test-83",
        "fashion-test-1",
        "fashion-test-13",
        "fashion-test-31",
        "fashion-test-7",
        "fashion-test-36",
        "fashion-test-82",
        "fashion-test-5",
        "fashion-test-17",
        "fashion-test-96",
        "fashion-test-30",
        "fashion-test-155",
        "fashion-test-183",
        "fashion-test-271",
    ),
    "mnist": (
        "mnist-0",
        "mnist-1003",
        "mnist-2132",
        "mnist-3119",
        "mnist-4160",
        "mnist-5168",
        "mnist-6014",
        "mnist-7012",
        "mnist-8084",
        "mnist-9034",
        "mnist-2142",
        "mnist-4210",
        "mnist-7029",
        "mnist-9094",
    ),
}


@dataclass(frozen=True)
class Sample:
    """One held-out picture.

    Attributes:
        name: the picture's name within its data set; `sample:NAME` is its address.
        data: the data set's name.
        picture: uint8, (H, W, 1) or (H, W, 3); alpha is already composited on white.
        label: its true class.
    """

    name: str
    data: str
    picture: np.ndarray
    label: str
    label_index: int


@cache
def _held_out(data: str) -> tuple[Dataset, dict[str, int]]:
    dataset = load(data, "test")
    return dataset, {name: i for i, name in enumerate(dataset.names)}


def samples(data: str) -> list[str]:
    """The names of the pictures that the app offers for a data set, twelve to sixteen of its held-out ones.

    Raises:
        GlassworkError: no such data set.
    """
    if data not in names():
        raise unknown("data set", data, names())
    return list(CHOSEN[data])


def sample(name: str) -> Sample:
    """Any held-out picture by its name, with or without `sample:` before it.

    Raises:
        GlassworkError: no data set holds out a picture of this name.
    """
    name = name.removeprefix("sample:")
    for data in names():
        dataset, indices = _held_out(data)
        if name in indices:
            i = indices[name]
            label = int(dataset.labels[i])
            return Sample(name, data, on_white(dataset.pictures[i]), dataset.classes[label], label)
    raise unknown("sample", name, [name for data in names() for name in samples(data)])
