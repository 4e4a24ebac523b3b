"""A measured figure and the bar that it is held to."""

from __future__ import annotations

import importlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the results.

    Attributes:
        what: what was measured.
        measured: what came out.
        bar: at most this; None for what is shown beside ours.
        unit: of both.
    """

    what: str
    measured: float
    bar: float | None
    unit: str

    @property
    def holds(self) -> bool:
        """Whether the bar is held; true where there is none."""
        return self.bar is None or self.measured <= self.bar


def figures_of(name: str) -> list[Figure]:
    """What one file of this folder measures, by its name."""
    return list(importlib.import_module(f"benchmarks.{name}").measure())
