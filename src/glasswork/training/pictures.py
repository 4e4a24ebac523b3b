"""The pictures that a classifier learns from: in memory where they fit, else read while it learns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from glasswork.data import Dataset
from glasswork.data.given import BrokenPictureError, PictureFiles, Problem, ShardFiles
from glasswork.training.dividing import divided
from glasswork.zoo import Preprocessing

MOST_BYTES = 1 << 30  # of pictures held in memory, as float32
Files = PictureFiles | ShardFiles
READERS = 4  # threads; decoders let others work meanwhile


def as_tensor(pictures: np.ndarray) -> Tensor:
    """uint8 (N, H, W, C) -> float32 (N, C, H, W), 0..1; RGBA becomes premultiplied by its alpha."""
    x = torch.tensor(pictures.transpose(0, 3, 1, 2), dtype=torch.float32).div_(255)  # (N, C, H, W)
    if x.shape[1] == 4:
        x[:, :3] *= x[:, 3:]
    return x


def fitted(dataset: Dataset, prepare: Preprocessing) -> Dataset:
    """The same pictures as another network expects them: its size, its channels."""
    pictures = np.stack([prepare(picture).picture for picture in dataset.pictures])
    return Dataset(**{**vars(dataset), "pictures": pictures})


@dataclass
class Decoded:
    """Picture files as a network expects them, decoded when they are asked for; the next ones are read ahead.

    Attributes:
        files: which ones.
        prepare: to what size and channels.
        labels: (N,).
        classes: the name of each.
        names: of the pictures.
        light_on_dark: never known of files.
    """

    files: Files
    prepare: Preprocessing
    light_on_dark: bool = False
    _ahead: dict[bytes, list[Future[np.ndarray]]] = field(default_factory=dict, repr=False)
    _readers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(READERS), repr=False)

    def __len__(self) -> int:
        return len(self.files)

    @property
    def labels(self) -> np.ndarray:
        """The classes' numbers, (N,)."""
        return self.files.labels

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes' names."""
        return self.files.classes

    @property
    def names(self) -> Sequence[str]:
        """The files' paths."""
        return self.files.paths

    def read_ahead(self, index: np.ndarray) -> None:
        """Begin to decode these, which are asked for next."""
        key = index.tobytes()
        if key not in self._ahead:
            self._ahead[key] = [self._readers.submit(self._pixels, int(i)) for i in index]

    def inputs(self, index: np.ndarray) -> Tensor:
        """Pictures, (B, C, H, W), 0..1.

        Raises:
            BrokenPictureError: one of them can't be read.
        """
        self.read_ahead(index)
        found = [future.result() for future in self._ahead.pop(index.tobytes())]
        return as_tensor(np.stack(found)) if found else torch.zeros(0)

    def _pixels(self, index: int) -> np.ndarray:
        return self.prepare(self.files.open(index)).picture


@dataclass
class Held:
    """Pictures in memory."""

    dataset: Dataset

    def __post_init__(self) -> None:
        self._x: Tensor | None = None
        self.labels, self.classes = self.dataset.labels, self.dataset.classes
        self.names, self.light_on_dark = self.dataset.names, self.dataset.light_on_dark

    def __len__(self) -> int:
        return len(self.dataset)

    def read_ahead(self, index: np.ndarray) -> None:
        """Nothing is to be read."""

    def inputs(self, index: np.ndarray) -> Tensor:
        """Pictures, (B, C, H, W), 0..1; with four channels, premultiplied."""
        if self._x is None:
            self._x = as_tensor(self.dataset.pictures)
        return self._x[torch.from_numpy(index)]


Pictures = Held | Decoded


def parts(files: Files, held_out: float, aside: float) -> tuple[dict[str, Files], list[Problem]]:
    """Picture files in those to train on, those set aside and those held out.

    Where the folder names its parts, they are taken. What is missing is made of the training pictures: of each class
    the same share, chosen by the files' contents, so that two files of one content are always in the same part, and the
    same files always give the same parts.

    Args:
        files: all of them.
        held_out: which share is held out, 0..1.
        aside: which share of the rest is set aside to choose the checkpoint by.

    Returns:
        "train", "validation" and "test"; and the files that can't be read.
    """
    problems: list[Problem] = []
    chosen: dict[str, list[int]] = {"train": [], "validation": [], "test": []}
    for i, part in enumerate(files.splits):
        chosen[part or "train"].append(i)
    if not chosen["test"]:
        chosen["train"], chosen["test"] = _divided(files, chosen["train"], held_out, problems)
    if not chosen["validation"]:
        chosen["train"], chosen["validation"] = _divided(files, chosen["train"], aside, problems)
    return {name: files.take(index) for name, index in chosen.items()}, problems


def _divided(
    files: Files, indices: Sequence[int], share: float, problems: list[Problem]
) -> tuple[list[int], list[int]]:
    """Most of the pictures, and of each class a share; whole groups of files of one content."""
    if not share:
        return list(indices), []
    good, digests = [], []
    for i in indices:
        try:
            digests.append(files.digest(i))
            good.append(i)
        except BrokenPictureError as error:
            problems.append(Problem(files.paths[i], error.why))
    return divided(good, files.labels[good], digests, share)


def load(
    files: Files, prepare: Preprocessing, problems: list[Problem], broken: Collection[str] | None = None
) -> Pictures:
    """Decode all of them into memory, where they fit; else they are decoded when they are asked for.

    Args:
        files: which ones.
        prepare: to what size and channels.
        problems: what can't be read is appended here, and left out. Of those that are decoded later nobody knows yet.
        broken: the paths of those that can't be read, where that is known; then all are decoded when asked for.
    """
    if broken is not None:
        return Decoded(files.take([i for i, path in enumerate(files.paths) if path not in broken]), prepare)
    if 4 * len(files) * prepare.size**2 * prepare.channels > MOST_BYTES:
        return Decoded(files, prepare)
    good, found = [], []

    def pixels(i: int) -> np.ndarray | Problem:
        try:
            return prepare(files.open(i)).picture
        except BrokenPictureError as error:
            return Problem(files.paths[i], error.why)

    with ThreadPoolExecutor(READERS) as readers:
        for i, result in enumerate(readers.map(pixels, range(len(files)))):
            if isinstance(result, Problem):
                problems.append(result)
            else:
                good.append(i)
                found.append(result)
    kept = files.take(good)
    shape = (0, prepare.size, prepare.size, prepare.channels)
    return Held(
        Dataset(
            name=files.spec,
            split="",
            pictures=np.stack(found) if found else np.zeros(shape, np.uint8),
            labels=kept.labels,
            classes=kept.classes,
            names=tuple(kept.paths),
            groups=tuple(kept.paths),
            light_on_dark=False,
        )
    )
