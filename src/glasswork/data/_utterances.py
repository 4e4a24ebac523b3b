"""What every data set of utterances is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Utterances:
    """Sequences of different lengths, each of one class.

    Attributes:
        steps: float32, (T, C) each, of the same C.
        labels: int64, (N,); indices into classes.
        classes: what can be said of one.
        part: what the whole is, as a card says it after "trained on ... utterances" or "tested on".
        voices: whose each one is, where the parts are divided by voices; else empty.
        names: what each is called; empty where they have numbers alone.
    """

    steps: tuple[np.ndarray, ...]
    labels: np.ndarray
    classes: tuple[str, ...]
    part: str
    voices: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def channels(self) -> int:
        """How many numbers there are at each step."""
        return self.steps[0].shape[1]
