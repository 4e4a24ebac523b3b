"""Fashion-MNIST (Xiao et al. 2017, arXiv:1708.07747): 60,000 + 10,000 pictures of clothes.

The official 10,000 test pictures ship. The 60,000 for training are read from where they are installed.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import platformdirs

from glasswork.data._dataset import Dataset
from glasswork.data._registry import source
from glasswork.data._shipped import parse_idx, read_shipped
from glasswork.errors import GlassworkError

CLASSES = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
TRAIN_FILES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")


def folders() -> list[Path]:
    """Where the 60,000 are looked for, in this order: torchvision's layout below a data root, then Debian's package."""
    roots = [Path(platformdirs.user_cache_dir("glasswork")) / "data", Path("data")]
    if "GLASSWORK_DATA" in os.environ:
        roots.insert(0, Path(os.environ["GLASSWORK_DATA"]))
    return [root / "FashionMNIST" / "raw" for root in roots] + [Path("/usr/share/datasets/fashion-mnist")]


def _training_folder() -> Path | None:
    return next((folder for folder in folders() if all((folder / name).is_file() for name in TRAIN_FILES)), None)


def _training_files() -> tuple[bytes, bytes]:
    folder = _training_folder()
    if folder is None:
        raise GlassworkError(
            "the 60,000 training pictures of Fashion-MNIST are not on this machine",
            where=", ".join(str(folder) for folder in folders()),
            why=f"none of these folders holds {' and '.join(TRAIN_FILES)}; only the 10,000 test pictures ship",
            todo="On Debian: apt install dataset-fashion-mnist. Elsewhere: torchvision.datasets.FashionMNIST(ROOT, "
            "download=True), then set GLASSWORK_DATA=ROOT.",
        )
    images, labels = ((folder / name).read_bytes() for name in TRAIN_FILES)
    return images, labels


@source(
    "fashion-mnist",
    what="clothes, 28x28 grey, white on black; the official split",
    classes=CLASSES,
    counts={"train": 60_000, "test": 10_000},
    available=lambda split: split == "test" or _training_folder() is not None,
)
def fashion_mnist(split: str) -> Dataset:
    """Read the official training or test split."""
    if split == "test":
        images = read_shipped("fashion-mnist/t10k-images-idx3-ubyte.gz")
        labels = read_shipped("fashion-mnist/t10k-labels-idx1-ubyte.gz")
    else:
        images, labels = _training_files()
    pictures = parse_idx(images, f"Fashion-MNIST {split} pictures")
    names = tuple(f"fashion-{split}-{i}" for i in range(len(pictures)))
    return Dataset(
        name="fashion-mnist",
        split=split,
        pictures=pictures[..., None],  # (N, 28, 28, 1)
        labels=parse_idx(labels, f"Fashion-MNIST {split} labels").astype(np.int64),
        classes=CLASSES,
        names=names,
        groups=names,
        light_on_dark=True,
    )
