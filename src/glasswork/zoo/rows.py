"""From a row of a table to a network's input: numbers standardised, words one-hot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import torch
from torch import Tensor

from glasswork.data.given import Table, as_number
from glasswork.errors import GlassworkError, unknown


class Column(msgspec.Struct, frozen=True):
    """How one column is read.

    Attributes:
        name: of the column.
        mean, std: of its numbers in the training part.
        gaps: whether a second input says that the number is missing; it is then read as the mean.
        words: of a column of words; each has an input, and any other word is all zeros.
    """

    name: str
    mean: float = 0.0
    std: float = 1.0
    gaps: bool = False
    words: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """What each of its inputs is called."""
        if self.words:
            return tuple(f"{self.name} = {word}" for word in self.words)
        return (self.name, f"{self.name} is missing") if self.gaps else (self.name,)

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Values (N,), numbers or text, -> float32 (N, inputs)."""
        if self.words:
            return (values[:, None] == np.array(self.words)[None]).astype(np.float32)
        missing = np.isnan(values)
        scaled = np.where(missing, 0.0, (values - self.mean) / self.std)
        return np.stack([scaled, missing] if self.gaps else [scaled], axis=1).astype(np.float32)


class Rows(msgspec.Struct, frozen=True):
    """How a table's rows are read.

    Attributes:
        columns: in the order of the inputs.
        target: the column that the network tells.
        mean, std: of the target's numbers in the training part: what comes out is (value - mean) / std. 0 and 1 where
            the network names classes.
        sample: a row that it was not trained on.
    """

    columns: tuple[Column, ...]
    target: str
    mean: float = 0.0
    std: float = 1.0
    sample: dict[str, str] = {}

    @property
    def inputs(self) -> tuple[str, ...]:
        """What each number of the input is called."""
        return tuple(name for column in self.columns for name in column.inputs)

    def encode(self, values: Mapping[str, np.ndarray]) -> Tensor:
        """Columns by name, (N,) each, -> (N, I)."""
        return torch.from_numpy(np.concatenate([column.encode(values[column.name]) for column in self.columns], axis=1))

    def read(self, text: str) -> Tensor:
        """A row that somebody wrote, "length=5.1, kind=red" or its values in the columns' order, -> (1, I).

        Raises:
            GlassworkError: there is no such column, or too many values, or a number is none.
        """
        values = self._named(text)
        found = {}
        for column in self.columns:
            word = values.get(column.name, "").strip()
            number = as_number(word)
            if not column.words and word and np.isnan(number):
                raise GlassworkError("this row can't be read", where=column.name, why=f"{word[:40]!r} is no number")
            found[column.name] = np.array([word]) if column.words else np.array([number])
        return self.encode(found)

    def _named(self, text: str) -> dict[str, str]:
        names = [column.name for column in self.columns]
        parts = [part.strip() for part in text.split(",")]
        if any("=" in part for part in parts):
            pairs = [part.partition("=") for part in parts if part]
            for name, _, _ in pairs:
                if name.strip() not in names:
                    raise unknown("column", name.strip(), names)
            return {name.strip(): value for name, _, value in pairs}
        if len(parts) > len(names):
            why = f"it has {len(parts)} values; the columns are {', '.join(names)[:200]}"
            raise GlassworkError("this row can't be read", why=why, todo="Name them: column=value, column=value.")
        return dict(zip(names, parts, strict=False))


def fit_rows(table: Table, target: str, train: Sequence[int] | np.ndarray, test: Sequence[int] | np.ndarray) -> Rows:
    """How to read a table, by the rows that are trained on.

    Args:
        table: all rows.
        target: the column that is to be told.
        train: the rows that means, deviations and words are taken from.
        test: rows of which one is kept as a sample.
    """
    columns = []
    for name, every in table.columns.items():
        if name == target:
            continue
        missing, values = table.is_missing(name)[train], every[train]
        present = values[~missing]
        if not len(present):
            continue
        if table.is_number(name):
            columns.append(Column(name, float(present.mean()), float(present.std()) or 1.0, bool(missing.any())))
        else:
            columns.append(Column(name, words=tuple(np.unique(present).tolist())))
    sample = {}
    for name in (column.name for column in columns) if len(test) else ():
        sample[name] = "" if table.is_missing(name)[test[0]] else str(table.columns[name][test[0]])
    return Rows(tuple(columns), target, sample=sample)
