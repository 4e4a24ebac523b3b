"""DCGAN: a GAN of convolutions alone, for pictures.

A. Radford, L. Metz, S. Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", 2015, https://arxiv.org/abs/1511.06434, figure 1 and its guidelines: steps instead of pooling, batch
normalisation but at the two ends, ReLU and tanh in the generator, leaky ReLU in the discriminator.

What differs from the paper: the size of the pictures and the number of channels are arguments.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import torch
from torch import Tensor, nn

from glasswork.networks._registry import network

# B pictures in a batch, Z numbers of noise for each, C channels, N the side of a picture, W width


class Generator(nn.Module):
    """From noise to a picture: a point, then 4x4, then twice as large at each step."""

    def __init__(self, noise: int, channels: int, width: int, steps: int) -> None:
        super().__init__()
        maps = width * 2 ** (steps - 1)
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(noise, maps, kernel_size=4, bias=False),
            nn.BatchNorm2d(maps),
            nn.ReLU(),
        ]
        for _ in range(steps - 1):
            layers.append(nn.ConvTranspose2d(maps, maps // 2, kernel_size=4, stride=2, padding=1, bias=False))
            layers.append(nn.BatchNorm2d(maps // 2))
            layers.append(nn.ReLU())
            maps //= 2
        layers.append(nn.ConvTranspose2d(maps, channels, kernel_size=4, stride=2, padding=1, bias=False))
        layers.append(nn.Tanh())
        self.main = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        """(B, Z) -> pictures with values -1..1, (B, C, N, N)."""
        x = z[:, :, None, None]  # (B, Z, 1, 1)
        x = self.main(x)  # (B, C, N, N)
        return x


class Discriminator(nn.Module):
    """From a picture to how real it looks: half as large at each step, down to 4x4, then one number."""

    def __init__(self, channels: int, width: int, steps: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, kernel_size=4, stride=2, padding=1, bias=False)]
        layers.append(nn.LeakyReLU(0.2))
        maps = width
        for _ in range(steps - 1):
            layers.append(nn.Conv2d(maps, 2 * maps, kernel_size=4, stride=2, padding=1, bias=False))
            layers.append(nn.BatchNorm2d(2 * maps))
            layers.append(nn.LeakyReLU(0.2))
            maps *= 2
        layers.append(nn.Conv2d(maps, 1, kernel_size=4, bias=False))
        self.main = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, N, N) -> the logit of "real", (B, 1)."""
        x = self.main(x)  # (B, 1, 1, 1)
        x = x.flatten(1)  # (B, 1)
        return x


@network(
    paper="https://arxiv.org/abs/1511.06434",
    named={"dcgan_slim": {"size": 32, "channels": 1, "width": 16, "noise": 32}},
    small={"noise": 5, "size": 16, "channels": 1, "width": 4},
)
class DCGAN(nn.Module):
    """Both players.

    Args:
        noise: numbers that a picture is made from.
        channels: of the picture.
        size: height and width of the picture, in pixels: 8, 16, 32, 64...
        width: channels next to the picture; they double with each halving of its size.
    """

    def __init__(self, *, noise: int = 100, channels: int = 3, size: int = 64, width: int = 64) -> None:
        super().__init__()
        steps = size.bit_length() - 3  # halvings from the picture to 4x4
        if steps < 1 or size != 2 ** (steps + 2):
            raise ValueError(f"a side of {size} pixels; it must be 8, 16, 32, 64 or a higher power of two")
        self.noise = noise
        self.generator = Generator(noise, channels, width, steps)
        self.discriminator = Discriminator(channels, width, steps)
        for part in self.modules():
            if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.normal_(part.weight, std=0.02)
            elif isinstance(part, nn.BatchNorm2d):
                nn.init.normal_(part.weight, mean=1.0, std=0.02)

    def forward(self, z: Tensor) -> Tensor:
        """Noise, (B, Z) -> the discriminator's logit of what the generator makes of it, (B, 1)."""
        x = self.generator(z)  # (B, C, N, N)
        x = self.discriminator(x)  # (B, 1)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random noise."""
        return (torch.randn(batch, self.noise),)
