"""Distributions in the plane, for networks that learn to draw from one.

Line, gaussians, ring and disjoint are GAN Lab's (Kahng et al. 2018, https://arxiv.org/abs/1809.01587), so that figures
compare; all lie in the unit square. Others are made of the reader's own points, strokes or picture.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from glasswork.errors import GlassworkError, unknown

Numbers = NDArray[np.float64]
Draws = Callable[[np.random.Generator, int], Numbers]
STREAM = 11  # of the seed
REACH = 2.0  # networks see the data's box as -2 to 2
MOST_CLUSTERS = 24
STROKE = 0.015  # deviation around what is drawn by hand, as a share of the square
BLACK = 255.0


@dataclass(frozen=True)
class Distribution:
    """Something to draw points from.

    Attributes:
        name: short.
        draws: from chance, N points (N, 2).
        centre: of the box that networks see as -2 to 2 both ways.
        width: of that box.
        modes: the middles of its clusters, (M, 2); none where it has no clusters.
        spread: of each cluster the deviation along both axes, (M, 2).
    """

    name: str
    draws: Draws
    centre: tuple[float, float] = (0.5, 0.5)
    width: float = 1.0
    modes: Numbers = field(default_factory=lambda: np.empty((0, 2)))
    spread: Numbers = field(default_factory=lambda: np.empty((0, 2)))

    @property
    def scale(self) -> float:
        """What a distance is multiplied by before a network sees it."""
        return 2 * REACH / self.width

    def draw(self, count: int, seed: int) -> Numbers:
        """Draw (count, 2); the same seed gives the same points."""
        return self.draws(np.random.default_rng([seed, STREAM]), count)

    def seen(self, points: Numbers) -> Numbers:
        """As a network sees them: (x - centre) scale."""
        return (points - np.array(self.centre)) * self.scale

    def back(self, seen: Numbers) -> Numbers:
        """From what a network sees or makes to the data's own units."""
        return seen / self.scale + np.array(self.centre)


def _line(random: np.random.Generator, count: int) -> Numbers:
    r = random.random(count)
    return np.stack([0.8 - 0.75 * r, 0.6 + 0.3 * r], 1) + random.normal(0, 0.01, (count, 2))


def _ring(random: np.random.Generator, count: int) -> Numbers:
    t = random.random(count) * 2 * np.pi
    middle = np.stack([0.5 + 0.3 * np.cos(t), 0.45 + 0.25 * np.sin(t)], 1)
    return middle + random.normal(0, 0.025, (count, 2))


def _moons(random: np.random.Generator, count: int) -> Numbers:
    lower = random.random(count) < 0.5
    t = random.random(count) * np.pi
    x = np.where(lower, 1 - np.cos(t), np.cos(t))
    y = np.where(lower, 0.5 - np.sin(t), np.sin(t))
    return np.stack([0.36 + 0.28 * x, 0.43 + 0.28 * y], 1) + random.normal(0, 0.02, (count, 2))


def _spiral(random: np.random.Generator, count: int) -> Numbers:
    way = np.sqrt(random.random(count))  # so that it is as dense outside as within
    angle = way * 3 * np.pi
    arm = np.stack([np.cos(angle), np.sin(angle)], 1) * (0.05 + 0.35 * way)[:, None]
    return 0.5 + arm + random.normal(0, 0.012, (count, 2))


def _clustered(name: str, modes: list[tuple[float, float]], spread: list[tuple[float, float]]) -> Distribution:
    middles, widths = np.array(modes), np.array(spread)

    def draw(random: np.random.Generator, count: int) -> Numbers:
        which = random.integers(0, len(middles), count)
        return middles[which] + random.standard_normal((count, 2)) * widths[which]

    return Distribution(name, draw, modes=middles, spread=widths)


def _around(count: int) -> Distribution:
    angles = 2 * np.pi * np.arange(count) / count
    middles = [(0.5 + 0.35 * float(np.cos(a)), 0.5 + 0.35 * float(np.sin(a))) for a in angles]
    return _clustered(f"gaussians-{count}", middles, [(0.02, 0.02)] * count)


