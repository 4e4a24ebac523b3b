"""A run's course: one JSON record a line, appended and never changed.

{"step": 500, "seconds": 4.1, "loss": 0.31, ...}      named values
{"step": 400, "seconds": 3.3, "event": "resumed"}     what stands above for later steps is superseded by what follows
"""

from __future__ import annotations

import errno
import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glasswork.training.summary import FOLDER, RECORDS, Summary

NAME = RECORDS


class Metrics:
    """Appends records; each is in the system's hands when `add` returns, so that a killed trainer loses none."""

    def __init__(self, folder: Path) -> None:
        path = folder / NAME
        self._size = path.stat().st_size if path.is_file() else 0
        self._torn = self._size > 0 and not _ends_in_newline(path)  # by a crash
        self._file = path.open("ab", buffering=0)
        self._folder = folder
        self._summary: Summary | None = None
        self._summarised = True

    def add(self, step: int, seconds: float, **values: Any) -> None:
        """Append one record; numbers that are none (NaN, infinity) become null, for which JSON has a word.

        Raises:
            OSError: the disk is full.
        """
        plain = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
        line = json.dumps({"step": step, "seconds": round(seconds, 3), **plain}).encode() + b"\n"
        whole = b"\n" + line if self._torn else line
        if self._summary is None and self._summarised and "event" not in plain:
            self._summarise(lambda: setattr(self, "_summary", Summary.of(self._folder)))
        self._torn = True
        written = self._file.write(whole)
        self._size += written
        if written != len(whole):
            raise OSError(errno.ENOSPC, "no room for a whole record")
        self._torn = False
        if (summary := self._summary) is not None:
            record = {"seconds": round(seconds, 3), **plain}
            if "event" in plain:
                self._summarise(lambda: summary.note({"step": step, **record}))
            else:
                self._summarise(lambda: summary.add(self._size - len(line), step, record))

    def _summarise(self, work: Callable[[], None]) -> None:
        """What fails here only makes a long course slower to open: then there is no summary."""
        try:
            work()
        except OSError:
            self._summarised, self._summary = False, None
            shutil.rmtree(self._folder / FOLDER, ignore_errors=True)

    def close(self) -> None:
        """Close the files."""
        self._file.close()
        if self._summary is not None:
            self._summary.close()


@dataclass(frozen=True)
class Course:
    """What a run's records say.

    Attributes:
        series: by name, (step, value) in the order of the steps.
        events: records that are not values: resumed, stopped, warned.
        skipped: how many lines could not be read.
        torn: 1 where the last of them has no end: it is being written, or its writer was killed.
    """

    series: Mapping[str, list[tuple[int, float]]]
    events: list[dict[str, Any]]
    skipped: int
    torn: int = 0


def read_metrics(folder: Path) -> Course:
    """Read a run's course; damaged lines are counted and passed over.

    Raises:
        OSError: there is no such file.
    """
    series: dict[str, dict[int, float]] = {}
    events, skipped, torn = [], 0, 0
    for record, ended in _records(folder / NAME):
        if record is None:
            skipped += 1
            torn += not ended
            continue
        if "event" in record:
            events.append(record)
            if record["event"] == "resumed":
                for name, values in series.items():
                    series[name] = {step: value for step, value in values.items() if step <= record["step"]}
            continue
        for name, value in record.items():
            if name != "step" and isinstance(value, (int, float)):
                series.setdefault(name, {})[record["step"]] = value
    return Course({name: sorted(values.items()) for name, values in series.items()}, events, skipped, torn)


def _records(path: Path) -> Iterator[tuple[dict[str, Any] | None, bool]]:
    """Each line's record, None where it is damaged; and whether the line has an end."""
    with path.open("rb") as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:
                record = None
            whole = isinstance(record, dict) and isinstance(record.get("step"), int)
            yield record if whole else None, line.endswith(b"\n")


def _ends_in_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"
