"""Emoji in ten classes that one can see, 64x64 RGBA, in the styles of Twemoji and of Noto.

An emoji's two styles, its skin tones, its man, woman and person, and its mirror image are one group, and fall on one
side of the split (scripts/emoji_classes.py).
"""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
from PIL import Image

from glasswork.data._dataset import Dataset
from glasswork.data._registry import source
from glasswork.data._shipped import read_shipped

CLASSES = ("face", "person", "hand", "animal", "plant", "dish", "vehicle", "clothing", "flag", "sign")
SIZE = 64


def _cells(style: str, category: str) -> np.ndarray:
    """All pictures of a sheet, (cells, 64, 64, 4), row by row."""
    with Image.open(io.BytesIO(read_shipped(f"emoji/{style}-{category}.webp"))) as file:
        sheet = np.array(file.convert("RGBA"))
    rows, columns = sheet.shape[0] // SIZE, sheet.shape[1] // SIZE
    return sheet.reshape(rows, SIZE, columns, SIZE, 4).swapaxes(1, 2).reshape(-1, SIZE, SIZE, 4)


@source(
    "emoji",
    what="emoji, 64x64 RGBA, two styles, ten classes; an emoji and its variants fall on one side of the split",
    classes=CLASSES,
    counts={"train": 1_902, "test": 442},
)
def emoji(split: str) -> Dataset:
    """Read the emoji to train on, or those held out."""
    rows: list[dict[str, Any]] = [row for row in json.loads(read_shipped("emoji/index.json")) if row["split"] == split]
    sheets = {key: _cells(*key) for key in sorted({(row["style"], row["class"]) for row in rows})}
    return Dataset(
        name="emoji",
        split=split,
        pictures=np.stack([sheets[row["style"], row["class"]][row["cell"]] for row in rows]),  # (N, 64, 64, 4)
        labels=np.array([CLASSES.index(row["class"]) for row in rows], np.int64),
        classes=CLASSES,
        names=tuple(f"{row['style']}-{row['name']}" for row in rows),
        groups=tuple(row["group"] for row in rows),
        light_on_dark=False,
    )
