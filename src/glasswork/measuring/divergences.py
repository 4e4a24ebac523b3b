"""How far two clouds of points are from each other, each figure with its formula and its error.

Both are counted on one grid: its cells lie over the real points' box, widened by 5 % of its extent on each side, and
one more cell takes what falls outside, so that what a generator throws away counts, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
CELLS, MARGIN = 30, 0.05
RESAMPLES = 100
ROUNDED = 12  # decimals; less is what adding up in another order makes of 0
APART = 1.96 * math.sqrt(2)
"""Of two figures of the same generator, each with this deviation, 95 in 100 differ by less than so many deviations."""
DIRECTIONS = 32
SMOOTHING = 0.5  # of a point, in every cell, for a divergence that an empty cell would make infinite


@dataclass(frozen=True)
class Grid:
    """Where points are counted.

    Attributes:
        low, high: its corners, (2,).
        cells: along each axis.
    """

    low: Numbers
    high: Numbers
    cells: int = CELLS

    def count(self, points: Numbers) -> NDArray[np.int64]:
        """How many points each cell holds, and last how many lie outside or are no numbers, (cells^2 + 1,)."""
        with np.errstate(all="ignore"):
            place = np.floor((points - self.low) / (self.high - self.low) * self.cells)
        inside = ((place >= 0) & (place < self.cells)).all(1)
        at = place[inside].astype(np.int64)
        flat = at[:, 0] * self.cells + at[:, 1]
        counts = np.bincount(flat, minlength=self.cells**2 + 1)
        counts[-1] = len(points) - len(flat)
        return counts


def grid_over(real: Numbers, cells: int = CELLS) -> Grid:
    """The grid over real points, (N, 2)."""
    low, high = real.min(0), real.max(0)
    margin = MARGIN * (high - low)
    margin[margin == 0] = 1e-9
    return Grid(low - margin, high + margin, cells)


def js_bits(p: NDArray[np.int64], q: NDArray[np.int64]) -> float:
    """Jensen-Shannon divergence, 0 to 1: 1/2 KL(P | M) + 1/2 KL(Q | M) with M = (P + Q) / 2 (Lin 1991).

    Args:
        p, q: counts of the same cells.
    """
    left, right = p / p.sum(), q / q.sum()
    middle = (left + right) / 2
    return (_kl(left, middle) + _kl(right, middle)) / 2


def kl_bits(p: NDArray[np.int64], q: NDArray[np.int64]) -> float:
    """Kullback-Leibler divergence of the real from the generated, sum P log2(P / Q).

    Half a point is added to every cell of both, or one empty cell would make it infinite.
    """
    left, right = p + SMOOTHING, q + SMOOTHING
    return _kl(left / left.sum(), right / right.sum())


def _kl(p: Numbers, q: Numbers) -> float:
    there = p > 0
    return float((p[there] * np.log2(p[there] / q[there])).sum())


def deviations(p: NDArray[np.int64], q: NDArray[np.int64], random: np.random.Generator) -> tuple[float, float]:
    """The standard deviations of js_bits and kl_bits, by drawing both samples again with replacement."""
    first = random.multinomial(p.sum(), p / p.sum(), RESAMPLES)
    second = random.multinomial(q.sum(), q / q.sum(), RESAMPLES)
    pairs = list(zip(first, second, strict=True))
    js, kl = (np.std([bits(a, b) for a, b in pairs]) for bits in (js_bits, kl_bits))
    return round(float(js), ROUNDED), round(float(kl), ROUNDED)


def sliced_wasserstein(real: Numbers, made: Numbers, directions: int = DIRECTIONS) -> float:
    """How far points must be moved on average, seen from the side: the mean over directions of Wasserstein-1 between
    the projections (Bonneel et al. 2015), in the data's units.

    Args:
        real, made: as many of the one as of the other, (N, 2).
        directions: evenly spread over half a turn.
    """
    angles = np.arange(directions) * np.pi / directions
    ways = np.stack([np.cos(angles), np.sin(angles)])
    apart = np.sort(real @ ways, axis=0) - np.sort(made @ ways, axis=0)
    return float(np.abs(apart).mean())


NEIGHBOURS = 5
AMONG = 1_000


def precision_recall(real: Numbers, made: Numbers) -> tuple[float, float]:
    """The share of generated points that lie among real ones, and of real points that lie among generated ones.

    A point lies among others when it is nearer to one of them than that one's fifth nearest fellow (Kynkaanniemi et
    al. 2019, https://arxiv.org/abs/1904.06991, equation 1), with the first 1,000 of each.
    """
    real, made = real[:AMONG], made[:AMONG]
    return _among(made, real), _among(real, made)


def _among(points: Numbers, others: Numbers) -> float:
    fellows = _squares(others, others)
    reach = np.partition(fellows, NEIGHBOURS, axis=1)[:, NEIGHBOURS]
    return float((_squares(points, others) <= reach).any(1).mean())


def _squares(a: Numbers, b: Numbers) -> Numbers:
    """Squared distances, (N, M)."""
    return (a[:, None, 0] - b[None, :, 0]) ** 2 + (a[:, None, 1] - b[None, :, 1]) ** 2


def mode_shares(made: Numbers, modes: Numbers, spread: Numbers) -> Numbers:
    """Of each cluster, the share of all generated points that lie within three deviations of its middle, (M,)."""
    with np.errstate(all="ignore"):
        apart = (((made[:, None] - modes[None]) / spread[None]) ** 2).sum(2)
    near = np.where(np.isfinite(apart), apart, np.inf)
    which = near.argmin(1)[near.min(1) < 9]
    return np.bincount(which, minlength=len(modes)) / len(made)


def best_loss(loss: str, p: NDArray[np.int64], q: NDArray[np.int64]) -> float | None:
    """What the best possible discriminator would lose on these densities, as they are on the grid.

    It answers P / (P + Q): with log losses it loses ln 2 - JS (Goodfellow et al. 2014, theorem 1, halved), with least
    squares 1/2 sum P Q / (P + Q), with hinges sum min(P, Q). A critic of Wasserstein's has no such closed form.
    """
    left, right = p / p.sum(), q / q.sum()
    if loss in ("non_saturating", "saturating"):
        return math.log(2) * (1 - js_bits(p, q))
    if loss == "least_squares":
        both = left + right
        return float(0.5 * (left * right / np.where(both > 0, both, 1)).sum())
    if loss == "hinge":
        return float(np.minimum(left, right).sum())
    return None
