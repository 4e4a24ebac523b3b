"""Pictures with captions: captioned:DIR, where NAME.txt stands beside NAME.png, each of its lines a way to say it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from glasswork.data.given.files import Problem, existing, inside, walk
from glasswork.data.given.pictures import SUFFIXES
from glasswork.errors import GlassworkError

FORM = "captioned:DIR"
MOST_BYTES = 100_000  # of one file of captions
MOST_LETTERS = 1_000  # of one caption
HELD_OUT = 10  # every so many pictures one, at least


@dataclass(frozen=True)
class CaptionedFiles:
    """Captioned pictures on the disk.

    Attributes:
        root: the folder that they are below.
        paths: of each picture, below the root, with forward slashes.
        texts: what is said of each.
        held_out: of each, whether it is never trained on: fixed by a hash of its path.
        problems: files that are not used.
    """

    root: Path
    paths: tuple[str, ...]
    texts: tuple[tuple[str, ...], ...]
    held_out: tuple[bool, ...]
    problems: tuple[Problem, ...]


def is_captioned(spec: str) -> bool:
    """Whether a data set is one's own folder of captioned pictures."""
    return spec.startswith("captioned:")


def read_captioned(spec: str) -> CaptionedFiles:
    """Find the pictures of captioned:DIR that something is said of.

    Raises:
        GlassworkError: there is no such folder, or fewer than two such pictures in it.
    """
    root = existing(spec.partition(":")[2], folder=True)
    problems: list[Problem] = []
    found: list[tuple[str, tuple[str, ...]]] = []
    for below in walk(root, problems):
        suffix = Path(below).suffix.lower()
        if suffix == ".txt":
            continue
        if suffix not in SUFFIXES:
            problems.append(Problem(below, "no picture, by its name"))
            continue
        texts, why = _texts(root, Path(below).with_suffix(".txt"))
        if texts:
            found.append((below, texts))
        else:
            problems.append(Problem(below, why))
    if len(found) < 2:
        why = f"{len(found)} of its pictures have captions, {len(problems)} files were refused"
        why += f", such as {problems[0].path} ({problems[0].why})" if problems else ""
        todo = "Put NAME.txt beside NAME.png, with a way to say what it shows on each line."
        raise GlassworkError("there is nothing to learn from", where=str(root), why=why, todo=todo)
    order = sorted(range(len(found)), key=lambda i: hashlib.sha256(found[i][0].encode()).digest())
    aside = set(order[:: max(2, min(HELD_OUT, len(found) // 2))])
    return CaptionedFiles(
        root,
        tuple(below for below, _ in found),
        tuple(texts for _, texts in found),
        tuple(i in aside for i in range(len(found))),
        tuple(problems),
    )


def _texts(root: Path, below: Path) -> tuple[tuple[str, ...], str]:
    """The captions in a file, or why there are none."""
    path = root / below
    if not path.is_file():
        return (), f"there is no {below.name} beside it"
    if why := inside(root, path):
        return (), why
    if path.stat().st_size > MOST_BYTES:
        return (), f"{below.name} has more than {MOST_BYTES:,} bytes"
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return (), f"{below.name} is no text in UTF-8"
    texts = tuple(" ".join(line.split())[:MOST_LETTERS] for line in lines if line.strip())
    return texts, "" if texts else f"{below.name} is empty"
