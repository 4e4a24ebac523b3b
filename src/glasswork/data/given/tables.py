"""Tables of comma-separated values with named columns."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glasswork.data.given.files import Problem, existing
from glasswork.errors import GlassworkError

PICTURE_COLUMNS = ("file", "path", "picture", "image")
LABEL_COLUMNS = ("label", "class", "target", "species", "category")
MOST_BYTES = 2 << 30
MOST_COLUMNS = 10_000


@dataclass(frozen=True)
class Table:
    """Rows of numbers with a class each.

    Attributes:
        spec: what was asked for.
        columns: the names of the numbers.
        values: float32, (N, F).
        labels: int64, (N,); indices into classes.
        label: the column with the class.
        classes: the name of each class.
        problems: lines that are not used.
    """

    spec: str
    columns: tuple[str, ...]
    values: np.ndarray
    labels: np.ndarray
    label: str
    classes: tuple[str, ...]
    problems: tuple[Problem, ...]

    def __len__(self) -> int:
        return len(self.labels)


def rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """A table's columns and lines, as text.

    Raises:
        GlassworkError: it is no such table, or too large.
    """
    if (size := path.stat().st_size) > MOST_BYTES:
        raise _refused(path, f"it has {size:,} bytes; {MOST_BYTES:,} are read")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            sample = file.read(8192)
            file.seek(0)
            delimiter = max(",;\t", key=sample.partition("\n")[0].count)
            reader = csv.DictReader(file, delimiter=delimiter, restkey="", restval="")
            header = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = header
            if len(header) < 2 or len(set(header)) < len(header) or len(header) > MOST_COLUMNS or "" in header:
                raise _refused(path, "its first line must name two columns or more, each once")
            return header, list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise _refused(path, str(error)) from error


def label_column(header: list[str], path: Path, besides: str = "") -> str:
    """The column with the class: one of LABEL_COLUMNS, else the last.

    Raises:
        GlassworkError: there is none besides.
    """
    left = [name for name in header if name != besides]
    found = [name for name in left if name.lower() in LABEL_COLUMNS]
    if len(found) > 1:
        raise _refused(path, f"the class could stand in {' or '.join(found)}")
    return found[0] if found else left[-1]


def read_table(spec: str) -> Table:
    """A table of numbers; lines with anything else in them are listed and not used.

    Args:
        spec: csv:FILE.

    Raises:
        GlassworkError: it can't be read, or holds no line of numbers.
    """
    path = existing(spec.partition(":")[2], folder=False)
    header, lines = rows(path)
    label = label_column(header, path)
    columns = [name for name in header if name != label]
    values, names, problems = [], [], []
    for number, line in enumerate(lines, start=2):
        try:
            numbers = [float(line[name]) for name in columns]
            if not np.isfinite(numbers).all():
                raise ValueError("a value is no finite number")
            if not line[label].strip():
                raise ValueError("it has no class")
        except (ValueError, TypeError) as error:
            problems.append(Problem(f"line {number}", str(error)))
            continue
        values.append(numbers)
        names.append(line[label].strip())
    if not values:
        raise _refused(path, f"none of its {len(lines):,} lines is all numbers but {label!r}")
    classes = sorted(set(names))
    return Table(
        spec=spec,
        columns=tuple(columns),
        values=np.array(values, np.float32),
        labels=np.array([classes.index(name) for name in names], np.int64),
        label=label,
        classes=tuple(classes),
        problems=tuple(problems),
    )


def _refused(path: Path, why: str) -> GlassworkError:
    todo = "Save it as comma-separated UTF-8 with the columns' names in the first line."
    return GlassworkError("this table can't be read", where=str(path), why=why, todo=todo)
