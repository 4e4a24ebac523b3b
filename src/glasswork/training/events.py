"""What a run says while it goes on. Whoever watches gets these, and nothing of the loop's own state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Started:
    """The run is about to take its next step, which is not the first when it is resumed."""

    run: str
    recipe: str
    parameters: int
    examples: int
    steps: int
    step: int = 0


@dataclass(frozen=True)
class Stepped:
    """The weights were updated for the `step`-th time.

    Attributes:
        loss: the mean over all examples of the step.
        learning_rate: its rate.
        seconds: since the start.
        gradient_norm: before clipping.
        examples: which ones the step saw, over all processes.
        looked: whether an Evaluated of the same step follows.
        layers: what was observed of each layer (glasswork.training.observing), at the steps that are recorded.
    """

    step: int
    loss: float
    learning_rate: float
    seconds: float
    gradient_norm: float = 0.0
    examples: np.ndarray = field(default_factory=lambda: np.array([], np.int64), compare=False, repr=False)
    looked: bool = False
    layers: Mapping[str, float] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Evaluated:
    """The examples set aside were looked at; kept: whether the weights are, as the best so far or the last."""

    step: int
    seconds: float
    scores: Mapping[str, float]
    kept: bool


@dataclass(frozen=True)
class Saved:
    """A checkpoint is on disk, verified."""

    step: int
    path: Path


@dataclass(frozen=True)
class Warned:
    """Something that the reader should know, while the run goes on: a checkpoint that could not be written or read."""

    step: int
    text: str


@dataclass(frozen=True)
class Stopped:
    """The run was asked to stop, and can be resumed from its checkpoint."""

    run: str
    recipe: str
    step: int
    checkpoint: Path


@dataclass(frozen=True)
class Finished:
    """The weights and their card are on disk; `final` are the scores on held-out examples."""

    run: str
    recipe: str
    steps: int
    steps_per_second: float
    final: Mapping[str, float]
    checkpoint: Path


TrainEvent = Started | Stepped | Evaluated | Saved | Warned | Stopped | Finished
