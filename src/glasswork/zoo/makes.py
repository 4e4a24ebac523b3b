"""What a generator makes, and of what noise: what one must know to sample from trained weights."""

from __future__ import annotations

from typing import Any

import msgspec

NOISES = ("gaussian", "uniform")


class Makes(msgspec.Struct, frozen=True):
    """How a trained generator is used.

    Attributes:
        noise: gaussian (mean 0, deviation 1), or uniform from -1 to 1.
        numbers: of noise for each sample.
        centre: of the box that it makes points in, as -2 to 2; of pictures none.
        width: of that box; 0 for pictures, whose values are -1 to 1.
        best_of: so many pictures are made for each sample, and the one is kept that the discriminator gives the largest
            number (a plain form of S. Azadi et al., "Discriminator Rejection Sampling", 2018,
            https://arxiv.org/abs/1810.06758); 1 keeps every picture.
    """

    noise: str
    numbers: int
    centre: tuple[float, ...] = ()
    width: float = 0.0
    best_of: int = 1


def to_record(makes: Makes) -> dict[str, Any]:
    """As a card has it."""
    return msgspec.to_builtins(makes)
