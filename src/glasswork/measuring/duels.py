"""What goes wrong between two players, each named by a stated test over the last looks at them.

A look is taken every so many steps; the tests compare several, since what is seen once may be chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

LOOKS = 3  # that must agree
WARM = 750  # steps before which a generator is expected to be poor
FEW_CELLS = 0.25  # of the cells that real points fill
STARVED = 0.1  # of a cluster's even share
APART = 0.6  # bits, that only densities come to that hardly overlap: at its best a discriminator is constant, too
SURE = 0.95  # of real, and 1 - SURE of made
WEAK = 0.1  # push at a made point, in a loss whose push is 1 at a discriminator that is fooled
FLAT = 0.05  # deviation of the discriminator's answers
DEAD = 0.5  # of a layer's units
FAR = 10.0  # widths of the data's box
SWINGS = 8  # looks
SWUNG = 0.05  # widths of the box that the made points' mean moves from look to look, on average
NET = 0.35  # of that way, that may be left when all is added up


@dataclass(frozen=True)
class Look:
    """What was seen of both players after a step.

    Attributes:
        step: after how many.
        js: bits.
        filled: how many cells the made points fill, as a share of the real ones' (e to the entropy of each).
        shares: of each cluster the share of made points; empty where there are no clusters.
        middle: the made points' mean, in widths of the data's box, (2,).
        reach: the median distance of made points from the box's middle, in its widths.
        real, made: what the discriminator believes of either on average, 0..1; for scores that are no beliefs,
            the mean of sigmoids.
        flat: the standard deviation of the discriminator's number over real and made points.
        push: the size of the slope of a made point's own loss at that point; of half of them it is less.
        dead: for each player, of each layer of ReLUs the share of units that answered 0 to everything; None for others.
        finite: whether every weight was a number.
    """

    step: int
    js: float
    filled: float
    shares: tuple[float, ...]
    middle: tuple[float, float]
    reach: float
    real: float
    made: float
    flat: float
    push: float
    dead: tuple[tuple[float | None, ...], tuple[float | None, ...]]
    finite: bool


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Attributes:
        name: of NAMES.
        since: the first of the looks that agree.
        numbers: the evidence, by name.
    """

    name: str
    since: int
    numbers: dict[str, float]


NAMES = ("diverged", "dead", "sure", "constant", "collapsed", "dropped", "oscillating")


def diagnose(looks: Sequence[Look], window: int = SWINGS) -> list[Finding]:
    """What is wrong by the looks up to now, the gravest first.

    diverged: a weight is no number, or half of the made points lie more than ten widths of the box away.
    dead: half of the units of a layer of ReLUs answer 0 to 1,000 inputs.
    collapsed: in three looks after step 750, made points fill less than a quarter of the cells that real ones fill.
    dropped: likewise, half of all are on clusters, and one cluster gets less than a tenth of its even share.
    sure: likewise, the discriminator believes over .95 of real and under .05 of made points, and the push that it
        passes on to half of these is under 0.1.
    constant: likewise, JS is over 0.6 bits and the discriminator's answers deviate by less than 0.05.
    oscillating: over eight looks after step 750 the made points' mean moves by a twentieth of the box from look to
        look, and less than 35 % of that way is left when all is added up.
    """
    found: list[Finding] = []
    if not looks:
        return found
    last = looks[-1]
    if not last.finite or last.reach > FAR:
        begin = next(one for one in looks if not one.finite or one.reach > FAR)
        return [Finding("diverged", begin.step, {"reach": last.reach})]
    for player, layers in enumerate(last.dead):
        worst = max((share for share in layers if share is not None), default=0.0)
        if worst >= DEAD:
            found.append(Finding("dead", last.step, {"share": worst, "player": player}))
    recent = [one for one in looks[-LOOKS:] if one.step >= WARM]
    if len(recent) == LOOKS:
        found += _lasting(recent)
    recent = [one for one in looks[-window:] if one.step >= WARM]
    if len(recent) == window:
        middles = np.array([one.middle for one in recent])
        way = float(np.linalg.norm(np.diff(middles, axis=0), axis=1).sum())
        left = float(np.linalg.norm(middles[-1] - middles[0]))
        if way >= SWUNG * (window - 1) and left < NET * way:
            found.append(Finding("oscillating", recent[0].step, {"way": way / (window - 1), "left": left}))
    return sorted(found, key=lambda one: NAMES.index(one.name))


def _lasting(looks: Sequence[Look]) -> list[Finding]:
    """What all of some looks agree on."""
    found, begin, last = [], looks[0].step, looks[-1]
    if all(one.filled < FEW_CELLS for one in looks):
        found.append(Finding("collapsed", begin, {"filled": last.filled}))
    elif last.shares:
        even = 1 / len(last.shares)
        starved = [all(one.shares[i] < STARVED * even for one in looks) for i in range(len(last.shares))]
        if any(starved) and all(sum(one.shares) > 0.5 for one in looks):
            share = sum(s for s, less in zip(last.shares, starved, strict=True) if less)
            numbers = {"clusters": float(sum(starved)), "of": float(len(starved)), "share": share}
            found.append(Finding("dropped", begin, numbers))
    if all(one.real > SURE and one.made < 1 - SURE and one.push < WEAK for one in looks):
        found.append(Finding("sure", begin, {"real": last.real, "made": last.made, "push": last.push}))
    if all(one.js > APART and one.flat < FLAT for one in looks):
        found.append(Finding("constant", begin, {"flat": last.flat, "js": last.js}))
    return found


def entropy_cells(counts: NDArray[np.int64]) -> float:
    """How many cells are filled: e to the entropy of the counts, what lies outside left out."""
    inside = counts[:-1]
    if not inside.sum():
        return 0.0
    share = inside[inside > 0] / inside.sum()
    return float(np.exp(-(share * np.log(share)).sum()))
