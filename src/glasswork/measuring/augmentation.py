"""The record of what augmentation is worth: one small network on few pictures, with and without, from several seeds.

`python scripts/measure_augmentation.py` makes it again.
"""

from __future__ import annotations

import statistics
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

from glasswork.errors import GlassworkError

PATH = Path(__file__).with_name("augmentation.json")


class Comparison(Struct, frozen=True, kw_only=True):
    """Pairs of runs that differ in augmentation alone."""

    recipe: str
    settings: dict[str, int | float | str]
    """Other than the recipe's, in both."""
    pictures: int
    """Trained on: others for each seed."""
    tested_on: int
    seeds: list[int]
    augmented: list[float]
    """The accuracy on the test pictures, for each seed."""
    plain: list[float]
    """The same with every kind of augmentation at 0."""

    @property
    def means(self) -> dict[str, float]:
        """Over the seeds."""
        return {"augmented": statistics.mean(self.augmented), "plain": statistics.mean(self.plain)}


@cache
def read_comparison(path: Path = PATH) -> Comparison:
    """Read the record.

    Raises:
        GlassworkError: it is missing, or is no such record.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Comparison)
    except (OSError, msgspec.MsgspecError) as error:
        raise GlassworkError(
            "the record of augmentation can't be read",
            where=str(path),
            why=str(error),
            todo="Make it again: python scripts/measure_augmentation.py.",
        ) from error
