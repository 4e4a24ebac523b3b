"""U-Net: down to what is in the picture, up to where it is, with the way down remembered at every size.

O. Ronneberger, P. Fischer, T. Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015,
https://arxiv.org/abs/1505.04597, figure 1: 572x572 in, 388x388 out, since its convolutions have no padding.

What differs from the paper: depth, width and padding are sizes (with padding, every pixel of the picture is labelled);
batch normalisation is a choice, and so are the skip connections, to see what they do; no dropout at the lowest level.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import torch
from torch import Tensor, nn

from glasswork.networks._registry import network

# B pictures in a batch, C channels, H rows, W columns, K classes; the shapes at the line ends are those without padding


class Double(nn.Module):
    """Two 3x3 convolutions, each followed by ReLU."""

    def __init__(self, channels: int, width: int, padding: int, norm: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, kernel_size=3, padding=padding)
        self.norm1 = nn.BatchNorm2d(width) if norm else nn.Identity()
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=padding)
        self.norm2 = nn.BatchNorm2d(width) if norm else nn.Identity()
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, width, H-4, W-4)."""
        x = self.conv1(x)  # (B, width, H-2, W-2)
        x = self.norm1(x)
        x = self.relu1(x)
        x = self.conv2(x)  # (B, width, H-4, W-4)
        x = self.norm2(x)
        x = self.relu2(x)
        return x


class Up(nn.Module):
    """Twice the size, beside what the way down knew at that size, then two convolutions."""

    def __init__(self, channels: int, width: int, padding: int, norm: int, skips: int) -> None:
        super().__init__()
        self.skips = skips
        self.up = nn.ConvTranspose2d(channels, width, kernel_size=2, stride=2)
        self.convolve = Double(2 * width if skips else width, width, padding, norm)

    def forward(self, x: Tensor, remembered: Tensor) -> Tensor:
        """(B, C, H, W) and (B, width, at least 2H, at least 2W) -> (B, width, 2H-4, 2W-4)."""
        x = self.up(x)  # (B, width, 2H, 2W)
        if self.skips:
            remembered = _middle(remembered, x.shape[-2], x.shape[-1])  # (B, width, 2H, 2W)
            x = torch.cat([remembered, x], dim=1)  # (B, 2 width, 2H, 2W)
        x = self.convolve(x)  # (B, width, 2H-4, 2W-4)
        return x


@network(
    paper="https://arxiv.org/abs/1505.04597",
    named={"unet_2015": {}},
    small={"channels": 2, "classes": 3, "size": 8, "width": 8, "depth": 2, "padding": 1},
)
class UNet(nn.Module):
    """The contracting path, the lowest level, the expanding path, one 1x1 convolution.

    Args:
        channels: of the picture.
        classes: how many logits for each pixel.
        size: height and width of the picture, in pixels; each halving must come out even. Others that do, run too.
        width: channels of the highest level; each level below has twice as many.
        depth: how often the size is halved.
        padding: 0 as in the paper, whose output is smaller than its input; 1 to keep the size.
        norm: 1 for batch normalisation after each convolution.
        skips: 0 to forget what the way down knew: the way up has nothing but what comes from below.
    """

    def __init__(
        self,
        *,
        channels: int = 1,
        classes: int = 2,
        size: int = 572,
        width: int = 64,
        depth: int = 4,
        padding: int = 0,
        norm: int = 0,
        skips: int = 1,
    ) -> None:
        super().__init__()
        lost = 4 - 4 * padding
        _check_size(size, depth, lost)
        self.shape = (channels, size, size)
        self.down = nn.ModuleList(
            Double(width * 2 ** (i - 1) if i else channels, width * 2**i, padding, norm) for i in range(depth)
        )
        self.pool = nn.MaxPool2d(kernel_size=2)
        self.lowest = Double(width * 2 ** (depth - 1) if depth else channels, width * 2**depth, padding, norm)
        self.up = nn.ModuleList(
            Up(width * 2 ** (i + 1), width * 2**i, padding, norm, skips) for i in reversed(range(depth))
        )
        self.output = nn.Conv2d(width, classes, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> logits for each pixel, (B, K, H', W')."""
        remembered: list[Tensor] = []
        for double in self.down:
            x = double(x)  # (B, 64, 568, 568), (B, 128, 280, 280), (B, 256, 136, 136), (B, 512, 64, 64)
            remembered.append(x)
            x = self.pool(x)
        x = self.lowest(x)  # (B, 1024, 28, 28)
        for up in self.up:
            x = up(x, remembered.pop())  # (B, 512, 52, 52), (B, 256, 100, 100), (B, 128, 196, 196), (B, 64, 388, 388)
        x = self.output(x)  # (B, K, 388, 388)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random pictures."""
        return (torch.rand(batch, *self.shape),)


def _middle(x: Tensor, height: int, width: int) -> Tensor:
    """What is left when the borders, which the convolutions without padding have lost, are cut off."""
    top, left = (x.shape[-2] - height) // 2, (x.shape[-1] - width) // 2
    return x[..., top : top + height, left : left + width]


def _check_size(size: int, depth: int, lost: int) -> None:
    side = size
    for _ in range(depth):
        side -= lost
        if side < 2 or side % 2:
            step = 2**depth
            fits = [n for n in range(max(size - step, 1), size + step + 1) if _fits(n, depth, lost)]
            near = f"; near it fit {', '.join(map(str, fits))}" if fits else "; it is too small"
            raise ValueError(f"a side of {size} pixels can't be halved {depth} times{near}")
        side //= 2
    if side - lost < 1:
        raise ValueError(f"nothing is left of a {size}x{size} picture after {depth} halvings")


def _fits(size: int, depth: int, lost: int) -> bool:
    for _ in range(depth):
        size -= lost
        if size < 2 or size % 2:
            return False
        size //= 2
    return size - lost >= 1
