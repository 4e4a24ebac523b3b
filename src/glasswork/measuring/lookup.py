"""What there is to gain by learning: how often the nearest known utterance has the right class, without any network."""

from __future__ import annotations

import numpy as np

from glasswork.data._utterances import Utterances

STEPS = 16


def lookup_accuracy(known: Utterances, asked: Utterances) -> float:
    """The share of utterances whose nearest neighbour among the known ones, all of them stretched to as many steps by
    linear interpolation, is of their class.

    T. Cover, P. Hart, "Nearest neighbor pattern classification", 1967, https://doi.org/10.1109/TIT.1967.1053964.
    """
    a, b = (np.stack([stretched(one) for one in part.steps]) for part in (known, asked))  # (N, STEPS · C), (M, ...)
    distances = (b**2).sum(1)[:, None] - 2 * b @ a.T + (a**2).sum(1)  # (M, N)
    return float((known.labels[distances.argmin(1)] == asked.labels).mean())


def stretched(steps: np.ndarray) -> np.ndarray:
    """(T, C) -> (STEPS · C)."""
    place = np.linspace(0, len(steps) - 1, STEPS)
    at = np.minimum(place.astype(int), max(len(steps) - 2, 0))
    after = np.minimum(at + 1, len(steps) - 1)
    share = (place - at)[:, None]
    return (steps[at] * (1 - share) + steps[after] * share).astype(np.float64).ravel()
