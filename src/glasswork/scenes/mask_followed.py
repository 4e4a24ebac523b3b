"""Which class of a mask is followed, and which pixel."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from glasswork.errors import GlassworkError


def followed_class(wanted: int | None, truth: np.ndarray | None, guess: Tensor) -> int:
    """The class that is followed: the wanted one, or the first of most pixels that is not the ground.

    Args:
        wanted: what was asked for.
        truth: of each pixel, (H, W), where it is known; else what the network tells counts.
        guess: the logits, (K, H, W).

    Raises:
        GlassworkError: there is no such class.
    """
    classes = len(guess)
    if wanted is not None:
        if not 0 <= wanted < classes:
            raise GlassworkError(f"there is no class {wanted}", where="the mask", why=f"there are {classes}, from 0 on")
        return wanted
    counts = np.bincount((guess.argmax(0).numpy() if truth is None else truth).flatten(), minlength=classes)
    return int(counts[1:].argmax()) + 1 if classes > 1 and counts[1:].any() else min(1, classes - 1)


def followed_pixel(wanted: list[int] | None, logits: Tensor) -> tuple[int, int]:
    """Row and column of the pixel whose logit is followed: the wanted one, or that of the largest logit.

    Args:
        wanted: what was asked for.
        logits: of the followed class, (H, W).

    Raises:
        GlassworkError: there is no such pixel.
    """
    rows, columns = logits.shape
    if wanted is None:
        return divmod(int(logits.argmax()), columns)
    if len(wanted) != 2 or not (0 <= wanted[0] < rows and 0 <= wanted[1] < columns):
        raise GlassworkError(f"there is no pixel {wanted}", where="the mask", why=f"it has {rows} × {columns}")
    return wanted[0], wanted[1]
