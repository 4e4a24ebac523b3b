"""Which examples a step sees: a pure function of (seed, epoch, position).

There is no state to save: step number s of an unbroken run, of a resumed one and of one on many processes is the same.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch

ORDER, CHANCE = 3, 4  # streams of the seed; 1 and 2 are the split's and the balanced draw's


@lru_cache(maxsize=2)
def _order(count: int, seed: int, epoch: int) -> np.ndarray:
    """A permutation of 0 ... count - 1; kept, since a step needs a small part of it."""
    return np.random.default_rng([seed, ORDER, epoch]).permutation(count)


def epoch_batch(count: int, batch: int, seed: int, step: int) -> np.ndarray:
    """The examples of step number `step`, (batch,): every epoch in a new order; what is left over at its end is unused.

    Args:
        count: how many examples there are, at least `batch`.
    """
    epoch, position = divmod(step, count // batch)
    return _order(count, seed, epoch)[position * batch : (position + 1) * batch].copy()


def chance(seed: int, step: int, turn: int = 0) -> torch.Generator:
    """The random numbers of one step."""
    return torch.Generator().manual_seed(mixed(seed, CHANCE, step, turn))


def mixed(*numbers: int) -> int:
    """One seed of 63 bits from several numbers; alike ones give unlike seeds."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))
