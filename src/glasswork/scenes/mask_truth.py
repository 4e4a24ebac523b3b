"""What each pixel of a picture truly is, where somebody says so: the set it is from, or a mask of the reader's."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
from PIL import Image
from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.scenes.mask_followed import followed_class
from glasswork.scenes.mask_scores import read_runs
from glasswork.scenes.messages import masks as k
from glasswork.scenes.pictures import Picture, ReadInput, known_mask

WHITE = 128
"""From this grey value on a pixel of a mask that was given as a picture is of the followed class."""


def find_truth(
    request: k.OpenMask, picture: Picture, guess: Tensor, read_input: ReadInput
) -> tuple[np.ndarray | None, Literal["known", "own", ""]]:
    """What each pixel truly is, (H, W), uint8, and who says so; nothing where nobody does.

    Args:
        request: may name a mask.
        picture: that the mask is of.
        guess: the logits, (K, H, W).
        read_input: reads what was given.

    Raises:
        GlassworkError: the mask that was given is of another size, or names a class that there is not.
    """
    classes, side = guess.shape[0], guess.shape[-1]
    if request.mask is None:
        known = known_mask(picture.id)
        fits = known is not None and known.shape == guess.shape[1:] and int(known.max()) < classes
        return (known, "known") if fits else (None, "")
    kind, _, id = request.mask.partition(":")
    if kind != "upload" or not id:
        return read_runs(request.mask, side, classes), "own"
    image = Image.open(io.BytesIO(read_input(id)))
    if image.size != picture.pixels.size:
        raise GlassworkError(
            "the mask is of another size than the picture",
            where="the mask",
            why="it is {} × {} pixels, the picture {} × {}".format(*image.size, *picture.pixels.size),
            todo="Give the mask that belongs to this picture, of the same width and height.",
        )
    square = min(image.size)
    left, top = (image.width - square) // 2, (image.height - square) // 2
    cut = image.convert("L").crop((left, top, left + square, top + square))
    grey = np.asarray(cut.resize((side, side), Image.Resampling.NEAREST))
    odd = grey[(grey >= classes) & (grey < WHITE)]
    if len(odd):
        raise GlassworkError(
            f"the mask has the grey value {int(odd[0])}, which names no class",
            where="the mask",
            why=f"values from 0 to {classes - 1} are classes, from {WHITE} on the followed one",
            todo="Save it with these values, without compression that changes them.",
        )
    return np.where(grey >= WHITE, followed_class(request.kind, None, guess), grey).astype(np.uint8), "own"
