"""One fluorescence micrograph of 125 nuclei, 512x512, each of them labelled: the one real picture of its field here.

What is held out is a region of it, with a gap between the regions. One picture is one picture: what is measured on its
right says how well a network goes on with this very slide, and nothing of another microscope.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from glasswork.data._registry import listed
from glasswork.data._shipped import read_shipped
from glasswork.errors import unknown

NAME = "nuclei"
CLASSES = ("background", "nucleus")
REGIONS = {"train": (0, 288), "validation": (304, 368), "test": (384, 512)}
"""The first column of each, and the one after its last."""
TILE = 64

listed(
    NAME,
    what="one micrograph, 512x512, 125 labelled nuclei; by region: the left is learned from, the right is held out",
    counts={"train": 36, "validation": 8, "test": 16},
    of="tiles",
)


def load_nuclei(split: str) -> tuple[np.ndarray, np.ndarray]:
    """One region of the picture.

    Returns:
        Its values, uint8, (512, W), and the class of each pixel, uint8, (512, W).

    Raises:
        GlassworkError: there is no such part, or a file is missing or changed.
    """
    if split not in REGIONS:
        raise unknown(f"split of {NAME}", split, list(REGIONS))
    first, end = REGIONS[split]
    picture, labels = (_read(name)[:, first:end] for name in ("picture", "labels"))
    return picture, (labels > 0).astype(np.uint8)


def tiles(split: str) -> tuple[np.ndarray, np.ndarray]:
    """The region in tiles that do not overlap: values and classes, uint8, (N, 64, 64) each, row by row."""
    return tuple(_cut(part) for part in load_nuclei(split))  # pyright: ignore[reportReturnType]


def _cut(part: np.ndarray) -> np.ndarray:
    rows, columns = (size // TILE for size in part.shape)
    part = part[: rows * TILE, : columns * TILE]
    return part.reshape(rows, TILE, columns, TILE).swapaxes(1, 2).reshape(-1, TILE, TILE)


def _read(name: str) -> np.ndarray:
    with Image.open(io.BytesIO(read_shipped(f"{NAME}/{name}.webp"))) as file:
        return np.array(file)[..., 0]
