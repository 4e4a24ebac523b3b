"""A split of a data set, in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Dataset:
    """Labelled pictures.

    Attributes:
        name: the data set's name, such as "emoji".
        split: "train" or "test".
        pictures: uint8, (N, H, W, C); C is 1 (grey), 3 (RGB) or 4 (RGBA, colour not premultiplied).
        labels: int64, (N,); indices into classes.
        classes: the name of each class.
        names: the name of each picture, unique within the data set.
        light_on_dark: whether the things shown are bright on black, as MNIST's digits are.
        groups: which pictures belong together (one emoji in all its forms), so that no later split parts them.
    """

    name: str
    split: str
    pictures: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    names: tuple[str, ...]
    groups: tuple[str, ...]
    light_on_dark: bool

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> Dataset:
        """The pictures at these indices, (K,), in this order."""
        return replace(
            self,
            pictures=self.pictures[indices],
            labels=self.labels[indices],
            names=tuple(self.names[i] for i in indices),
            groups=tuple(self.groups[i] for i in indices),
        )


def on_white(pictures: np.ndarray) -> np.ndarray:
    """Composite RGBA on white; pictures without alpha are returned as they are.

    Args:
        pictures: uint8, (..., H, W, C).

    Returns:
        uint8, (..., H, W, 3) when C was 4.
    """
    if pictures.shape[-1] != 4:
        return pictures
    alpha = pictures[..., 3:].astype(np.uint32)
    colour = pictures[..., :3].astype(np.uint32)
    return ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
