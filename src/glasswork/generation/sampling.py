"""From logits to the next token: temperature, what is cut off, and a draw that a seed repeats.

    p_i = e^(z_i / t) / sum_j e^(z_j / t)         over the whole vocabulary

- top-k: A. Fan et al., 2018, https://arxiv.org/abs/1805.04833: the k likeliest stay;
- top-p: A. Holtzman et al., 2020, https://arxiv.org/abs/1904.09751: the fewest that together have p, the likeliest
  first;
- min-p: N. Nguyen et al., 2024, https://arxiv.org/abs/2407.01082: those with at least min-p times the likeliest's
  share.

They are applied one after another in this order, each to what the one before left, as transformers does.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from glasswork.errors import GlassworkError


@dataclass(frozen=True)
class Sampling:
    """How a token is drawn.

    Attributes:
        temperature: what logits are divided by; 0 for always the likeliest.
        top_k: how many of the likeliest stay; 0 for all.
        top_p: which share those that stay have at least; 1 for all.
        min_p: the least share, as a part of the likeliest's; 0 for none.

    Raises:
        GlassworkError: one of them is out of its range.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0

    def __post_init__(self) -> None:
        for name, value, least, most in (
            ("temperature", self.temperature, 0.0, 100.0),
            ("top-p", self.top_p, 0.0, 1.0),
            ("min-p", self.min_p, 0.0, 1.0),
        ):
            if not (math.isfinite(value) and least <= value <= most):
                raise GlassworkError(
                    f"{name} can't be {value:g}", where=name, why=f"it goes from {least:g} to {most:g}"
                )
        if self.top_k < 0:
            raise GlassworkError(f"top-k can't be {self.top_k}", where="top-k", why="it is 0 for all, or a number")
        if self.top_p == 0:
            raise GlassworkError("top-p can't be 0", where="top-p", why="no token would stay")


def likeliest(logits: Tensor) -> int:
    """The token of the largest logit (V); of equal ones the first."""
    return int(logits.argmax())


def allowed(logits: Tensor, how: Sampling) -> Tensor:
    """Which tokens may be drawn, bool, (V). At least the likeliest may."""
    if how.temperature == 0:
        found = torch.zeros_like(logits, dtype=torch.bool)
        found[likeliest(logits)] = True
        return found
    scaled = logits.double() / how.temperature  # (V)
    order = scaled.argsort(descending=True, stable=True)  # (V)
    kept = len(order) if not how.top_k else min(how.top_k, len(order))
    shares = torch.softmax(scaled[order[:kept]], dim=0)  # (K) falling
    if how.top_p < 1:
        before = shares.cumsum(0) - shares  # (K) what the likelier ones have together
        shares = shares[before < how.top_p]
    if how.min_p:
        shares = shares[shares >= how.min_p * shares[0]]
    found = torch.zeros_like(logits, dtype=torch.bool)
    found[order[: max(1, len(shares))]] = True
    return found


def shares(logits: Tensor, how: Sampling) -> Tensor:
    """The probability with which each token is drawn: (V) logits -> (V), float64; 0 for those that are cut."""
    stay = allowed(logits, how)
    if how.temperature == 0:
        return stay.double()
    scaled = (logits.double() / how.temperature).masked_fill(~stay, -math.inf)
    return torch.softmax(scaled, dim=0)


def uniform(seed: int, tokens: Sequence[int]) -> float:
    """A number from 0 to 1 that depends on the seed and on what was read: stepping back gives the same again."""
    digest = hashlib.sha256(f"{seed} {','.join(map(str, tokens))}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def drawn(shares: Tensor, at: float) -> int:
    """The token on which a number from 0 to 1 falls, when all shares (V) lie one after another."""
    ends = shares.cumsum(0)
    token = int(torch.searchsorted(ends, torch.tensor(at * float(ends[-1]), dtype=ends.dtype), right=True))
    return token if token < len(shares) and shares[token] > 0 else int(shares.argmax())
