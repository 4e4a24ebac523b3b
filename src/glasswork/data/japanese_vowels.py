"""JapaneseVowels: nine men say "ae"; who is speaking? Twelve cepstral coefficients at each of 7 to 29 steps."""

from __future__ import annotations

import gzip
import json
from functools import cache

import numpy as np

from glasswork.data._registry import listed
from glasswork.data._shipped import read_shipped
from glasswork.data._utterances import Utterances
from glasswork.errors import unknown

NAME = "japanese-vowels"
SPEAKERS = tuple(f"speaker {number}" for number in range(1, 10))
CHANNELS = 12
PARTS = {
    "train": "of the official training part, settings chosen within it (each third told by the rest)",
    "test": "the official 370",
}

listed(
    NAME,
    what="utterances of nine speakers, 7 to 29 steps of twelve numbers; the official split",
    counts={"train": 270, "test": 370},
    of="utterances",
)


@cache
def load_utterances(split: str = "train") -> Utterances:
    """The official training or test part.

    Raises:
        GlassworkError: there is no such split, or its file is missing or changed.
    """
    if split not in PARTS:
        raise unknown(f"split of {NAME}", split, list(PARTS))
    lines = gzip.decompress(read_shipped(f"{NAME}/{split}.gz")).decode().splitlines()
    rows = [json.loads(line) for line in lines]
    return Utterances(
        tuple(np.array(steps, np.float32) for _, steps in rows),
        np.array([label - 1 for label, _ in rows], np.int64),
        SPEAKERS,
        PARTS[split],
    )
