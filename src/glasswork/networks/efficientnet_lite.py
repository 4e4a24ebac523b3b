"""EfficientNet-Lite: wide inside, thin between, and every part scaled by one rule.

M. Tan, Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019,
https://arxiv.org/abs/1905.11946; its block is that of M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear
Bottlenecks", 2018, https://arxiv.org/abs/1801.04381, figure 3b. The Lite form is its authors', 2020,
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite.

What differs of the Lite form from the paper: no squeeze-and-excitation, ReLU6 instead of SiLU, first and last stage not
scaled. What differs here from the Lite form: whole blocks are never skipped in training (drop connect). The step of two
starts at the pixel where TensorFlow's does, so that its weights fit; files with the names of its first port to PyTorch
load as they are.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import math
import re

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork.networks._published import Weights, accept
from glasswork.networks._registry import network

# B pictures in a batch, C channels, H rows, W columns, K classes; the shapes at the line ends are those of lite0

STAGES = (  # blocks, kernel, step, expansion, channels
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, HEAD = 32, 1280


class Convolution(nn.Module):
    """A convolution without bias, padded as TensorFlow does, and batch normalisation."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.conv = nn.Conv2d(channels, width, kernel, stride=stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(width, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, width, H/stride, W/stride), rounded up."""
        if self.kernel > 1:
            top, bottom = self._padding(x.shape[-2])
            left, right = self._padding(x.shape[-1])
            x = F.pad(x, (left, right, top, bottom))  # an odd pixel goes to the right and below
        x = self.conv(x)
        x = self.norm(x)
        return x

    def _padding(self, length: int) -> tuple[int, int]:
        """Before and behind, so that the output has length / stride positions, rounded up."""
        missing = max((math.ceil(length / self.stride) - 1) * self.stride + self.kernel - length, 0)
        return missing // 2, missing - missing // 2


class Block(nn.Module):
    """Each pixel to many channels, each channel by itself, back to few channels without threshold."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.expand = Convolution(channels, wide, 1) if expansion > 1 else None
        self.depthwise = Convolution(wide, wide, kernel, stride, groups=wide)
        self.project = Convolution(wide, width, 1)
        self.relu1 = nn.ReLU6()
        self.relu2 = nn.ReLU6()
        self.shortcut = stride == 1 and channels == width

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, width, H/stride, W/stride)."""
        y = x
        if self.expand is not None:
            y = self.expand(y)  # (B, 6C, H, W)
            y = self.relu1(y)
        y = self.depthwise(y)  # (B, 6C, H/stride, W/stride)
        y = self.relu2(y)
        y = self.project(y)  # (B, width, H/stride, W/stride)
        return x + y if self.shortcut else y


@network(
    paper="https://arxiv.org/abs/1905.11946",
    named={
        "efficientnet-lite0": {},
        "efficientnet-lite1": {"size": 240, "deeper": 1.1},
        "efficientnet-lite2": {"size": 260, "wider": 1.1, "deeper": 1.2, "dropout": 0.3},
        "efficientnet-lite3": {"size": 280, "wider": 1.2, "deeper": 1.4, "dropout": 0.3},
        "efficientnet-lite4": {"size": 300, "wider": 1.4, "deeper": 1.8, "dropout": 0.3},
    },
    small={"size": 32, "wider": 0.25, "deeper": 0.25, "classes": 5, "dropout": 0.0},
)
class EfficientNetLite(nn.Module):
    """A stem, seven stages of inverted residuals, a head, an average over each map, one linear layer.

    Args:
        channels: of the picture.
        size: height and width of the picture, in pixels; it runs on others too.
        classes: how many logits.
        wider: what the stages' channels are multiplied by, rounded to a multiple of 8.
        deeper: what the number of blocks is multiplied by, rounded up; not in the first and last stage.
        dropout: the share of units switched off before the last layer, in training.
    """

    def __init__(
        self,
        *,
        channels: int = 3,
        size: int = 224,
        classes: int = 1000,
        wider: float = 1.0,
        deeper: float = 1.0,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        self.shape = (channels, size, size)
        self.stem = Convolution(channels, STEM, 3, stride=2)
        self.relu1 = nn.ReLU6()
        blocks: list[Block] = []
        maps = STEM
        for stage, (repeats, kernel, stride, expansion, width) in enumerate(STAGES):
            scaled = _rounded(width * wider)
            repeats = repeats if stage in (0, len(STAGES) - 1) else math.ceil(repeats * deeper)
            for i in range(repeats):
                blocks.append(Block(maps, scaled, kernel, 1 if i else stride, expansion))
                maps = scaled
        self.blocks = nn.Sequential(*blocks)
        self.head = Convolution(maps, HEAD, 1)
        self.relu2 = nn.ReLU6()
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(HEAD, classes)
        accept(self, _published)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> logits, (B, K)."""
        x = self.stem(x)  # (B, 32, 112, 112)
        x = self.relu1(x)
        x = self.blocks(x)  # (B, 320, 7, 7)
        x = self.head(x)  # (B, 1280, 7, 7)
        x = self.relu2(x)
        x = self.avgpool(x)  # (B, 1280, 1, 1)
        x = torch.flatten(x, 1)  # (B, 1280)
        x = self.dropout(x)
        x = self.output(x)  # (B, K)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random pictures."""
        return (torch.rand(batch, *self.shape),)


def _rounded(width: float) -> int:
    """To the nearest multiple of 8, but not to less than nine tenths."""
    nearest = max(8, int(width + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * width else nearest


_FIRST_PORT = {  # its names, and ours
    r"_conv_stem\.": "stem.conv.",
    r"_bn0\.": "stem.norm.",
    r"_conv_head\.": "head.conv.",
    r"_bn1\.": "head.norm.",
    r"_fc\.": "output.",
    r"_blocks\.(\d+)\._expand_conv\.": r"blocks.\1.expand.conv.",
    r"_blocks\.(\d+)\._bn0\.": r"blocks.\1.expand.norm.",
    r"_blocks\.(\d+)\._depthwise_conv\.": r"blocks.\1.depthwise.conv.",
    r"_blocks\.(\d+)\._bn1\.": r"blocks.\1.depthwise.norm.",
    r"_blocks\.(\d+)\._project_conv\.": r"blocks.\1.project.conv.",
    r"_blocks\.(\d+)\._bn2\.": r"blocks.\1.project.norm.",
}


def _published(weights: Weights) -> dict[str, Tensor]:
    """From the names of the first port to PyTorch."""
    ours: dict[str, Tensor] = {}
    for name, value in weights.items():
        for theirs, our in _FIRST_PORT.items():
            name, found = re.subn(f"^{theirs}", our, name)
            if found:
                break
        ours[name] = value
    return ours
