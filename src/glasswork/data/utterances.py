"""Utterances of every data set of such, by its name."""

from __future__ import annotations

from collections.abc import Callable

from glasswork.data import japanese_vowels, spoken_digits
from glasswork.data._utterances import Utterances
from glasswork.errors import unknown

_LOADERS: dict[str, Callable[[str], Utterances]] = {
    japanese_vowels.NAME: japanese_vowels.load_utterances,
    spoken_digits.NAME: spoken_digits.load_spoken_digits,
}


def load_utterances(name: str, split: str = "train") -> Utterances:
    """The training or test part of a data set of utterances.

    Raises:
        GlassworkError: there is no such data set or split, or its file is missing or changed.
    """
    if name not in _LOADERS:
        raise unknown("data set of utterances", name, list(_LOADERS))
    return _LOADERS[name](split)
