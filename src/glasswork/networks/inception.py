"""Inception (GoogLeNet): kernels of several sizes side by side, their maps put together.

C. Szegedy et al., "Going Deeper with Convolutions", 2014, https://arxiv.org/abs/1409.4842, table 1. 1x1 kernels before
the larger ones reduce the channels, which is what makes the width affordable. Two auxiliary classifiers half-way give
the lower layers a gradient of their own; they are used in training only.

`googlenet` is torchvision's form, whose weights fit. What differs from the paper: batch normalisation after each
convolution instead of local response normalisation; and the largest kernel is 3x3, where the paper has 5x5: a slip of
an early implementation that its published weights have made permanent. `kernel=5` gives the paper's.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import torch
from torch import Tensor, nn

from glasswork.networks._registry import network

# B pictures in a batch, C channels, H rows, W columns, K classes; the shapes at the line ends are those of the defaults

# Channels of a module: 1x1; reduced, then 3x3; reduced, then the largest; after the pooling (columns of table 1)
Widths = tuple[int, int, int, int, int, int]
DROPOUT, DROPOUT_AUXILIARY = 0.2, 0.7


class Convolution(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, kernel, stride=stride, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(width, eps=0.001)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, width, H/stride, W/stride)."""
        x = self.conv(x)
        x = self.bn(x)
        x = self.relu(x)
        return x


