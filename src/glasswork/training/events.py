"""What a run says while it goes on. Whoever watches gets these, and nothing of the loop's own state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Started:
    """The run is about to take its first step."""

    run: str
    recipe: str
    parameters: int
    examples: int
    steps: int


@dataclass(frozen=True)
class Stepped:
    """The weights were updated for the `step`-th time; seconds since the start."""

    step: int
    loss: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class Evaluated:
    """The pictures set aside were looked at; best when no earlier look was better."""

    step: int
    seconds: float
    scores: Mapping[str, float]
    best: bool


@dataclass(frozen=True)
class Finished:
    """The weights and their card are on disk; `final` are the scores on the test pictures."""

    run: str
    recipe: str
    steps: int
    steps_per_second: float
    final: Mapping[str, float]
    checkpoint: Path


TrainEvent = Started | Stepped | Evaluated | Finished
