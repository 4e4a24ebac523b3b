"""Places in a generator's noise, as an address names them: `7`, or a weighted sum such as `7*0.6,12*0.8`."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.generation.generators import draw_noise
from glasswork.zoo import Makes

MOST_PARTS = 6
LARGEST = 100.0
"""Of a weight."""
SEEDS = 1 << 31


def read_latent(text: str, makes: Makes) -> Tensor:
    """The noise of an address, (1, Z): each number before a `*` is the seed of a draw, what follows it its weight.

    Raises:
        GlassworkError: it is no such sum.
    """
    found = torch.zeros(1, makes.numbers, dtype=torch.float64)
    parts = text.split(",")
    if len(parts) > MOST_PARTS:
        raise _unread(text, f"it has {len(parts)} parts; at most {MOST_PARTS} are added up")
    for part in parts:
        seed, star, weight = part.partition("*")
        if not seed.isascii() or not seed.isdecimal() or not 0 <= int(seed) < SEEDS:
            raise _unread(text, f"{seed[:20]!r} is no seed from 0 to {SEEDS - 1:,}")
        try:
            times = float(weight) if star else 1.0
        except ValueError:
            times = math.nan
        if not abs(times) <= LARGEST:
            raise _unread(text, f"{weight[:20]!r} is no weight from -{LARGEST:g} to {LARGEST:g}")
        random = torch.Generator().manual_seed(int(seed))
        found += times * draw_noise(makes.noise, 1, makes.numbers, random).double()
    return found.float()


def _unread(text: str, why: str) -> GlassworkError:
    todo = "Write noise:7, or noise:7*0.6,12*0.8."
    return GlassworkError("this noise can't be drawn", where=f"noise:{text[:60]}", why=why, todo=todo)
