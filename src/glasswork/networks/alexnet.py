"""AlexNet: the network that began the deep years of computer vision.

A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012,
https://papers.nips.cc/paper/4824. Three forms:

- `alexnet` (the default): A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014,
  https://arxiv.org/abs/1404.5997; fewer channels, no normalisation, one tower. It is torchvision's, whose weights fit.
- `alexnet_2012`: the paper's, in two towers that exchange maps only at the third convolution and the linear layers:
  so it fitted into the memory of two graphics cards. Each tower is one group of a grouped convolution.
- `alexnet_2012_one_tower`: the same without the division.

What differs from the 2012 paper: pictures of 224 with 2 pixels of padding give its 55x55 first maps (224 alone, as
printed there, gives none); biases and weights start as PyTorch's do; dropout scales while training, not afterwards.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import torch
from torch import Tensor, nn

from glasswork.networks._registry import network

# B pictures in a batch, C channels, H rows, W columns, K classes; the shapes at the line ends are those of the defaults

WIDTHS = {2012: (96, 256, 384, 384, 256), 2014: (64, 192, 384, 256, 256)}  # channels after each convolution
POOLED = 6  # rows and columns before the linear layers


@network(
    paper="https://papers.nips.cc/paper/4824",
    named={
        "alexnet": {},
        "alexnet_2012": {"year": 2012, "towers": 2},
        "alexnet_2012_one_tower": {"year": 2012},
        "alexnet_slim": {
            **{"size": 28, "channels": 1, "classes": 10, "kernel": 5, "stride": 1},
            **{"slim": 3, "hidden": 256, "dropout": 0.1},
        },
    },
    small={"size": 32, "kernel": 5, "stride": 1, "classes": 5, "slim": 8, "hidden": 32, "dropout": 0.0},
)
class AlexNet(nn.Module):
    """Five convolutions, the first with a large kernel, and three linear layers.

    Args:
        year: 2012 or 2014, whose channels; 2012 also normalises across channels after the first two convolutions.
        towers: 2 to divide convolutions 2, 4 and 5 into halves that do not see each other.
        channels: of the picture.
        size: height and width of the picture, in pixels; any that leaves something to pool.
        classes: how many logits.
        kernel: side of the first convolution's kernel.
        stride: its step.
        slim: what the number of channels is divided by.
        hidden: units of the two hidden linear layers.
        dropout: the share of units switched off before each of them, in training.
    """

    def __init__(
        self,
        *,
        year: int = 2014,
        towers: int = 1,
        channels: int = 3,
        size: int = 224,
        classes: int = 1000,
        kernel: int = 11,
        stride: int = 4,
        slim: int = 1,
        hidden: int = 4096,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if year not in WIDTHS:
            raise ValueError(f"the form is that of {year}; it must be 2012 or 2014")
        side = ((size + 4 - kernel) // stride + 1 - 1) // 2  # first convolution, first pooling
        side = ((side - 1) // 2 - 1) // 2
        if side < 1:
            raise ValueError(f"nothing is left of a {size}x{size} picture after three poolings")
        a, b, c, d, e = (width // slim // towers * towers for width in WIDTHS[year])
        self.shape = (channels, size, size)
        self.features = nn.Sequential(
            nn.Conv2d(channels, a, kernel_size=kernel, stride=stride, padding=2),
            nn.ReLU(),
            *_normalisation(year),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(a, b, kernel_size=5, padding=2, groups=towers),
            nn.ReLU(),
            *_normalisation(year),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(b, c, kernel_size=3, padding=1),  # here the towers meet
            nn.ReLU(),
            nn.Conv2d(c, d, kernel_size=3, padding=1, groups=towers),
            nn.ReLU(),
            nn.Conv2d(d, e, kernel_size=3, padding=1, groups=towers),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
        )
        pooled = min(side, POOLED)
        self.avgpool = nn.AdaptiveAvgPool2d((pooled, pooled))  # changes nothing at the size of the paper
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(e * pooled * pooled, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> logits, (B, K)."""
        x = self.features(x)  # (B, 256, 6, 6)
        x = self.avgpool(x)  # (B, 256, 6, 6)
        x = torch.flatten(x, 1)  # (B, 9216)
        x = self.classifier(x)  # (B, K)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random pictures."""
        return (torch.rand(batch, *self.shape),)


def _normalisation(year: int) -> list[nn.Module]:
    """Each value divided by a measure of its neighbours' in five channels (section 3.3): 2012 only."""
    return [nn.LocalResponseNorm(size=5, alpha=5 * 1e-4, beta=0.75, k=2.0)] if year == 2012 else []
