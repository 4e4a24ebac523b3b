"""The colour scales of the style guide, written down a second time: stops in hex, interpolated in OKLab."""

from __future__ import annotations

from functools import cache

import numpy as np

STOPS = {
    "light": {
        "activation": "7A0A1C B2182B E8998C F1F1EF 8FBFE0 2166AC 0B3767",
        "gradient": "40004B 762A83 BC9AC6 F1F1EF 95CB98 1B7837 00401A",
        "weight": "543005 8C510A D3AE72 F1F1EF 84C6BC 01665E 00352D",
        "probability": "F4F3F8 A99AD8 3B1E8F",
        "belief": "F0B48C F1F1EF 84CDB3",
        "grey": "000000 FFFFFF",
    },
    "dark": {
        "activation": "FF9A8A C8323E 22252B 2F78C0 9AD0FF",
        "gradient": "E0B5EC 8E4A9C 22252B 2F8C50 A6E3B5",
        "weight": "F0C987 A06A1E 22252B 14867B 8FE0D4",
        "probability": "1B1E25 5B3FC4 CFC2FF",
        "belief": "8A4415 22252B 0B6B50",
        "grey": "000000 FFFFFF",
    },
}
SEQUENTIAL = ("probability", "grey")

# Björn Ottosson, "A perceptual color space for image processing", 2020: linear sRGB to cone responses, these to Lab.
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
FROM_LAB, FROM_CONES = np.linalg.inv(TO_LAB), np.linalg.inv(TO_CONES)


@cache
def to_lab(colour: str) -> np.ndarray:
    encoded = np.array([int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)])
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return TO_LAB @ np.cbrt(TO_CONES @ linear)


def to_bytes(lab: np.ndarray) -> np.ndarray:
    """Colours (..., 3) as red, green and blue."""
    linear = (lab @ FROM_LAB.T) ** 3 @ FROM_CONES.T
    linear = linear.clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def colour_of(scale: str, values: float | list[float], reach: float, theme: str) -> np.ndarray:
    """Red, green and blue (0 to 255) of a value on a scale that ends at `reach`; of several, a row each."""
    stops = np.array([to_lab(stop) for stop in STOPS[theme][scale].split()])
    share = np.asarray(values, float) / (reach if reach > 0 else np.inf)
    at = np.clip(share if scale in SEQUENTIAL else 0.5 + share / 2, 0, 1) * (len(stops) - 1)
    left = np.minimum(at.astype(int), len(stops) - 2)
    return to_bytes(stops[left] + (stops[left + 1] - stops[left]) * (at - left)[..., None])


def apart(scale: str, value: float, reach: float, theme: str, seen: tuple[int, int, int]) -> float:
    """How far a seen colour is from the right one, in the steps (of 255) of the worst channel.

    The page may use a table of 512 colours, so the nearest within half a step of such a table counts.
    """
    span = reach if scale in SEQUENTIAL else 2 * reach
    near = colour_of(scale, [value + span * shift for shift in (-1 / 1022, 0, 1 / 1022)], reach, theme)
    low, high = np.min(near, axis=0), np.max(near, axis=0)
    shown = np.array(seen, float)
    return float(np.maximum(np.maximum(low - shown, shown - high), 0).max())
