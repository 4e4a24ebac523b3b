"""A run's course at the size of a picture: as much of each series as can be drawn, and none of its extremes lost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glasswork.training.metrics import read_metrics
from glasswork.training.summary import (
    EVENTS,
    FOLDER,
    RECORDS,
    SIZES,
    Series,
    damaged_before,
    from_records,
    from_rows,
    joined,
    read_summary,
    thinned,
)

FEW = 4 << 20  # bytes of records that are read as they are


@dataclass(frozen=True)
class Drawn:
    """What of a run can be drawn.

    Attributes:
        series: by name.
        events: what is no value: resumed, stopped, warned, another rate, finished.
        last: the newest step of which there is a record; 0 before the first.
        skipped: of how many records nothing could be read.
    """

    series: Mapping[str, Series]
    events: tuple[Mapping[str, Any], ...]
    last: int
    skipped: int = 0


def read_course(folder: Path, points: int) -> Drawn:
    """The course of a run, however long it is.

    Args:
        folder: the run's.
        points: the most parts of each series; the least and the most of every part are exact.

    Raises:
        OSError: there is no such run, or it can't be read.
    """
    if (folder / RECORDS).stat().st_size > FEW:
        rows, end = read_summary(folder)
        if end:
            return _from_summary(folder, rows, end, points)
    course = read_metrics(folder)
    series = {name: from_records(pairs) for name, pairs in course.series.items()}
    return _drawn(series, tuple(course.events), points, course.skipped - course.torn)


def read_events(folder: Path) -> list[Mapping[str, Any]]:
    """What happened to a run, without reading all of its records where these are many.

    Raises:
        OSError: there is no such run, or it can't be read.
    """
    if (folder / RECORDS).stat().st_size > FEW:
        _, end = read_summary(folder)
        if end:
            return _happened(folder, _records(folder, end, None).events)
    return list(read_metrics(folder).events)


def read_part(folder: Path, first: int, last: int, points: int) -> Drawn:
    """A part of a course: every record between two steps where these are few, else as `read_course`.

    Raises:
        OSError: there is no such run, or it can't be read.
    """
    rows, end = read_summary(folder)
    if end and any(len(each) for each in rows.values()):
        every = np.concatenate(list(rows.values()))
        inside = every[(every["last"] >= first) & (every["first"] <= last)]
        offsets = np.unique(inside["offset"])
        if len(offsets) * SIZES[0] <= points:
            later = every["offset"][every["offset"] > (offsets[-1] if len(offsets) else -1)]
            begin = int(offsets[0]) if len(offsets) else end
            stop = int(later.min()) if len(later) and len(offsets) else None
            part = _records(folder, begin, stop)
            series = {name: _cut(each, first, last) for name, each in part.series.items()}
            return _drawn(series, tuple(part.events), points, part.skipped)
    whole = read_course(folder, 1 << 30)
    return _drawn({name: _cut(each, first, last) for name, each in whole.series.items()}, whole.events, points)


def _from_summary(folder: Path, rows: Mapping[str, np.ndarray], end: int, points: int) -> Drawn:
    tail = _records(folder, end, None)
    series = {name: from_rows(each) for name, each in rows.items()}
    for name, newest in tail.series.items():
        series[name] = joined(series[name], newest) if name in series else newest
    return _drawn(series, tuple(_happened(folder, tail.events)), points, damaged_before(folder) + tail.skipped)


def _happened(folder: Path, late: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What the summary noted, and what of the newest records it did not come to note."""
    try:
        noted = [json.loads(line) for line in (folder / FOLDER / EVENTS).read_bytes().splitlines()]
    except (OSError, ValueError):
        noted = []
    return [*noted, *(event for event in late if event not in noted)]


@dataclass(frozen=True)
class _Part:
    """What stands between two places of the records."""

    series: dict[str, Series]
    events: list[Mapping[str, Any]]
    skipped: int


def _records(folder: Path, begin: int, stop: int | None) -> _Part:
    """The records between two places of the file, those that were resumed over left out."""
    with (folder / RECORDS).open("rb") as file:
        file.seek(begin)
        *lines, torn = file.read(-1 if stop is None else stop - begin).split(b"\n")
    found: dict[str, dict[int, float]] = {}
    events, skipped = [], 0
    for line in [*lines, *([torn] if torn else [])]:
        try:
            record = json.loads(line)
        except ValueError:
            skipped += line is not torn  # which is being written
            continue
        if not isinstance(record, dict) or not isinstance(step := record.pop("step", None), int):
            skipped += 1
            continue
        if "event" in record:
            events.append({"step": step, **record})
            if record["event"] == "resumed":
                found = {name: {at: v for at, v in each.items() if at <= step} for name, each in found.items()}
            continue
        for name, value in record.items():
            if isinstance(value, (int, float)):
                found.setdefault(name, {})[step] = value
    return _Part({name: from_records(sorted(each.items())) for name, each in found.items()}, events, skipped)


def _cut(series: Series, first: int, last: int) -> Series:
    inside = (series.steps >= first) & (series.first <= last)
    return series.each(lambda column: column[inside])


def _drawn(series: Mapping[str, Series], events: tuple[Mapping[str, Any], ...], points: int, skipped: int = 0) -> Drawn:
    thin = {name: thinned(each, points) for name, each in series.items() if len(each.steps)}
    last = max((int(each.steps[-1]) for each in thin.values()), default=0)
    return Drawn(thin, events, last, skipped)
