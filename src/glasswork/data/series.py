"""Numbers over time: yearly sunspots, weekly CO2."""

from __future__ import annotations

import datetime
import gzip
from dataclasses import dataclass
from functools import cache

import numpy as np

from glasswork.data._registry import listed
from glasswork.data._shipped import read_shipped
from glasswork.errors import unknown

SERIES = {"sunspots": ("sunspots", "year", 11), "co2": ("ppm of CO2", "week", 52)}
FILES = {name: f"series/{name}.gz" for name in SERIES}

listed(
    "sunspots",
    what="the mean number of sunspots in each year from 1700 to 2008; the last 60 held out",
    counts={"train": 249, "test": 60},
    of="years",
)
listed(
    "co2",
    what="weekly CO2 in the air over Mauna Loa, 1958 to 2001, 59 weeks unmeasured; the last fifth held out",
    counts={"train": 1_828, "test": 456},
    of="weeks",
)


@dataclass(frozen=True)
class Series:
    """One number at each step.

    Attributes:
        name: the data set's.
        unit: of the values.
        step: what passes between two of them.
        season: steps after which it is much like before.
        times: each step's year, or day as YYYY-MM-DD.
        values: float64, (N,); what was not measured is a straight line between its neighbours.
        measured: bool, (N,).
        phase: how much of the year is over, 0 to 1, (N,); 0 where a step is a year.
    """

    name: str
    unit: str
    step: str
    season: int
    times: tuple[str, ...]
    values: np.ndarray
    measured: np.ndarray
    phase: np.ndarray

    def __len__(self) -> int:
        return len(self.values)


def series_names() -> list[str]:
    """The names of the series that ship."""
    return sorted(SERIES)


@cache
def load_series(name: str) -> Series:
    """A series that ships.

    Raises:
        GlassworkError: there is no such series, or its file is missing or changed.
    """
    if name not in SERIES:
        raise unknown("series", name, series_names())
    rows = [line.split(",") for line in gzip.decompress(read_shipped(FILES[name])).decode().split()]
    values = np.array([float(value or "nan") for _, value in rows])
    measured = np.isfinite(values)
    steps = np.arange(len(values))
    values = np.interp(steps, steps[measured], values[measured])
    unit, step, season = SERIES[name]
    if step == "year":
        times, phase = tuple(time for time, _ in rows), np.zeros(len(rows))
    else:
        days = [datetime.datetime.strptime(time, "%Y%m%d").replace(tzinfo=datetime.UTC) for time, _ in rows]
        times = tuple(day.date().isoformat() for day in days)
        phase = np.array([day.timetuple().tm_yday / 365.25 for day in days])
    return Series(name, unit, step, season, times, values, measured, phase)
