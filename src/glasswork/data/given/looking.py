"""A look at one's own data before anything is trained on it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Generator
from typing import Any

import numpy as np
from PIL import Image

from glasswork.data.given.files import Problem, existing
from glasswork.data.given.pictures import BrokenPictureError, PictureFiles
from glasswork.data.given.reading import read_pictures
from glasswork.data.given.shards import ShardFiles
from glasswork.data.given.tables import PICTURE_COLUMNS, Table, read_table, row_digests, rows
from glasswork.data.given.texts import read_text
from glasswork.errors import unknown

SAMPLES = 12
Looking = Generator[tuple[int, int], None, dict[str, Any]]


def look(spec: str) -> dict[str, Any]:
    """What a data set holds, and what is wrong with it.

    Returns:
        kind: pictures, table or text; count: how many examples; classes: how many of each; splits: how many in each
        part; balance: largest class / smallest; sizes: width x height, how often; problems: files or lines that are not
        used, and why; duplicates: groups of files of one content; leaks: those of them that lie in several parts or
        classes; alike: groups that look the same at 17x16 pixels; samples: a few examples. Of pictures also grey: how
        many have no colour at that size; and of folders empty: classes without a picture.

    Raises:
        GlassworkError: there is no such data.
    """
    kind, _, place = spec.partition(":")
    if kind == "text":
        return _look_at_text(spec)
    if kind == "csv" and not any(c.lower() in PICTURE_COLUMNS for c in rows(existing(place, folder=False))[0]):
        return _look_at_table(spec)
    if kind in ("folder", "imagenet", "csv", "shards"):
        steps = look_at_pictures(read_pictures(spec))
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value
    raise unknown("kind of data", kind, ["folder", "imagenet", "csv", "text", "shards"])


def look_at_pictures(files: PictureFiles | ShardFiles) -> Looking:
    """The same of pictures, one by one.

    Yields:
        Before each, how many were looked at, and of how many.
    """
    problems = list(files.problems)
    sizes: Counter[str] = Counter()
    modes: Counter[str] = Counter()
    same: dict[str, list[int]] = defaultdict(list)
    alike: dict[int, list[int]] = defaultdict(list)
    good, grey = [], 0
    for i in range(len(files)):
        yield i, len(files)
        try:
            picture = files.open(i)
            same[files.digest(i)].append(i)
        except BrokenPictureError as error:
            problems.append(Problem(files.paths[i], error.why))
            continue
        good.append(i)
        sizes[f"{picture.width}x{picture.height}"] += 1
        modes[picture.mode] += 1
        small = picture.convert("RGB").resize((17, 16), Image.Resampling.BILINEAR)
        grey += not np.ptp(np.asarray(small), axis=2).any()
        alike[_differences(small)].append(i)
    kept = files.take(good)
    classes = Counter(kept.classes[k] for k in kept.labels.tolist())
    counts = {name: classes.get(name, 0) for name in kept.classes}
    groups = [group for group in same.values() if len(group) > 1]
    leaks = [g for g in groups if len({(files.splits[i], int(files.labels[i])) for i in g}) > 1]
    looks = [g for g in alike.values() if len(g) > 1 and g not in groups]
    return {
        "data": files.spec,
        "kind": "pictures",
        "count": len(good),
        "classes": counts,
        "splits": dict(Counter(part for part in kept.splits if part)),
        "balance": _balance(counts),
        "sizes": dict(sizes.most_common(SAMPLES)),
        "modes": dict(modes),
        "grey": grey,
        "empty": list(files.empty) if isinstance(files, PictureFiles) else [],
        "problems": _told(problems),
        "duplicates": [[files.paths[i] for i in group] for group in groups],
        "leaks": [[files.paths[i] for i in group] for group in leaks],
        "alike": [[files.paths[i] for i in group] for group in looks],
        "samples": [kept.paths[i] for i in np.linspace(0, len(good) - 1, min(SAMPLES, len(good))).astype(int)],
    }


def _differences(small: Image.Image) -> int:
    """256 bits: of 17x16 pixels, whether each is brighter than its right neighbour (the "difference hash")."""
    levels = np.asarray(small.convert("L"), np.int16)
    return int.from_bytes(np.packbits(levels[:, 1:] > levels[:, :-1]).tobytes())


def _look_at_table(spec: str) -> dict[str, Any]:
    table = read_table(spec)
    named = not table.is_number(table.label)
    counts = dict(Counter(table.columns[table.label].tolist())) if named else {}
    lines: dict[bytes, list[int]] = defaultdict(list)
    for i, digest in enumerate(row_digests(table)):
        lines[digest].append(i)
    groups = [group for group in lines.values() if len(group) > 1]
    target = table.columns[table.label]
    return {
        "data": spec,
        "kind": "table",
        "count": len(table),
        "classes": counts,
        "label": table.label,
        "splits": dict(Counter(part for part in table.splits if part)),
        "balance": _balance(counts),
        "columns": {name: _told_of(table, name) for name in table.columns if name != table.label},
        "problems": _told(table.problems),
        "duplicates": [[f"example {i}" for i in group] for group in groups],
        "leaks": [[f"example {i}" for i in g] for g in groups if len({(table.splits[i], target[i]) for i in g}) > 1],
        "samples": [
            {name: str(column[i]) for name, column in table.columns.items()} for i in range(min(3, len(table)))
        ],
    }


def _told_of(table: Table, name: str) -> dict[str, Any]:
    """A column: of numbers their mean and deviation, of words how often each stands there."""
    column, missing = table.columns[name], table.is_missing(name)
    present = column[~missing]
    if table.is_number(name):
        found = {"mean": float(present.mean()), "std": float(present.std()), "distinct": len(np.unique(present))}
    else:
        found = {"words": dict(Counter(present.tolist()).most_common(SAMPLES)), "distinct": len(np.unique(present))}
    return {**found, "missing": int(missing.sum())}


def _look_at_text(spec: str) -> dict[str, Any]:
    text = read_text(spec)
    whole = text.train + text.validation + text.test
    seen = {line for line in text.train.splitlines() if len(line) > 40}
    return {
        "data": spec,
        "kind": "text",
        "count": len(whole),
        "classes": {},
        "splits": {"train": len(text.train), "validation": len(text.validation), "test": len(text.test)},
        "balance": 1.0,
        "letters": len(text.letters),
        "lines": whole.count("\n") + 1,
        "problems": [],
        "duplicates": [],
        "leaks": [[line] for line in text.test.splitlines() if line in seen],
        "samples": [line for line in whole.splitlines() if line.strip()][:3],
    }


def _balance(counts: dict[str, int]) -> float | None:
    present = [count for count in counts.values() if count]
    return max(present) / min(present) if present else None


def _told(problems: list[Problem] | tuple[Problem, ...]) -> list[dict[str, str]]:
    return [{"path": problem.path, "why": problem.why} for problem in problems]
