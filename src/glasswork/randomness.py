"""torch's random state belongs to the whole process: whoever sets it must be alone with it, and put it back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Without turns, one thread's putting back would fall into the middle of what another thread draws: a network of random
# weights would then not be the same one the next time.
_turn = threading.RLock()


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Afterwards the CPU's random state is as before, whatever was drawn; one thread at a time."""
    with _turn, torch.random.fork_rng(devices=[]):
        yield


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """What is drawn inside is the same each time; afterwards the random state is as before."""
    with kept_random_state():
        torch.manual_seed(seed)
        yield
