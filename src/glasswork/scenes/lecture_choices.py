"""What was found as the answer to a question, and which of the choices that are offered it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from glasswork.errors import GlassworkError
from glasswork.scenes.messages.base import Number
from glasswork.scenes.messages.lecture import Reads


@dataclass(frozen=True)
class Found:
    """An answer: words, with the numbers that tell them; or a number alone. Each number has its reference."""

    words: str = ""
    numbers: tuple[Number, ...] = ()
    reads: Reads = "number"

    @property
    def number(self) -> Number | None:
        """The only one."""
        return self.numbers[0] if len(self.numbers) == 1 else None


def right_choice(found: Found, choices: list[str]) -> int:
    """Which of the choices an answer is: the one of the same words, or the nearest number.

    Raises:
        GlassworkError: none is.
    """
    if found.words:
        same = [i for i, choice in enumerate(choices) if choice == found.words]
        same += [i for i, choice in enumerate(choices) if choice.strip().casefold() == found.words.strip().casefold()]
        if not same:
            why = f"the answer is {found.words!r}; choices: {', '.join(choices)}"
            raise GlassworkError("none of the choices is right", why=why, todo="Offer the right one, too.")
        return same[0]
    assert found.number is not None
    away = [abs(as_number(choice) - found.number.value) for choice in choices]
    return away.index(min(away))


def as_number(choice: str) -> float:
    """`1,690`, `about 3 %` and `−0.4` as numbers."""
    found = re.search(r"-?\d[\d,]*(?:\.\d+)?|-?\.\d+", choice.replace("−", "-"))
    if found is None:
        raise GlassworkError("this choice is no number", where=choice[:80], todo="Offer numbers: the answer is one.")
    return float(found[0].replace(",", ""))