_GRID = [(0.2 + 0.2 * i, 0.2 + 0.2 * j) for i in range(4) for j in range(4)]
_KNOWN: dict[str, Distribution] = {
    one.name: one
    for one in (
        Distribution("line", _line),
        _clustered("gaussians", [(0.3, 0.7), (0.7, 0.4)], [(0.1, 0.1), (0.05, 0.2)]),
        Distribution("ring", _ring),
        _clustered("disjoint", [(0.35, 0.75), (0.75, 0.6), (0.45, 0.35)], [(0.025, 0.025)] * 3),
        _around(8),
        _clustered("grid", _GRID, [(0.018, 0.018)] * len(_GRID)),
        Distribution("moons", _moons),
        Distribution("spiral", _spiral),
    )
}
NAMES = tuple(_KNOWN)


def distribution(name: str) -> Distribution:
    """One by its name: of NAMES, or gaussians-K for K clusters on a circle.

    Raises:
        GlassworkError: no such distribution.
    """
    if name in _KNOWN:
        return _KNOWN[name]
    many = re.fullmatch(r"gaussians-(\d{1,2})", name)
    if many and 1 <= int(many[1]) <= MOST_CLUSTERS:
        return _around(int(many[1]))
    raise unknown("distribution", name, [*NAMES, f"gaussians-1 to gaussians-{MOST_CLUSTERS}"])


def of_points(points: Numbers, name: str = "points", jitter: float = 0.0) -> Distribution:
    """What points of the reader's say: each is as likely as every other.

    Args:
        points: (N, 2).
        name: what it is called.
        jitter: the deviation that is added when one is drawn, as a share of their extent, or of 1 for a single point.

    Raises:
        GlassworkError: they aren't numbers, or all the same and not jittered.
    """
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise _unfit(f"points are rows of two numbers; these have the shape {list(points.shape)}")
    if not np.isfinite(points).all():
        bad = int((~np.isfinite(points).all(1)).argmax())
        raise _unfit(f"row {bad + 1:,} is no pair of numbers")
    with np.errstate(over="ignore"):
        low, high = points.min(0), points.max(0)
        extent = float((high - low).max())
    if not np.isfinite(extent) or np.abs(points).max() > 1e100:
        raise _unfit("the numbers are too large")
    if extent == 0 and not jitter:
        raise _unfit("all points are the same: there is nothing to spread over")
    if 0 < extent < 1e-9 * float(np.abs(points).max()):
        raise _unfit("the points differ by less than a computer's numbers can tell", "Take the common part away.")
    own = jitter * (extent or 1.0)

    def draw(random: np.random.Generator, count: int) -> Numbers:
        chosen = points[random.integers(0, len(points), count)]
        return chosen + random.normal(0, own, (count, 2)) if own else chosen

    middle = (low + high) / 2
    return Distribution(name, draw, (float(middle[0]), float(middle[1])), 1.25 * (extent + 6 * own))


def of_strokes(points: Numbers, name: str = "drawn") -> Distribution:
    """What was drawn by hand in the unit square; every place of the pen is a small cloud."""
    made = of_points(points, name, STROKE)

    def draw(random: np.random.Generator, count: int) -> Numbers:
        return points[random.integers(0, len(points), count)] + random.normal(0, STROKE, (count, 2))

    return Distribution(made.name, draw)


def of_picture(grey: NDArray[np.uint8], name: str = "picture") -> Distribution:
    """A picture as a density: the darker a pixel, the likelier.

    Args:
        grey: (H, W), 0 black to 255 white.
        name: what it is called.

    Raises:
        GlassworkError: it is white all over.
    """
    ink = (BLACK - grey.astype(np.float64)).ravel()
    if not ink.sum():
        raise GlassworkError(
            "this picture can't be drawn from",
            why="it is white all over; the darker a pixel, the likelier it is",
            todo="Give one with something dark on white.",
        )
    rising = np.cumsum(ink)
    height, width = grey.shape
    side = max(height, width)

    def draw(random: np.random.Generator, count: int) -> Numbers:
        place = np.searchsorted(rising, random.random(count) * rising[-1], side="right")
        row, column = np.divmod(np.minimum(place, ink.size - 1), width)
        inside = random.random((count, 2))
        x = (column + inside[:, 0] - width / 2) / side * 0.8 + 0.5
        y = (height / 2 - row - inside[:, 1]) / side * 0.8 + 0.5
        return np.stack([x, y], 1)

    return Distribution(name, draw)


def _unfit(why: str, todo: str = "Give rows of x and y.") -> GlassworkError:
    return GlassworkError("these points can't be drawn from", why=why, todo=todo)
