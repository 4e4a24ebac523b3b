"""Finding files below a folder, and never outside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from glasswork.errors import GlassworkError

MOST_FILES = 20_000_000


@dataclass(frozen=True)
class Problem:
    """A file that is not used, by its path below the folder, and why."""

    path: str
    why: str


def inside(root: Path, path: Path) -> str:
    """Why a file is not one of this folder's own; empty when it is.

    Args:
        root: resolved.
        path: below it by name; a link may lead it elsewhere.
    """
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return "a link that leads nowhere"
    if not target.is_relative_to(root):
        return "a link that leads out of the folder"
    return "" if target.is_file() else "no regular file"


def walk(root: Path, problems: list[Problem]) -> Iterator[str]:
    """The paths of all files below a folder, with forward slashes, sorted; hidden ones and linked folders are left out.

    Args:
        root: resolved.
        problems: what is refused is appended here.
    """
    count = 0
    for folder, folders, names in os.walk(root, onerror=lambda error: problems.append(_unreadable(root, error))):
        for name in list(folders):
            if (Path(folder) / name).is_symlink():
                folders.remove(name)
                problems.append(Problem(_below(root, Path(folder) / name), "a linked folder is not followed"))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(folder) / name
            if name.startswith("."):
                continue
            if path.is_symlink() and (why := inside(root, path)):
                problems.append(Problem(_below(root, path), why))
                continue
            count += 1
            if count > MOST_FILES:
                raise GlassworkError("this folder holds too many files", where=str(root), why=f"more than {MOST_FILES}")
            yield _below(root, path)


def existing(place: str, folder: bool) -> Path:
    """A folder or file that somebody named.

    Raises:
        GlassworkError: it isn't there, or is of the other kind.
    """
    path = Path(place).expanduser()
    try:
        found = path.is_dir() if folder else path.is_file()
    except (OSError, ValueError):
        found = False
    if not place or not found:
        kind = "folder" if folder else "file"
        raise GlassworkError(f"there is no such {kind}", where=place[:200], todo=f"Name a {kind} that is here.")
    return path.resolve()


def _below(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _unreadable(root: Path, error: OSError) -> Problem:
    return Problem(_below(root, Path(error.filename)), error.strerror or str(error))
