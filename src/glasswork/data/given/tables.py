"""Tables of comma-separated values with named columns."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glasswork.data.given.files import Problem, existing
from glasswork.errors import GlassworkError, unknown

PICTURE_COLUMNS = ("file", "path", "picture", "image")
LABEL_COLUMNS = ("label", "class", "target", "species", "category")
MOST_BYTES = 2 << 30
MOST_COLUMNS = 10_000
MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none", "-"})
NUMBERS = 0.9  # of a column's values, from where it is one of numbers
MOST_WORDS, FEW_WORDS = 200, 20
PARTS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


@dataclass(frozen=True)
class Table:
    """Rows with named columns.

    Attributes:
        spec: what was asked for.
        columns: by name, (N,): float64, NaN where a number is missing, or text, empty where it is missing.
        splits: of each row: train, validation, test, or empty where no column "split" says it.
        label: the column that is usually to be told from the others.
        problems: lines and columns that are not used, and values that are missing.
    """

    spec: str
    columns: Mapping[str, np.ndarray]
    splits: tuple[str, ...]
    label: str
    problems: tuple[Problem, ...]

    def __len__(self) -> int:
        return len(self.splits)

    def is_number(self, name: str) -> bool:
        """Whether a column holds numbers."""
        return self.columns[name].dtype.kind == "f"

    def is_missing(self, name: str) -> np.ndarray:
        """Where a column has no value, (N,)."""
        column = self.columns[name]
        return np.isnan(column) if self.is_number(name) else column == ""


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


def read_table(spec: str, label: str = "") -> Table:
    """A table of numbers and words.

    A column is one of numbers when nine in ten of its values are. Words with more than MOST_WORDS different values, or
    of which most stand only once, are names rather than kinds: such columns are told and left out.

    Args:
        spec: csv:FILE.
        label: the column that is to be told from the others; found by its name, or the last, when empty.

    Raises:
        GlassworkError: it can't be read, or holds no line, or no such column.
    """
    path = existing(spec.partition(":")[2], folder=False)
    header, lines = rows(path)
    if label and label not in header:
        raise unknown("column", label, header)
    split = next((name for name in header if name.lower() == "split" and name != label), "")
    label = label or label_column(header, path, besides=split)
    problems: list[Problem] = []
    kept = [line for number, line in enumerate(lines, start=2) if _has_label(line[label], number, label, problems)]
    if not kept:
        raise _refused(path, f"none of its {len(lines):,} lines has a value for {label!r}")
    columns: dict[str, np.ndarray] = {}
    for name in header:
        if name != split:
            column = _column([_stripped(line[name]) for line in kept], name, problems)
            if name == label or _is_of_use(column, name, problems):
                columns[name] = column
    if len(columns) < 2:
        raise _refused(path, f"no column can be used but {label!r}")
    return Table(
        spec=spec,
        columns=columns,
        splits=tuple(PARTS.get(line[split].strip().lower(), "") if split else "" for line in kept),
        label=label,
        problems=tuple(problems),
    )


def row_digests(table: Table) -> list[bytes]:
    """sha256 of each row's values but its label: rows of the same values are the same example."""
    parts = [column.tolist() for name, column in table.columns.items() if name != table.label]
    return [hashlib.sha256(repr(row).encode()).digest() for row in zip(*parts, strict=True)]


def as_number(text: str) -> float:
    """A value of a column of numbers: NaN where it is missing, or no finite number."""
    try:
        value = float(text)
    except ValueError:
        return float("nan")
    return value if np.isfinite(value) else float("nan")


def _stripped(text: str | None) -> str:
    text = (text or "").strip()
    return "" if text.lower() in MISSING else text


def _has_label(text: str | None, number: int, label: str, problems: list[Problem]) -> bool:
    if _stripped(text):
        return True
    problems.append(Problem(f"line {number}", f"it has no value for {label}"))
    return False


def _column(texts: list[str], name: str, problems: list[Problem]) -> np.ndarray:
    """The values of a column, and a note of those that are missing."""
    numbers = np.array([as_number(text) for text in texts], np.float64)
    present = sum(map(bool, texts))
    good = int(np.isfinite(numbers).sum())
    is_number = good > 0 and good >= NUMBERS * present
    if missing := len(texts) - (good if is_number else present):
        problems.append(Problem(f"column {name}", f"{missing:,} of {len(texts):,} values are missing or no numbers"
                                if is_number else f"{missing:,} of {len(texts):,} values are missing"))  # fmt: skip
    return numbers if is_number else np.array(texts)


def _is_of_use(column: np.ndarray, name: str, problems: list[Problem]) -> bool:
    if column.dtype.kind == "f":
        different = np.unique(column[np.isfinite(column)])
        why = "all of its values are the same" if len(different) == 1 else ""
    else:
        words, counts = np.unique(column[column != ""], return_counts=True)
        alone = int((counts == 1).sum())
        why = "all of its values are the same" if len(words) == 1 else "all of its values are missing"
        if len(words) > 1:
            many = len(words) > MOST_WORDS or (len(words) > FEW_WORDS and alone > len(words) / 2)
            why = f"it holds {len(words):,} different words: names rather than kinds" if many else ""
    if why:
        problems.append(Problem(f"column {name}", why))
    return not why


def _refused(path: Path, why: str) -> GlassworkError:
    todo = "Save it as comma-separated UTF-8 with the columns' names in the first line."
    return GlassworkError("this table can't be read", where=str(path), why=why, todo=todo)
