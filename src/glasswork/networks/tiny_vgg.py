"""Tiny VGG: two blocks of two 3x3 convolutions, then one linear layer.

VGG: K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014,
https://arxiv.org/abs/1409.1556. Its small form is that of CNN Explainer: Z. J. Wang et al., 2020,
https://arxiv.org/abs/2004.15004: 64x64 RGB, 10 channels, no padding, 10 classes, 19,920 parameters (our defaults).

What differs from VGG: two blocks instead of five, one linear layer instead of three, no dropout, by default no padding.
What differs from CNN Explainer: size, channels, classes, width and padding are arguments.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import torch
from torch import Tensor, nn

from glasswork.networks._registry import network

# B pictures in a batch, C channels, H rows, W columns, K classes, P the padding (0 or 1)


class Block(nn.Module):
    """Convolution, ReLU, convolution, ReLU, then the largest of each 2x2."""

    def __init__(self, channels: int, width: int, padding: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, kernel_size=3, padding=padding)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=padding)
        self.relu2 = nn.ReLU()
        self.pool = nn.MaxPool2d(kernel_size=2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> (B, width, H/2-2+2P, W/2-2+2P)."""
        x = self.conv1(x)  # (B, C, H-2+2P, W-2+2P)
        x = self.relu1(x)
        x = self.conv2(x)  # (B, C, H-4+4P, W-4+4P)
        x = self.relu2(x)
        x = self.pool(x)  # (B, C, H/2-2+2P, W/2-2+2P)
        return x


@network(paper="https://arxiv.org/abs/2004.15004", small={"size": 16, "width": 8, "classes": 5})
class TinyVGG(nn.Module):
    """Tiny VGG, from pictures to logits.

    Args:
        channels: of the picture, 3 for RGB, 1 for grey.
        size: height and width of the picture, in pixels.
        width: channels of every convolution.
        classes: how many logits.
        padding: 0, or 1 to keep each convolution's output as large as its input.
    """

    def __init__(
        self, *, channels: int = 3, size: int = 64, width: int = 10, classes: int = 10, padding: int = 0
    ) -> None:
        super().__init__()
        side = _pooled(_pooled(size, padding), padding)
        if side < 1:
            least = 4 if padding else 16
            raise ValueError(f"nothing is left of a {size}x{size} picture; it must be {least}x{least} or larger")
        self.shape = (channels, size, size)
        self.block1 = Block(channels, width, padding)
        self.block2 = Block(width, width, padding)
        self.flatten = nn.Flatten()
        self.output = nn.Linear(width * side * side, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W), values 0..1 -> logits, (B, K)."""
        x = self.block1(x)  # (B, C, H/2-2+2P, W/2-2+2P)
        x = self.block2(x)  # (B, C, H/4-3+3P, W/4-3+3P)
        x = self.flatten(x)  # (B, C·H·W)
        x = self.output(x)  # (B, K)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random pictures."""
        return (torch.rand(batch, *self.shape),)


def _pooled(size: int, padding: int) -> int:
    """The side of a block's output: two 3x3 convolutions, then halved, rounded down."""
    return (size - 2 * (2 - 2 * padding)) // 2
