"""Points in the plane, drawn by a formula: two classes to be told apart, or a value to be fitted.

The plane is -6 to 6 both ways. The sets and their names are those that are usual since the TensorFlow Playground
(Smilkov and Carter 2016); moons are scikit-learn's. Noise moves a point, not its label.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glasswork.errors import unknown

REACH = 6.0
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Points:
    """Points of the plane.

    Attributes:
        x: (N, 2).
        y: (N, 1): 0 or 1, or of a regression a value from -1 to 1.
        classes: whether y is a class.
    """

    x: Numbers
    y: Numbers
    classes: bool


def _circle(random: np.random.Generator, count: int) -> tuple[Numbers, Numbers]:
    inner = np.arange(count) % 2
    radius = np.where(inner, random.uniform(0, 2.5, count), random.uniform(3.5, 5, count))
    angle = random.uniform(0, 2 * np.pi, count)
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], 1), inner.astype(float)


def _xor(random: np.random.Generator, count: int) -> tuple[Numbers, Numbers]:
    x = random.uniform(-5, 5, (count, 2))
    x += 0.3 * np.sign(x)
    return x, (x[:, 0] * x[:, 1] >= 0).astype(float)


def _gaussians(random: np.random.Generator, count: int) -> tuple[Numbers, Numbers]:
    one = np.arange(count) % 2
    return random.normal(0, 1, (count, 2)) + np.where(one, 2, -2)[:, None], one.astype(float)


def _spiral(random: np.random.Generator, count: int) -> tuple[Numbers, Numbers]:
    one = np.arange(count) % 2
    way = random.uniform(0, 1, count)
    angle = 1.75 * way * 2 * np.pi + np.pi * one
    return 5 * way[:, None] * np.stack([np.sin(angle), np.cos(angle)], 1), one.astype(float)


def _moons(random: np.random.Generator, count: int) -> tuple[Numbers, Numbers]:
    one = np.arange(count) % 2
    angle = random.uniform(0, np.pi, count)
    x = np.where(one, 1 - np.cos(angle), np.cos(angle))
    y = np.where(one, 0.5 - np.sin(angle), np.sin(angle))
    return np.stack([3 * (x - 0.5), 3 * (y - 0.25)], 1), one.astype(float)


def _plane(random: np.random.Generator, count: int) -> tuple[Numbers, Numbers]:
    x = random.uniform(-REACH, REACH, (count, 2))
    return x, x.sum(1) / (2 * REACH)


CENTRES = np.array([[-4, 2.5], [0, 2.5], [4, 2.5], [-4, -2.5], [0, -2.5], [4, -2.5]])
SIGNS = np.array([1, -1, 1, -1, 1, -1])


def _multi_gaussian(random: np.random.Generator, count: int) -> tuple[Numbers, Numbers]:
    x = random.uniform(-REACH, REACH, (count, 2))
    far = np.linalg.norm(x[:, None] - CENTRES[None], axis=2)
    near = far.argmin(1)
    return x, SIGNS[near] * np.clip(1 - far.min(1) / 2, 0, 1)


_SETS: dict[str, tuple[Callable[[np.random.Generator, int], tuple[Numbers, Numbers]], bool]] = {
    "circle": (_circle, True),
    "xor": (_xor, True),
    "gaussians": (_gaussians, True),
    "spiral": (_spiral, True),
    "moons": (_moons, True),
    "plane": (_plane, False),
    "multi_gaussian": (_multi_gaussian, False),
}

NAMES = tuple(_SETS)


def points(name: str, count: int, noise: float, seed: int) -> Points:
    """Draw a set.

    Args:
        name: one of NAMES.
        count: how many.
        noise: the deviation of what is added to both coordinates, as a share of the plane's half (0 to 0.5).
        seed: the same seed gives the same points, at any noise.

    Raises:
        GlassworkError: no such set.
    """
    if name not in _SETS:
        raise unknown("set of points", name, list(_SETS))
    make, classes = _SETS[name]
    random = np.random.default_rng([seed, NAMES.index(name)])
    x, y = make(random, count)
    moved = random.normal(0, 1, x.shape) * noise * REACH / 2
    return Points(x + moved, y[:, None], classes)
