"""A run's course in blocks, so that a long one is drawn at once: of each series the least and the most in every block.

runs/NAME/summary/names       the series, one a line
runs/NAME/summary/64.rows     a row for each series in each block of 64 records of metrics.jsonl
runs/NAME/summary/4096.rows   the same of 4,096 records
runs/NAME/summary/events      the records that are no values, as they stand
runs/NAME/summary/damaged     how many lines could not be read when the rows were begun, if there were any

All of it is made from metrics.jsonl and can be made again; nothing is lost with it. A row is written when its block is
full, so what is not in the rows yet stands in the last few lines of the records.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO, Any

import numpy as np

RECORDS, FOLDER, NAMES, EVENTS, DAMAGED = "metrics.jsonl", "summary", "names", "events", "damaged"
SIZES = (64, 4096)  # records in a block; each a multiple of the one before
ROW = np.dtype(
    [
        ("series", "<u4"),
        ("count", "<u4"),
        ("first", "<u8"),  # steps
        ("last", "<u8"),
        ("offset", "<u8"),  # where the block begins in metrics.jsonl, in bytes
        ("low", "<f8"),
        ("high", "<f8"),
        ("total", "<f8"),
    ]
)
LARGE = 64 << 20  # bytes of rows; coarser ones are read where the finer are more


@dataclass
class _Block:
    """What is known of a series in the block that is being filled."""

    count: int
    first: int
    last: int
    low: float
    high: float
    total: float

    def take(self, other: _Block) -> None:
        self.count += other.count
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.total += other.total


class Summary:
    """Writes the rows while a run goes on.

    Args:
        folder: the run's. Rows of an earlier run in it are overwritten.
    """

    def __init__(self, folder: Path) -> None:
        place = folder / FOLDER
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        self._names: dict[str, int] = {}
        self._listed = (place / NAMES).open("ab", buffering=0)
        self._events = (place / EVENTS).open("ab", buffering=0)
        self._files = [(place / f"{size}.rows").open("ab", buffering=0) for size in SIZES]
        self._open: list[dict[int, _Block]] = [{} for _ in SIZES]
        self._begun = [0] * len(SIZES)
        self._records = 0

    @classmethod
    def of(cls, folder: Path) -> Summary:
        """The summary of the records that are there; more can be added.

        Raises:
            OSError: they can't be read, or the disk is full.
        """
        made = cls(folder)
        path = folder / RECORDS
        if not path.is_file():
            return made
        with path.open("rb") as file:
            resumed = [(end, step) for end, step, event, _ in _lines(file) if event == "resumed"]
            file.seek(0)
            begin = damaged = 0
            for end, step, event, values in _lines(file):
                damaged += values is None
                if values is not None and event is None:
                    last = min((at for behind, at in resumed if behind > end), default=step)
                    made.add(begin, step, values if step <= last else {})
                elif values is not None:
                    made.note({"step": step, **values})
                begin = end
        if damaged:
            (folder / FOLDER / DAMAGED).write_text(str(damaged))
        return made

    def add(self, offset: int, step: int, values: Mapping[str, Any]) -> None:
        """Take in one record.

        Args:
            offset: where its line begins in metrics.jsonl, in bytes.
            step: its step.
            values: by name; what is no finite number is passed over.

        Raises:
            OSError: the disk is full.
        """
        if self._records % SIZES[0] == 0:
            self._begun[0] = offset
        for name, value in values.items():
            if isinstance(value, (int, float)) and value == value and abs(value) != float("inf"):
                block = _Block(1, step, step, value, value, value)
                self._take(0, self._number(name), block)
        self._records += 1
        if self._records % SIZES[0] == 0:
            self._write(0)

    def note(self, record: Mapping[str, Any]) -> None:
        """Take in a record that is no values.

        Raises:
            OSError: the disk is full.
        """
        self._events.write(json.dumps(record).encode() + b"\n")

    def close(self) -> None:
        """Close the files."""
        for file in (self._listed, self._events, *self._files):
            file.close()

    def _number(self, name: str) -> int:
        if name not in self._names:
            self._listed.write(json.dumps(name).encode() + b"\n")
            self._names[name] = len(self._names)
        return self._names[name]

    def _take(self, level: int, series: int, block: _Block) -> None:
        known = self._open[level].get(series)
        if known is None:
            self._open[level][series] = _Block(**vars(block))
        else:
            known.take(block)

    def _write(self, level: int) -> None:
        """A block is full: its rows, and its part of the next coarser one."""
        begun = self._begun[level]
        rows = [
            (series, one.count, one.first, one.last, begun, one.low, one.high, one.total)
            for series, one in self._open[level].items()
        ]
        self._files[level].write(np.array(rows, ROW).tobytes())
        coarser = level + 1
        if coarser < len(SIZES):
            if self._records % SIZES[coarser] == SIZES[level] % SIZES[coarser]:
                self._begun[coarser] = begun
            for series, one in self._open[level].items():
                self._take(coarser, series, one)
            if self._records % SIZES[coarser] == 0:
                self._write(coarser)
        self._open[level] = {}


@dataclass(frozen=True)
class Series:
    """One series, as finely as was asked for.

    Attributes:
        first: the first step of each part, (n,).
        steps: the last step of each part, (n,).
        low: the least in it, (n,).
        high: the most, (n,); where a part is one record, the same.
        total: the sum of its records, (n,).
        count: how many these are, (n,).
    """

    first: np.ndarray
    steps: np.ndarray
    low: np.ndarray
    high: np.ndarray
    total: np.ndarray
    count: np.ndarray

    def each(self, change: Callable[[np.ndarray], np.ndarray]) -> Series:
        """The same of all columns."""
        return Series(*(change(getattr(self, one.name)) for one in fields(self)))


def read_summary(folder: Path) -> tuple[dict[str, np.ndarray], int]:
    """The rows of each series, and where in metrics.jsonl the records begin that are in no row yet, in bytes.

    Nothing and 0 where there is no summary, or it doesn't fit the records.
    """
    place = folder / FOLDER
    try:
        names = [json.loads(line) for line in (place / NAMES).read_bytes().split(b"\n")[:-1]]
        fine, coarse = (place / f"{size}.rows" for size in SIZES)
        newest = _rows(fine, blocks=2 * SIZES[1] // SIZES[0], width=len(names))
        if fine.stat().st_size <= LARGE:
            rows = _rows(fine)
        else:
            rows = _rows(coarse)
            beyond = int(rows["last"].max()) if len(rows) else -1
            rows = np.concatenate([rows, newest[newest["first"] > beyond]])
        end = _end_of_block(folder, int(newest["offset"].max())) if len(newest) else 0
    except (OSError, ValueError):
        return {}, 0
    if len(rows) and int(rows["series"].max()) >= len(names):
        return {}, 0
    rows = rows[np.argsort(rows["series"], kind="stable")]
    cuts = np.searchsorted(rows["series"], np.arange(len(names) + 1))
    return {name: rows[cuts[i] : cuts[i + 1]] for i, name in enumerate(names)}, end


def damaged_before(folder: Path) -> int:
    """How many lines could not be read when the rows were begun."""
    try:
        return int((folder / FOLDER / DAMAGED).read_text())
    except (OSError, ValueError):
        return 0


def _rows(path: Path, blocks: int = 0, width: int = 0) -> np.ndarray:
    """Whole rows of a file: all of them, or those of at least its last `blocks` blocks of up to `width` series."""
    size = path.stat().st_size // ROW.itemsize
    begin = max(0, size - blocks * width) if blocks else 0
    return np.fromfile(path, ROW, count=size - begin, offset=begin * ROW.itemsize)


def _end_of_block(folder: Path, begin: int) -> int:
    """Where the block of SIZES[0] records ends that begins there, in bytes.

    Raises:
        ValueError: the records end before it.
    """
    with (folder / RECORDS).open("rb") as file:
        file.seek(begin)
        counted = 0
        for line in file:
            begin += len(line)
            counted += is_values(line)
            if counted == SIZES[0]:
                return begin
    raise ValueError("the last block is not in the records")


def is_values(line: bytes) -> bool:
    """Whether a line is a record of values, which counts in a block; not an event, and not damaged."""
    try:
        record = json.loads(line)
    except ValueError:
        return False
    return isinstance(record, dict) and isinstance(record.get("step"), int) and "event" not in record


def _lines(file: IO[bytes]) -> Iterator[tuple[int, int, str | None, dict[str, Any] | None]]:
    """Where each line ends, its step, which event it is of, and its values; none of what is damaged."""
    end = 0
    for line in file:
        end += len(line)
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if isinstance(record, dict) and isinstance(record.get("step"), int):
            step = record.pop("step")
            yield end, step, record.get("event"), record
        else:
            yield end, 0, None, None


def thinned(series: Series, points: int) -> Series:
    """At most so many parts, none of whose least and most is lost."""
    count = len(series.steps)
    if count <= points:
        return series
    starts = np.unique(np.linspace(0, count, points, endpoint=False).astype(int))
    ends = np.append(starts[1:], count) - 1
    return Series(
        series.first[starts],
        series.steps[ends],
        np.fmin.reduceat(series.low, starts),
        np.fmax.reduceat(series.high, starts),
        np.add.reduceat(series.total, starts),
        np.add.reduceat(series.count, starts),
    )


def smoothed(series: Series, window: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean of all records in each part and those before it, `window` parts in all.

    Returns:
        The means, (n,), and of how many records each of them is, (n,).
    """
    totals, counts = (np.concatenate([[0.0], np.cumsum(each)]) for each in (series.total, series.count))
    ends = np.arange(1, len(series.steps) + 1)
    begins = np.maximum(0, ends - window)
    taken = counts[ends] - counts[begins]
    return (totals[ends] - totals[begins]) / np.maximum(taken, 1), taken.astype(np.int64)


def from_records(records: Iterable[tuple[int, float]]) -> Series:
    """Each record a part of its own."""
    pairs = list(records)
    steps = np.array([step for step, _ in pairs], np.int64)
    values = np.array([value for _, value in pairs], np.float64)
    return Series(steps, steps, values, values, values, np.ones(len(pairs), np.int64))


def from_rows(rows: np.ndarray) -> Series:
    """Each row a part."""
    whole = {name: rows[name].astype(np.int64) for name in ("first", "last", "count")}
    return Series(whole["first"], whole["last"], rows["low"], rows["high"], rows["total"], whole["count"])


def joined(one: Series, other: Series) -> Series:
    """One after the other."""
    return Series(*(np.concatenate([getattr(one, each.name), getattr(other, each.name)]) for each in fields(one)))
