"""Labelled picture files: where they are, and what they show; they are opened one by one when they are needed."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, UnidentifiedImageError

from glasswork.data.given.files import Problem, inside
from glasswork.errors import GlassworkError
from glasswork.file_signatures import ENOUGH, recognise

FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp"})
MOST_PIXELS = 40_000_000
MOST_BYTES = 200 << 20


class BrokenPictureError(GlassworkError):
    """A file that can't be read as a picture."""


@dataclass(frozen=True)
class PictureFiles:
    """Pictures on the disk.

    Attributes:
        spec: what was asked for, such as folder:photos.
        root: the folder that they are below.
        paths: of each picture, below the root, with forward slashes.
        labels: int64, (N,); indices into classes.
        classes: the name of each class.
        splits: of each picture: train, validation, test, or empty where the folder has no such parts.
        problems: files that are not used.
        empty: classes whose folders hold no picture; they are none of `classes`.
    """

    spec: str
    root: Path
    paths: tuple[str, ...]
    labels: np.ndarray
    classes: tuple[str, ...]
    splits: tuple[str, ...]
    problems: tuple[Problem, ...] = ()
    empty: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, indices: Sequence[int] | np.ndarray) -> PictureFiles:
        """The pictures at these indices, in this order."""
        return replace(
            self,
            paths=tuple(self.paths[i] for i in indices),
            labels=self.labels[np.asarray(indices, np.int64)],
            splits=tuple(self.splits[i] for i in indices),
        )

    def open(self, index: int) -> Image.Image:
        """One picture, decoded.

        Raises:
            BrokenPictureError: it can't be.
        """
        return open_picture(self.root, self.paths[index])

    def digest(self, index: int) -> str:
        """sha256 of one file: two files of the same content are the same example.

        Raises:
            BrokenPictureError: it can't be read.
        """
        path = self.root / self.paths[index]
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise broken(self.paths[index], error.strerror or str(error)) from error


def open_picture(root: Path, below: str) -> Image.Image:
    """Decode a picture file whole.

    Args:
        root: resolved; the file must lie below it.
        below: the file's path below the root.

    Raises:
        BrokenPictureError: it lies elsewhere, is none, is broken, or is too large.
    """
    path = root / below
    if why := inside(root, path):
        raise broken(below, why)
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise broken(below, f"it has {size:,} bytes; {MOST_BYTES:,} are read")
    except OSError as error:
        raise broken(below, error.strerror or str(error)) from error
    return decoded(path, below)


def decoded(source: Path | BinaryIO, below: str) -> Image.Image:
    """Decode a picture whole.

    Args:
        source: the file, or its bytes.
        below: what to call it.

    Raises:
        BrokenPictureError: it is none, is broken, or is too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, about sizes and odd metadata: we have limits of our own
            with Image.open(source, formats=FORMATS) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise broken(below, f"it is {image.width}x{image.height}; {MOST_PIXELS:,} pixels are read")
                image.load()
                return image.copy() if getattr(image, "n_frames", 1) == 1 else image.convert("RGBA")
    except BrokenPictureError:
        raise
    except UnidentifiedImageError as error:
        raise broken(below, recognise(_beginning(source))) from error
    except Exception as error:  # decoders raise anything at all on broken bytes
        why = str(error).replace(str(source), below) or type(error).__name__
        raise broken(below, why) from error


def _beginning(source: Path | BinaryIO) -> bytes:
    if isinstance(source, Path):
        with source.open("rb") as file:
            return file.read(ENOUGH)
    source.seek(0)
    return source.read(ENOUGH)


def broken(below: str, why: str) -> BrokenPictureError:
    """The error for a picture, with what to do."""
    return BrokenPictureError(
        "a picture can't be read", where=below, why=why, todo="Mend or remove it; `glasswork data look` lists them all."
    )
