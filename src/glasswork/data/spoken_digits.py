"""Spoken digits: "zero" to "nine" in synthesised voices, as mel spectrograms. Parts share no voice."""

from __future__ import annotations

import gzip
from functools import cache

import numpy as np

from glasswork.data._registry import listed
from glasswork.data._shipped import parse_idx, read_shipped
from glasswork.data._utterances import Utterances
from glasswork.errors import unknown

NAME = "spoken-digits"
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PARTS = {
    "train": "of 20 synthesised voices, settings as first chosen",
    "test": "240 of 6 other synthesised voices; people were not heard",
}
COUNTS = {"train": 800, "test": 240}

listed(
    NAME,
    what="ten words in 26 synthesised voices, 20 mel bands every 20 ms; the test part's voices are others",
    counts=COUNTS,
    of="utterances",
)


@cache
def load_spoken_digits(split: str = "train") -> Utterances:
    """The training or the test part: decibels above a floor 60 below each utterance's loudest number, low bands first;
    a step is 20 ms.

    Raises:
        GlassworkError: there is no such split, or a file is missing or changed.
    """
    if split not in PARTS:
        raise unknown(f"split of {NAME}", split, list(PARTS))
    levels = parse_idx(read_shipped(f"{NAME}/spectrograms.gz"), f"{NAME}/spectrograms.gz").astype(np.float32)
    lines = gzip.decompress(read_shipped(f"{NAME}/utterances.gz")).decode().splitlines()
    rows = [line.split(",") for line in lines]  # part, digit, voice, accent, words a minute, pitch, steps
    ends = np.cumsum([int(row[-1]) for row in rows])
    chosen = [i for i, row in enumerate(rows) if row[0] == split]
    return Utterances(
        tuple(levels[ends[i] - int(rows[i][-1]) : ends[i]] for i in chosen),
        np.array([int(rows[i][1]) for i in chosen], np.int64),
        DIGITS,
        PARTS[split],
        voices=tuple(rows[i][2] for i in chosen),
        names=tuple(_called(*rows[i][2:6]) for i in chosen),
    )


def _called(voice: str, accent: str, speed: str, pitch: str) -> str:
    return f"voice {voice}, {accent}, {speed} words a minute, pitch {pitch}"
