"""Which numbers a shown text can stand for: its own rounding, and nothing more."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
PLAIN = re.compile(r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?")
RELATIVE = 1e-5
CANCELLED = 1e-6
"""What two computations in float32 may differ by: of the number, and of the sizes that it was summed from."""


@dataclass(frozen=True)
class Interval:
    """Both ends are within."""

    low: float
    high: float

    def holds(self, value: float, off: float) -> bool:
        return self.low - off <= value <= self.high + off


def read(text: str) -> Interval:
    """The numbers that would be written like this.

    Raises:
        ValueError: it is not how a number is written on our pages.
    """
    text = text.strip()
    if text.startswith("<."):
        return Interval(0, float(text[1:]))
    if text.startswith(">."):
        return Interval(float(text[1:]), 1)
    if "-" in text:
        raise ValueError(f"{text!r} has a hyphen for a minus")
    plain = text.replace("−", "-").replace("\u00a0", " ")
    if re.search(r"\d,\d{3}", plain):
        plain = re.sub(r",(?=\d{3}(?:\D|$))", "", plain)
    if found := re.fullmatch(r"(.+) × 10([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)", plain):
        plain = f"{found[1]}e{found[2].translate(RAISED)}"
    if not PLAIN.fullmatch(plain):
        raise ValueError(f"{text!r} is not how a number is written")
    mantissa, _, power = plain.partition("e")
    decimals = len(mantissa.partition(".")[2])
    value = float(plain)
    # A bare 0 is written for nothing at all; what only rounds to zero shows its decimals.
    half = 0 if plain == "0" else 0.5 * 10.0 ** (int(power or 0) - decimals)
    return Interval(value - half, value + half)


def slack(value: float, scale: float) -> float:
    """How far an equal number may be off.

    Args:
        value: the number, computed independently.
        scale: how large the numbers are that it was summed from: float32 rounds relative to them.
    """
    return RELATIVE * abs(value) + CANCELLED * scale


def stands_for(text: str, value: float, scale: float) -> bool:
    """Whether a text, as it stands on the page, is this number, rounded."""
    if not math.isfinite(value):
        return text == ("NaN" if math.isnan(value) else "+∞" if value > 0 else "−∞")
    return read(text).holds(value, slack(value, scale))
