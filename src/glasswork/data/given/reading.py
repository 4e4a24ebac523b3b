"""From folder:DIR, imagenet:DIR and csv:FILE to picture files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from glasswork.data.given.files import Problem, existing, inside, walk
from glasswork.data.given.pictures import SUFFIXES, PictureFiles
from glasswork.data.given.shards import ShardFiles, read_shards
from glasswork.data.given.tables import PARTS, PICTURE_COLUMNS, label_column, rows
from glasswork.errors import GlassworkError

FORMS = ("folder:DIR", "imagenet:DIR", "csv:FILE", "text:FILE", "shards:FILES")
NAMES = "LOC_synset_mapping.txt"  # ImageNet's own: n01440764 tench, Tinca tinca


def is_given(spec: str) -> bool:
    """Whether a data set is one's own, named by one of FORMS."""
    kind, colon, place = spec.partition(":")
    return bool(colon and place) and kind in {form.partition(":")[0] for form in FORMS}


def read_pictures(spec: str) -> PictureFiles | ShardFiles:
    """Labelled pictures.

    Args:
        spec: folder:DIR (a folder for each class; above them train, val and test, if the parts are fixed),
            imagenet:DIR (train and val, as ImageNet comes), csv:FILE (a column file, and one with the class), or
            shards:DIR/name-{000..127}.tar (glasswork.data.given.shards).

    Raises:
        GlassworkError: there is no such place, or no picture in it.
    """
    kind, _, place = spec.partition(":")
    if kind == "csv":
        found = _from_table(spec, existing(place, folder=False))
    elif kind in ("folder", "imagenet"):
        found = _from_folder(spec, existing(place, folder=True), kind == "imagenet")
    elif kind == "shards":
        found = read_shards(spec)
    else:
        raise GlassworkError(
            f"{spec[:80]} holds no pictures", todo="Name folder:DIR, imagenet:DIR, csv:FILE or shards:FILES."
        )
    if not len(found):
        why = f"{len(found.problems)} files were refused" if found.problems else "there is no picture in it"
        todo = "Make a folder for each class, and put its pictures there (PNG, JPEG, GIF, WebP, BMP)."
        raise GlassworkError("there is nothing to learn from", where=place, why=why, todo=todo)
    return found


def _from_folder(spec: str, root: Path, imagenet: bool) -> PictureFiles:
    problems: list[Problem] = []
    found: list[tuple[str, str, str]] = []  # split, class, path
    tops = {path.name.lower() for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")}
    parted = "train" in tops and tops <= set(PARTS)
    for below in walk(root, problems):
        parts = below.split("/")
        split = PARTS[parts.pop(0).lower()] if parted and parts[0].lower() in PARTS else ""
        if Path(below).suffix.lower() not in SUFFIXES:
            if below != NAMES:
                problems.append(Problem(below, "no picture, by its name"))
        elif len(parts) < 2:
            problems.append(Problem(below, "in no class's folder"))
        else:
            found.append((split, parts[0], below))
    if imagenet and parted and not any(split == "test" for split, _, _ in found):
        found = [("test" if split == "validation" else split, name, below) for split, name, below in found]
    folders = sorted({name for _, name, _ in found})
    names = _class_names(root) if imagenet else {}
    empty = _class_folders(root, parted) - set(folders)
    problems += [Problem(f"{name}/", "a class without a picture") for name in sorted(empty)]
    return PictureFiles(
        spec=spec,
        root=root,
        paths=tuple(below for _, _, below in found),
        labels=_indices([name for _, name, _ in found], folders),
        classes=tuple(names.get(name, name) for name in folders),
        splits=tuple(split for split, _, _ in found),
        problems=tuple(problems),
        empty=tuple(sorted(empty)),
    )


def _class_folders(root: Path, parted: bool) -> set[str]:
    """The folders that stand for a class, whatever they hold."""
    tops = [path for path in root.iterdir() if parted and path.is_dir() and path.name.lower() in PARTS] or [root]
    inside = [path for top in tops for path in top.iterdir() if path.is_dir() and not path.is_symlink()]
    return {path.name for path in inside if not path.name.startswith(".")}


def _indices(names: list[str], folders: list[str]) -> np.ndarray:
    place = {name: i for i, name in enumerate(folders)}
    return np.array([place[name] for name in names], np.int64)


def _class_names(root: Path) -> dict[str, str]:
    path = root / NAMES
    if not path.is_file() or inside(root, path):
        return {}
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return {key: words.partition(",")[0] for key, _, words in (line.partition(" ") for line in lines) if words}


def _from_table(spec: str, path: Path) -> PictureFiles:
    header, lines = rows(path)
    column = next((name for name in header if name.lower() in PICTURE_COLUMNS), None)
    if column is None:
        raise GlassworkError(
            "this table names no pictures",
            where=str(path),
            why=f"its columns are {', '.join(header)[:200]}",
            todo=f"Name the column of the files {' or '.join(PICTURE_COLUMNS)}.",
        )
    label = label_column(header, path, besides=column)
    split = next((name for name in header if name.lower() == "split"), None)
    root, problems, found = path.parent, [], []
    for number, line in enumerate(lines, start=2):
        below = line[column].strip().replace("\\", "/")
        why = inside(root, root / below) if below else "no file is named"
        if why or not line[label].strip():
            problems.append(Problem(f"line {number}: {below[:200]}", why or "it has no class"))
            continue
        found.append((PARTS.get(line[split].strip().lower(), "") if split else "", line[label].strip(), below))
    classes = sorted({name for _, name, _ in found})
    return PictureFiles(
        spec=spec,
        root=root,
        paths=tuple(below for _, _, below in found),
        labels=_indices([name for _, name, _ in found], classes),
        classes=tuple(classes),
        splits=tuple(part for part, _, _ in found),
        problems=tuple(problems),
    )
