"""A run's course at the size of a picture: as much of each series as can be drawn, and none of its extremes lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
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
    """

    series: Mapping[str, Series]
    events: tuple[Mapping[str, Any], ...]
    last: int


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
    return _drawn(series, tuple(course.events), points)


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
            series, events = _records(folder, begin, stop)
            return _drawn({name: _cut(each, first, last) for name, each in series.items()}, events, points)
    whole = read_course(folder, 1 << 30)
    return _drawn({name: _cut(each, first, last) for name, each in whole.series.items()}, whole.events, points)


def _from_summary(folder: Path, rows: Mapping[str, np.ndarray], end: int, points: int) -> Drawn:
    tail, late = _records(folder, end, None)
    series = {name: from_rows(each) for name, each in rows.items()}
    for name, newest in tail.items():
        series[name] = joined(series[name], newest) if name in series else newest
    try:
        events = [json.loads(line) for line in (folder / FOLDER / EVENTS).read_bytes().splitlines()]
    except (OSError, ValueError):
        events = list(late)
    return _drawn(series, tuple(events), points)


def _records(folder: Path, begin: int, stop: int | None) -> tuple[dict[str, Series], tuple[Mapping[str, Any], ...]]:
    """The records between two places of the file, those that were resumed over left out."""
    with (folder / RECORDS).open("rb") as file:
        file.seek(begin)
        lines = file.read(-1 if stop is None else stop - begin).split(b"\n")
    found: dict[str, dict[int, float]] = {}
    events = []
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if not isinstance(record, dict) or not isinstance(step := record.pop("step", None), int):
            continue
        if "event" in record:
            events.append({"step": step, **record})
            if record["event"] == "resumed":
                found = {name: {at: v for at, v in each.items() if at <= step} for name, each in found.items()}
            continue
        for name, value in record.items():
            if isinstance(value, (int, float)):
                found.setdefault(name, {})[step] = value
    return {name: from_records(sorted(each.items())) for name, each in found.items()}, tuple(events)


def _cut(series: Series, first: int, last: int) -> Series:
    inside = (series.steps >= first) & (series.first <= last)
    return series.each(lambda column: column[inside])


def _drawn(series: Mapping[str, Series], events: tuple[Mapping[str, Any], ...], points: int) -> Drawn:
    thin = {name: thinned(each, points) for name, each in series.items() if len(each.steps)}
    last = max((int(each.steps[-1]) for each in thin.values()), default=0)
    return Drawn(thin, events, last)
