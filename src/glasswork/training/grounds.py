"""Grounds that nobody photographed, with what natural pictures have in common: sizes of all kinds, and edges.

Few photos ship; a network that saw only these would learn them by heart. Clouds have the amplitude of natural pictures,
which falls as 1/f (D. Field 1987); leaves cover one another (A. Lee, D. Mumford, J. Huang 2001, "Occlusion models for
natural images"), so that a sharp outline alone says nothing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

ROUGH = (0.7, 1.8)
"""Powers of the frequency by which amplitudes fall."""
LEAVES = 8
SEEDS = 2**31


def made_ground(side: int, chance: Tensor) -> Tensor:
    """A ground, (3, side, side), 0..1.

    Args:
        side: in pixels.
        chance: the seed of all that is drawn, and which kind, (2,), from 0 to 1.
    """
    random = torch.Generator().manual_seed(int(float(chance[0]) * SEEDS))
    if float(chance[1]) < 0.5:
        return _clouds(side, random)
    x = _clouds(side, random)
    for _ in range(LEAVES):
        leaf = torch.lerp(torch.rand(3, 1, 1, generator=random), _clouds(side, random), 0.5)
        inside = region(side, torch.rand(6, generator=random) * torch.tensor([1, 1, 1, 0.6, 0.6, 0.66]))
        x = torch.where(inside, leaf, x)
    return x


def region(side: int, chance: Tensor) -> Tensor:
    """A part of a picture, true inside, (side, side).

    Args:
        side: in pixels.
        chance: across and down, the turn, how wide and high, and whether it is an ellipse, a rectangle or a half, (6,).
    """
    across, down, turn, wide, high, kind = (float(u) for u in chance)
    line = torch.linspace(-1, 1, side)
    x, y = line[None, :] - (2 * across - 1), line[:, None] - (2 * down - 1)
    cos, sin = math.cos(2 * math.pi * turn), math.sin(2 * math.pi * turn)
    u, v = (x * cos + y * sin) / (0.15 + wide), (y * cos - x * sin) / (0.15 + high)
    if kind < 1 / 3:
        return u**2 + v**2 < 1
    if kind < 2 / 3:
        return torch.maximum(u.abs(), v.abs()) < 1
    return u < 0


def _clouds(side: int, random: torch.Generator) -> Tensor:
    """Noise whose amplitude falls with the frequency, in colours that go together, (3, side, side)."""
    power = ROUGH[0] + (ROUGH[1] - ROUGH[0]) * float(torch.rand((), generator=random))
    rows, columns = torch.fft.fftfreq(side)[:, None], torch.fft.rfftfreq(side)[None, :]
    fall = (rows**2 + columns**2).clamp(min=1 / side**2) ** (-power / 2)
    spectrum = torch.randn(4, side, side // 2 + 1, 2, generator=random)
    noise = torch.fft.irfft2(torch.view_as_complex(spectrum) * fall, s=(side, side))
    noise = (noise - noise.mean((1, 2), keepdim=True)) / noise.std((1, 2), keepdim=True)
    shared, contrast = torch.rand(2, generator=random).tolist()
    colour = torch.rand(3, 1, 1, generator=random)
    mixed = math.sqrt(shared) * noise[:1] + math.sqrt(1 - shared) * noise[1:]
    return (colour + 0.3 * contrast * mixed).clamp(0, 1)
