"""A stranger's folder of pictures: some of Fashion-MNIST's test pictures as PNG files, a folder for each class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from glasswork import data

APART = ("t-shirt", "trouser", "dress", "bag", "ankle boot")
"""Five that are seldom taken for one another; the upper garments are."""


def clothes(root: Path, kinds: tuple[str, ...] = APART, each: int = 30) -> Path:
    """Write a folder; no network that ships has learned from these pictures."""
    held_out = data.load("fashion-mnist", "test")
    for kind in kinds:
        folder = root / kind
        folder.mkdir(parents=True)
        for number, i in enumerate(np.flatnonzero(held_out.labels == held_out.classes.index(kind))[:each]):
            Image.fromarray(held_out.pictures[i, ..., 0]).save(folder / f"{number:03}.png")
    return root
