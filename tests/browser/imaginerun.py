"""The numbers of the page of text to image, by their addresses.

Records stand beside those of traces: `imagine:ID` is a run, `paths:ID,ID` a pair of them, `noising:ID` an example of
training.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from claims import Number
from noisingrun import Training
from pathsrun import Paths
from picturerun import Picture


@cache
def resolve(kind: str, name: str, folder: Path, path: str, index: tuple[int, ...]) -> Number:
    """A number of a run, of a pair of runs, or of an example of training."""
    return source(kind, name, folder).number(path, index)


@cache
def source(kind: str, name: str, folder: Path) -> Picture | Paths | Training:
    if kind == "imagine":
        return Picture(folder, name)
    if kind == "noising":
        return Training(folder, name)
    one, _, other = name.partition(",")
    pair = [source("imagine", each, folder) for each in (one, other)]
    runs = [run for run in pair if isinstance(run, Picture)]
    return Paths(runs[0], runs[1])
