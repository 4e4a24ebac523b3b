"""From noise to samples, by a trained generator."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from glasswork import zoo
from glasswork.data.distributions import REACH
from glasswork.errors import GlassworkError, unknown

AT_ONCE = 4_096


def draw_noise(kind: str, count: int, numbers: int, random: torch.Generator) -> Tensor:
    """(count, numbers): normal, or uniform from -1 to 1.

    Raises:
        GlassworkError: no such noise.
    """
    if kind == "gaussian":
        return torch.randn(count, numbers, generator=random)
    if kind == "uniform":
        return torch.rand(count, numbers, generator=random) * 2 - 1
    raise unknown("noise", kind, list(zoo.NOISES))


def made(network: nn.Module, makes: zoo.Makes, count: int, seed: int) -> Tensor:
    """What its generator makes, as it comes out: points (N, 2), or pictures (N, C, H, W), -1 to 1."""
    random = torch.Generator().manual_seed(seed)
    noise = draw_noise(makes.noise, count * makes.best_of, makes.numbers, random)
    players: Any = network
    was = network.training
    network.eval()
    with torch.inference_mode():
        parts = [
            _best(players, players.generator(part), makes.best_of) for part in noise.split(AT_ONCE * makes.best_of)
        ]
    network.train(was)
    return torch.cat(parts)


def _best(players: Any, pictures: Tensor, of: int) -> Tensor:
    """Of each so many in a row the one that the discriminator takes for real before the others."""
    if of == 1:
        return pictures
    groups = pictures.unflatten(0, (-1, of))  # (N, K, C, H, W)
    said = players.discriminator(pictures).view(-1, of)
    return groups[torch.arange(len(groups)), said.argmax(1)]


def made_points(network: nn.Module, makes: zoo.Makes, count: int, seed: int) -> NDArray[np.float64]:
    """Points in the data's own units, (N, 2)."""
    out = made(network, makes, count, seed).double().numpy()
    return out * makes.width / (2 * REACH) + np.array(makes.centre)


def samples(network: zoo.Network, count: int, seed: int) -> NDArray[np.float64] | NDArray[np.uint8]:
    """What a trained network makes: points (N, 2) in their own units, or pictures (N, H, W, C).

    Raises:
        GlassworkError: it has no generator.
    """
    if network.makes is None:
        raise GlassworkError(
            f"{network.title} makes nothing",
            where=network.target,
            why="only what was trained as a generator of points or pictures can be sampled from",
            todo="Name a run of gan-ring, or data:ring for the real points.",
        )
    if network.makes.width:
        return made_points(network.module, network.makes, count, seed)
    pictures = made(network.module, network.makes, count, seed)
    return ((pictures.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
