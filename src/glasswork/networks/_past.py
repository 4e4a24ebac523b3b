"""What a language model has read so far, so that the next word costs one position instead of all."""

from __future__ import annotations

import torch
from torch import Tensor


class Past:
    """Keys and values of every layer, (B, heads, S, D) each, S positions so far; each call adds to it."""

    def __init__(self) -> None:
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}

    @property
    def length(self) -> int:
        """How many positions there are."""
        return self.length_of(0)

    def length_of(self, layer: int) -> int:
        """How many of them a layer has: in the middle of a call, those before it have more."""
        return self.layers[layer][0].shape[-2] if layer in self.layers else 0

    def extend(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Add the newest positions of a layer, (B, heads, T, D); returns all of them, (B, heads, S + T, D)."""
        if layer in self.layers:
            before_keys, before_values = self.layers[layer]
            keys, values = torch.cat([before_keys, keys], dim=-2), torch.cat([before_values, values], dim=-2)
        self.layers[layer] = keys, values
        return keys, values
