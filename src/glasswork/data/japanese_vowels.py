"""JapaneseVowels: nine men say "ae"; who is speaking? Twelve cepstral coefficients at each of 7 to 29 steps."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from functools import cache

import numpy as np

from glasswork.data._registry import listed
from glasswork.data._shipped import read_shipped
from glasswork.errors import unknown

NAME = "japanese-vowels"
SPEAKERS = tuple(f"speaker {number}" for number in range(1, 10))
CHANNELS = 12

listed(
    NAME,
    what="utterances of nine speakers, 7 to 29 steps of twelve numbers; the official split",
    counts={"train": 270, "test": 370},
    of="utterances",
)


@dataclass(frozen=True)
class Utterances:
    """Sequences of different lengths, each of one class.

    Attributes:
        steps: float32, (T, 12) each.
        labels: int64, (N,); indices into classes.
        classes: the speakers.
    """

    steps: tuple[np.ndarray, ...]
    labels: np.ndarray
    classes: tuple[str, ...] = SPEAKERS

    def __len__(self) -> int:
        return len(self.labels)


@cache
def load_utterances(split: str = "train") -> Utterances:
    """The official training or test part.

    Raises:
        GlassworkError: there is no such split, or its file is missing or changed.
    """
    if split not in ("train", "test"):
        raise unknown(f"split of {NAME}", split, ["train", "test"])
    lines = gzip.decompress(read_shipped(f"{NAME}/{split}.gz")).decode().splitlines()
    rows = [json.loads(line) for line in lines]
    return Utterances(
        tuple(np.array(steps, np.float32) for _, steps in rows), np.array([label - 1 for label, _ in rows], np.int64)
    )
