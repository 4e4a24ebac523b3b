"""DCGAN: a GAN of convolutions alone, for pictures.

A. Radford, L. Metz, S. Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", 2015, https://arxiv.org/abs/1511.06434, figure 1 and its guidelines: steps instead of pooling, batch
normalisation but at the two ends, ReLU and tanh in the generator, leaky ReLU in the discriminator.

What differs from the paper: the size of the pictures and the number of channels are arguments, and the discriminator
can do without batch normalisation, so that its answer to one picture depends on that picture alone.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import torch
from torch import Tensor, nn

from glasswork.networks._registry import network

# B pictures in a batch, Z numbers of noise for each, C channels, N the side of a picture, W width


def sides(size: int) -> list[int]:
    """The sides of the maps from a picture down to 4x4 or less, each half of the one before, rounded up."""
    found = [size]
    while found[-1] > 4:
        found.append(-(-found[-1] // 2))
    return found


def _kernel(side: int) -> int:
    """Of a convolution with step 2 and padding 1 between maps of this side and of half as much."""
    return 3 if side % 2 else 4


class Generator(nn.Sequential):
    """From noise to a picture: a point, then 4x4, then twice as large at each step."""

    def __init__(self, noise: int, channels: int, width: int, size: int) -> None:
        super().__init__()
        first, *between, last = reversed(sides(size))
        maps = width * 2 ** len(between)
        self.grow1 = nn.ConvTranspose2d(noise, maps, kernel_size=first, bias=False)
        self.norm1 = nn.BatchNorm2d(maps)
        self.relu1 = nn.ReLU()
        for step, side in enumerate(between, 2):
            grow = nn.ConvTranspose2d(maps, maps // 2, kernel_size=_kernel(side), stride=2, padding=1, bias=False)
            maps //= 2
            self.add_module(f"grow{step}", grow)
            self.add_module(f"norm{step}", nn.BatchNorm2d(maps))
            self.add_module(f"relu{step}", nn.ReLU())
        grow = nn.ConvTranspose2d(maps, channels, kernel_size=_kernel(last), stride=2, padding=1, bias=False)
        self.add_module(f"grow{len(between) + 2}", grow)
        self.tanh = nn.Tanh()

    def forward(self, z: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """(B, Z) -> pictures with values -1..1, (B, C, N, N)."""
        x = z[:, :, None, None]  # (B, Z, 1, 1)
        x = super().forward(x)  # (B, C, N, N)
        return x


class Discriminator(nn.Sequential):
    """From a picture to how real it looks: half as large at each step, down to 4x4, then one number."""

    def __init__(self, channels: int, width: int, size: int, norm: str) -> None:
        super().__init__()
        first, *between, last = sides(size)
        plain = norm == "none"
        maps = width
        self.conv1 = nn.Conv2d(channels, maps, kernel_size=_kernel(first), stride=2, padding=1, bias=plain)
        self.leaky1 = nn.LeakyReLU(0.2)
        for step, side in enumerate(between, 2):
            conv = nn.Conv2d(maps, 2 * maps, kernel_size=_kernel(side), stride=2, padding=1, bias=plain)
            maps *= 2
            self.add_module(f"conv{step}", conv)
            if not plain:
                self.add_module(f"norm{step}", nn.BatchNorm2d(maps))
            self.add_module(f"leaky{step}", nn.LeakyReLU(0.2))
        self.add_module(f"conv{len(between) + 2}", nn.Conv2d(maps, 1, kernel_size=last, bias=plain))

    def forward(self, x: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """(B, C, N, N) -> the logit of "real", (B, 1)."""
        x = super().forward(x)  # (B, 1, 1, 1)
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
        size: height and width of the picture, in pixels, 5 or more.
        width: channels next to the picture; they double with each halving of its size.
        norm: the discriminator's: batch, as in the paper, or none.
    """

    def __init__(
        self, *, noise: int = 100, channels: int = 3, size: int = 64, width: int = 64, norm: str = "batch"
    ) -> None:
        super().__init__()
        if size < 5:
            raise ValueError(f"a side of {size} pixels; it must be 5 or more")
        if norm not in ("batch", "none"):
            raise ValueError(f"the norm {norm}; it must be batch or none")
        self.noise = noise
        self.generator = Generator(noise, channels, width, size)
        self.discriminator = Discriminator(channels, width, size, norm)
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
