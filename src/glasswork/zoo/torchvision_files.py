"""The files of weights that torchvision publishes: which belongs to a name, where PyTorch keeps it, how it gets there.

The name of such a file ends in the first eight digits of its sha256. PyTorch compares no more than these, and only
after a download; here they are compared whenever a file is read.
"""

from __future__ import annotations

import re
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.zoo.fetching import Progress, begins_with, download, length
from glasswork.zoo.preprocessing import Preprocessing

_DIGITS = re.compile(r"-([0-9a-f]{8,64})\.pth")
_MEGABYTE = 1 << 20
_SLACK = 1.02  # a card names a size in megabytes to three digits
_ELSEWHERE = ("GoogLeNet_Weights", "Inception_V3_Weights")  # trained elsewhere, on numbers from -1 to 1

Answer = TypeVar("Answer")


def published(name: str, size: int | None = None) -> Any:
    """torchvision's entry for the weights of a network: an address, a preprocessing, classes, figures.

    Args:
        name: one of torchvision.models.list_models().
        size: rows and columns of the pictures that they must fit, where that matters.

    Returns:
        The entry that torchvision takes by default, or, where that is for pictures of another size, the first that is
        for this one; None when there is none.
    """
    from torchvision import models  # a second of import, for these networks only

    if name not in models.list_models():
        return None
    choices = list(models.get_model_weights(name))
    if not choices:
        return None
    best = getattr(type(choices[0]), "DEFAULT", choices[0])
    fits = (one for one in (best, *choices) if size is None or one.transforms().crop_size == [size])
    return next(fits, None)


def kept_at(entry: Any) -> Path:
    """Where PyTorch keeps the file (TORCH_HOME), whether it is here or not."""
    return Path(torch.hub.get_dir()) / "checkpoints" / entry.url.rsplit("/", 1)[-1]


def preprocessing(entry: Any, *, converts: bool = True) -> Preprocessing:
    """What these weights expect of a photograph.

    Args:
        entry: see published.
        converts: whether the network that has them turns numbers prepared as torchvision prepares them into those that
            the weights were trained on; torchvision's own GoogLeNet and Inception do, ours take what they are given.
    """
    transforms = entry.transforms()
    mean, std = tuple(transforms.mean), tuple(transforms.std)
    if not converts and type(entry).__name__ in _ELSEWHERE:
        mean, std = (0.5,) * 3, (0.5,) * 3
    return Preprocessing(
        size=transforms.crop_size[0],
        channels=3,
        shorter_side=transforms.resize_size[0],
        filter=transforms.interpolation.value,
        mean=mean,
        std=std,
    )


def read(name: str, entry: Any) -> dict[str, Tensor]:
    """The weights by torchvision's names.

    Args:
        name: of the network, for the error.
        entry: whose file is here.

    Raises:
        GlassworkError: the file is not the one that was published.
    """
    path = kept_at(entry)
    if not begins_with(path, _digits(path)):
        raise GlassworkError(
            f"the weights of {name} were changed or damaged",
            where=str(path),
            why=f"their sha256 does not begin with {_digits(path)}, as their name says",
            todo=f"glasswork data fetch {name} gets them again.",
        )
    return torch.load(path, map_location="cpu", weights_only=True)


def fetch(name: str, entry: Any, progress: Progress = lambda done, total: None) -> Path:
    """Bring the file to where PyTorch, and so Glasswork, looks for it; nothing happens when it is there and whole.

    Args:
        name: of the network, for the error.
        entry: see published.
        progress: see fetching.download.

    Raises:
        GlassworkError: it can't be fetched; says what is missing, and how to bring it here by hand.
    """
    path = kept_at(entry)
    if path.is_file() and begins_with(path, _digits(path)):
        return path
    most = round(entry.meta["_file_size"] * _MEGABYTE * _SLACK)
    todo = f"Off line: where there is internet, fetch {entry.url}, put it into {path.parent}, and run this again."
    size = _reached(lambda: length(entry.url), f"the weights of {name} are missing", todo)
    if not 0 < size <= most:
        why = f"torchvision names {entry.meta['_file_size']:,.0f} MB; {size:,} bytes are offered"
        raise GlassworkError(f"the weights of {name} are not fetched", where=entry.url, why=why)
    download(entry.url, path, sha256=_digits(path), size=size, progress=progress)
    return path


def _digits(path: Path) -> str:
    found = _DIGITS.search(path.name)
    if not found:
        raise GlassworkError(f"{path.name} can't be checked", why="its name holds no digits of its hash")
    return found[1]


def _reached(ask: Callable[[], Answer], what: str, todo: str) -> Answer:
    try:
        return ask()
    except (urllib.error.URLError, OSError, ValueError) as error:
        why = f"{type(error).__name__}: {getattr(error, 'reason', None) or error}"
        raise GlassworkError(what, why=why[:300], todo=todo) from error
