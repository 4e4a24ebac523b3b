"""GAN: a generator makes points from noise, a discriminator tells them from real ones; each learns from the other.

I. Goodfellow et al., "Generative Adversarial Nets", 2014, https://arxiv.org/abs/1406.2661. In two dimensions, where one
can watch the whole distribution: M. Kahng et al., "GAN Lab", 2018, https://arxiv.org/abs/1809.01587.

What differs from the paper: points instead of pictures; leaky ReLUs in both instead of ReLUs and maxout; no dropout.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import torch
from torch import Tensor, nn

from glasswork.networks._registry import network

# B points in a batch, Z numbers of noise for each, P dimensions of a point, W units in a hidden layer


class Layer(nn.Module):
    """A linear map, then a ReLU that lets a fifth of the negative through, so that no gradient is lost on the way."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, width)
        self.activation = nn.LeakyReLU(0.2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs) -> (B, W)."""
        x = self.linear(x)  # (B, W)
        x = self.activation(x)
        return x


class Generator(nn.Module):
    """From noise to a point."""

    def __init__(self, noise: int, width: int, depth: int, points: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(*(Layer(width if i else noise, width) for i in range(depth)))
        self.output = nn.Linear(width, points)

    def forward(self, z: Tensor) -> Tensor:
        """(B, Z) -> (B, P)."""
        x = self.hidden(z)  # (B, W)
        x = self.output(x)  # (B, P)
        return x


class Discriminator(nn.Module):
    """From a point to how real it looks."""

    def __init__(self, points: int, width: int, depth: int) -> None:
        super().__init__()
        self.hidden = nn.Sequential(*(Layer(width if i else points, width) for i in range(depth)))
        self.output = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, P) -> the logit of "real", (B, 1)."""
        x = self.hidden(x)  # (B, W)
        x = self.output(x)  # (B, 1)
        return x


@network(paper="https://arxiv.org/abs/1406.2661", small={"noise": 3, "width": 6, "depth": 2})
class GAN(nn.Module):
    """Both players.

    Args:
        noise: numbers that a point is made from.
        points: dimensions of a point.
        width: units in each hidden layer of both.
        depth: hidden layers of both.
    """

    def __init__(self, *, noise: int = 8, points: int = 2, width: int = 32, depth: int = 3) -> None:
        super().__init__()
        if depth < 1:
            raise ValueError(f"{depth} hidden layers; each player has at least one")
        self.noise = noise
        self.generator = Generator(noise, width, depth, points)
        self.discriminator = Discriminator(points, width, depth)

    def forward(self, z: Tensor) -> Tensor:
        """Noise, (B, Z) -> the discriminator's logit of what the generator makes of it, (B, 1)."""
        x = self.generator(z)  # (B, P)
        x = self.discriminator(x)  # (B, 1)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random noise."""
        return (torch.randn(batch, self.noise),)
