"""A run's course: one JSON record a line, appended and never changed.

{"step": 500, "seconds": 4.1, "loss": 0.31, ...}      named values
{"step": 400, "seconds": 3.3, "event": "resumed"}     what stands above for later steps is superseded by what follows
"""

from __future__ import annotations

import errno
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "metrics.jsonl"


class Metrics:
    """Appends records; each is in the system's hands when `add` returns, so that a killed trainer loses none."""

    def __init__(self, folder: Path) -> None:
        path = folder / NAME
        self._torn = path.is_file() and path.stat().st_size > 0 and not _ends_in_newline(path)  # by a crash
        self._file = path.open("ab", buffering=0)

    def add(self, step: int, seconds: float, **values: Any) -> None:
        """Append one record; numbers that are none (NaN, infinity) become null, for which JSON has a word.

        Raises:
            OSError: the disk is full.
        """
        plain = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
        line = json.dumps({"step": step, "seconds": round(seconds, 3), **plain}).encode() + b"\n"
        whole = b"\n" + line if self._torn else line
        self._torn = True
        if self._file.write(whole) != len(whole):
            raise OSError(errno.ENOSPC, "no room for a whole record")
        self._torn = False

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@dataclass(frozen=True)
class Course:
    """What a run's records say.

    Attributes:
        series: by name, (step, value) in the order of the steps.
        events: records that are not values: resumed, stopped, warned.
        skipped: how many lines could not be read.
    """

    series: Mapping[str, list[tuple[int, float]]]
    events: list[dict[str, Any]]
    skipped: int


def read_metrics(folder: Path) -> Course:
    """Read a run's course; damaged lines are counted and passed over.

    Raises:
        OSError: there is no such file.
    """
    series: dict[str, dict[int, float]] = {}
    events, skipped = [], 0
    for record in _records(folder / NAME):
        if record is None:
            skipped += 1
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
    return Course({name: sorted(values.items()) for name, values in series.items()}, events, skipped)


def _records(path: Path) -> Iterator[dict[str, Any] | None]:
    with path.open("rb") as file:
        for line in file:
            try:
                record = json.loads(line)
                yield record if isinstance(record, dict) and isinstance(record.get("step"), int) else None
            except ValueError:
                yield None


def _ends_in_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"
