"""A few photos, small: backgrounds to paste things on, and something to convolve.

A photo is of one part as a whole, so that no crop of what is tested on was ever trained on.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from glasswork.data._registry import listed
from glasswork.data._shipped import read_shipped
from glasswork.errors import unknown

NAMES = {
    "train": ("astronaut", "coffee", "coins", "grass", "gravel", "hubble", "retina", "rocket", "tissue"),
    "validation": ("camera",),
    "test": ("brick", "cat", "flower", "temple"),
}

listed(
    "photos",
    what="photos of 192 pixels on the shorter side: a person, things, textures; one is for choosing, four are held out",
    counts={split: len(names) for split, names in NAMES.items()},
    of="photos",
)


@dataclass(frozen=True)
class Photo:
    """One photo.

    Attributes:
        name: what it shows.
        pixels: uint8, (H, W, 3).
    """

    name: str
    pixels: np.ndarray


@cache
def load_photos(split: str) -> tuple[Photo, ...]:
    """The photos of one part.

    Raises:
        GlassworkError: there is no such part, or a file is missing or changed.
    """
    if split not in NAMES:
        raise unknown("split of photos", split, list(NAMES))
    return tuple(Photo(name, _pixels(split, name)) for name in NAMES[split])


def photo(name: str) -> Photo:
    """One photo by its name, of whichever part.

    Raises:
        GlassworkError: there is none of this name.
    """
    for split, names in NAMES.items():
        if name in names:
            return load_photos(split)[names.index(name)]
    raise unknown("photo", name, [name for names in NAMES.values() for name in names])


def _pixels(split: str, name: str) -> np.ndarray:
    with Image.open(io.BytesIO(read_shipped(f"photos/{split}-{name}.webp"))) as file:
        pixels = np.array(file.convert("RGB"))
    pixels.flags.writeable = False  # everyone is handed the same array
    return pixels