class Inception(nn.Module):
    """Four branches over the same maps; each sees another neighbourhood."""

    def __init__(self, channels: int, widths: Widths, kernel: int) -> None:
        super().__init__()
        one, three_reduced, three, large_reduced, large, pooled = widths
        self.branch1 = Convolution(channels, one, 1)
        self.branch2 = nn.Sequential(
            Convolution(channels, three_reduced, 1), Convolution(three_reduced, three, 3, padding=1)
        )
        self.branch3 = nn.Sequential(
            Convolution(channels, large_reduced, 1), Convolution(large_reduced, large, kernel, padding=kernel // 2)
        )
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), Convolution(channels, pooled, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, sum of the branches' channels, H, W)."""
        one = self.branch1(x)
        three = self.branch2(x)
        large = self.branch3(x)
        pooled = self.branch4(x)
        return torch.cat([one, three, large, pooled], dim=1)


class Auxiliary(nn.Module):
    """A small classifier half-way."""

    def __init__(self, channels: int, classes: int, slim: int, dropout: float) -> None:
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d((4, 4))
        self.conv = Convolution(channels, 128 // slim, 1)
        self.fc1 = nn.Linear(128 // slim * 4 * 4, 1024 // slim)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(1024 // slim, classes)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> logits, (B, K)."""
        x = self.avgpool(x)  # (B, C, 4, 4)
        x = self.conv(x)  # (B, 128, 4, 4)
        x = torch.flatten(x, 1)  # (B, 2048)
        x = self.fc1(x)  # (B, 1024)
        x = self.relu(x)
        x = self.dropout(x)
        x = self.fc2(x)  # (B, K)
        return x


@network(
    paper="https://arxiv.org/abs/1409.4842",
    named={
        "googlenet": {},
        "googlenet_2014": {"kernel": 5},
        "inception_slim": {
            **{"size": 28, "channels": 1, "classes": 10, "slim": 8, "stem": 3, "auxiliary": 0, "kernel": 5}
        },
    },
    small={"size": 32, "classes": 5, "slim": 16, "dropout": 0.0},
)
class GoogLeNet(nn.Module):
    """A stem, nine Inception modules, an average over each map, one linear layer.

    Args:
        channels: of the picture.
        size: height and width of the picture, in pixels; it runs on others too.
        classes: how many logits.
        kernel: side of the largest kernels.
        auxiliary: 1 for the two classifiers half-way.
        stem: 7 for the paper's, which makes the maps eight times smaller; 3 for one 3x3 convolution and one pooling.
        slim: what the number of channels is divided by.
        dropout: the share of units switched off before the last layer, in training (0 also for the auxiliary ones).
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        size: int = 224,
        classes: int = 1000,
        kernel: int = 3,
        auxiliary: int = 1,
        stem: int = 7,
        slim: int = 1,
        dropout: float = DROPOUT,
    ) -> None:
        super().__init__()
        if stem not in (3, 7) or kernel % 2 == 0:
            raise ValueError(f"a stem of {stem} and kernels of {kernel}: the stem is 3 or 7, kernels are odd")
        self.shape = (channels, size, size)
        self.slim, self.kernel = slim, kernel
        if stem == 7:
            self.conv1 = Convolution(channels, 64 // slim, 7, stride=2, padding=3)
            self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
            self.conv2 = Convolution(64 // slim, 64 // slim, 1)
            self.conv3 = Convolution(64 // slim, 192 // slim, 3, padding=1)
            self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        else:
            self.conv1 = Convolution(channels, 192 // slim, 3, padding=1)
            self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
            self.conv2 = self.conv3 = self.maxpool2 = nn.Identity()
        self.maps = 192 // slim
        self.inception3a = self._inception(64, 96, 128, 16, 32, 32)
        self.inception3b = self._inception(128, 128, 192, 32, 96, 64)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = self._inception(192, 96, 208, 16, 48, 64)
        early = self.maps
        self.inception4b = self._inception(160, 112, 224, 24, 64, 64)
        self.inception4c = self._inception(128, 128, 256, 24, 64, 64)
        self.inception4d = self._inception(112, 144, 288, 32, 64, 64)
        late = self.maps
        self.inception4e = self._inception(256, 160, 320, 32, 128, 128)
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = self._inception(256, 160, 320, 32, 128, 128)
        self.inception5b = self._inception(384, 192, 384, 48, 128, 128)
        dropout_auxiliary = DROPOUT_AUXILIARY if dropout else 0.0
        self.aux1 = Auxiliary(early, classes, slim, dropout_auxiliary) if auxiliary else None
        self.aux2 = Auxiliary(late, classes, slim, dropout_auxiliary) if auxiliary else None
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(self.maps, classes)

    def _inception(self, *widths: int) -> Inception:
        """The next module, with these channels; what is put together is what the one after it reads."""
        one, three_reduced, three, large_reduced, large, pooled = (max(width // self.slim, 1) for width in widths)
        module = Inception(self.maps, (one, three_reduced, three, large_reduced, large, pooled), self.kernel)
        self.maps = one + three + large + pooled
        return module

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        """(B, C, H, W) -> logits, (B, K); in training, with auxiliary classifiers, (logits, second's, first's)."""
        x = self.conv1(x)  # (B, 64, 112, 112)
        x = self.maxpool1(x)  # (B, 64, 56, 56)
        x = self.conv2(x)
        x = self.conv3(x)  # (B, 192, 56, 56)
        x = self.maxpool2(x)  # (B, 192, 28, 28)
        x = self.inception3a(x)  # (B, 256, 28, 28)
        x = self.inception3b(x)  # (B, 480, 28, 28)
        x = self.maxpool3(x)  # (B, 480, 14, 14)
        x = self.inception4a(x)  # (B, 512, 14, 14)
        first = self.aux1(x) if self.aux1 is not None and self.training else None  # (B, K)
        x = self.inception4b(x)
        x = self.inception4c(x)
        x = self.inception4d(x)  # (B, 528, 14, 14)
        second = self.aux2(x) if self.aux2 is not None and self.training else None  # (B, K)
        x = self.inception4e(x)  # (B, 832, 14, 14)
        x = self.maxpool4(x)  # (B, 832, 7, 7)
        x = self.inception5a(x)
        x = self.inception5b(x)  # (B, 1024, 7, 7)
        x = self.avgpool(x)  # (B, 1024, 1, 1)
        x = torch.flatten(x, 1)  # (B, 1024)
        x = self.dropout(x)
        x = self.fc(x)  # (B, K)
        return x if first is None or second is None else (x, second, first)

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random pictures."""
        return (torch.rand(batch, *self.shape),)
