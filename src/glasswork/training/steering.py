"""Steering a run from outside: orders are lines in a file of its folder, which the trainer reads between two steps.

{"do": "pause"}  {"do": "go"}  {"do": "step"}  {"do": "stop"}  {"do": "rate", "value": 0.001}

Each that changes the run is noted in its records, and a changed rate is part of its checkpoints, so that a run that is
resumed, or replayed, is still the same run.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from glasswork.errors import GlassworkError, unknown

NAME = "control.jsonl"
Act = Literal["pause", "go", "step", "stop", "rate"]
LOOK_EVERY = 0.05  # seconds, while the run is paused


@dataclass(frozen=True)
class Order:
    """What somebody wants of a run; `value` is the new learning rate."""

    do: Act
    value: float = 0.0


def order(folder: Path, do: str, value: float = 0.0) -> None:
    """Ask something of whoever trains the run in a folder.

    Raises:
        GlassworkError: there is no such order, the rate is none, or the folder can't be written.
    """
    if do not in get_args(Act):
        raise unknown("order", do, list(get_args(Act)))
    if do == "rate" and not (math.isfinite(value) and value >= 0):
        raise GlassworkError("this is no learning rate", why=f"it is {value}", todo="Give 0 or more, such as 0.001.")
    line = json.dumps({"do": do, "value": value}).encode() + b"\n"
    try:
        handle = os.open(folder / NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line)  # one write of a short line: several writers don't mix
        finally:
            os.close(handle)
    except OSError as error:
        raise GlassworkError("this run can't be steered", where=str(folder), why=str(error)) from error


class Helm:
    """The trainer's side. Orders from before it took over are passed over.

    Args:
        folder: the run's.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._read = self._size()
        self._steps = 0
        self.paused = False
        self.stopped = False

    def orders(self) -> list[Order]:
        """What was asked since the last look; lines that are no orders are passed over."""
        size = self._size()
        if size <= self._read:
            return []
        with self._path.open("rb") as file:
            file.seek(self._read)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        return [found for line in whole.splitlines() if (found := _parsed(line))]

    def hold(self, take: Callable[[Order], None], stop: Callable[[], bool]) -> float:
        """Between two steps: obey, and wait here for as long as the run is paused.

        Args:
            take: is told each order as it is obeyed.
            stop: ends the wait.

        Returns:
            How long it waited, in seconds.
        """
        begun = time.perf_counter()
        while True:
            for one in self.orders():
                self._obey(one)
                take(one)
            if not self.paused or self.stopped or stop():
                return time.perf_counter() - begun
            if self._steps:
                self._steps -= 1
                return time.perf_counter() - begun
            time.sleep(LOOK_EVERY)

    def _obey(self, one: Order) -> None:
        if one.do == "pause":
            self.paused = True
        elif one.do == "go":
            self.paused, self._steps = False, 0
        elif one.do == "step":
            self.paused = True
            self._steps += 1
        elif one.do == "stop":
            self.stopped = True

    def _size(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0


def ordered_rates(events: Iterable[Mapping[str, Any]]) -> list[tuple[int, float]]:
    """From which step on the scheduled rate is multiplied by what, as a run's records have it."""
    found: list[tuple[int, float]] = []
    for event in events:
        if event.get("event") == "rate" and isinstance(event.get("factor"), (int, float)):
            found = ordered(found, int(event["step"]), float(event["factor"]))
    return found


def ordered(rates: list[tuple[int, float]], step: int, factor: float) -> list[tuple[int, float]]:
    """The list with one more; what was to come later no longer does."""
    return [*((begin, each) for begin, each in rates if begin < step), (step, factor)]


def _parsed(line: bytes) -> Order | None:
    try:
        record = json.loads(line)
        found = Order(record["do"], float(record.get("value", 0.0)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    good = found.do in get_args(Act) and (found.do != "rate" or (math.isfinite(found.value) and found.value >= 0))
    return found if good else None
