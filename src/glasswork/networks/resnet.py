"""ResNet: layers that learn what to add to their input, so that a hundred of them can be trained.

K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", 2015, https://arxiv.org/abs/1512.03385.
`resnet18` to `resnet152` are its table 1, for photographs; `resnet20` to `resnet110` its section 4.2, for pictures of
28 to 32 pixels; `plain20` and so on the same without shortcuts, as in its figure 6. Names of weights are torchvision's.

What differs from the paper: in a bottleneck the 3x3 convolution takes the step of two, not the first 1x1 (torchvision's
"v1.5", some half a point better); where shapes change, small networks too have a 1x1 convolution on the shortcut (its
option B) instead of zeros.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import torch
from torch import Tensor, nn

from glasswork.networks._registry import network

# B pictures in a batch, C channels, H rows, W columns, K classes; the shapes at the line ends are those of resnet152

PLANS = {  # blocks in each of four stages
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
BOTTLENECKS = (50, 101, 152)
SMALL = (20, 32, 44, 56, 110)  # 6n + 2: three stages of n blocks of two convolutions, the first one, the linear layer


class Basic(nn.Module):
    """Two 3x3 convolutions, and the input added to what they make of it."""

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int, shortcuts: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.downsample = _matched(channels, width, stride) if shortcuts else None
        self.shortcuts = shortcuts

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, width, H/stride, W/stride)."""
        y = self.conv1(x)
        y = self.bn1(y)
        y = self.relu1(y)
        y = self.conv2(y)
        y = self.bn2(y)
        if self.shortcuts:
            y = y + (x if self.downsample is None else self.downsample(x))
        y = self.relu2(y)
        return y


class Bottleneck(nn.Module):
    """1x1 to fewer channels, 3x3, 1x1 to four times as many, and the input added."""

    expansion = 4

    def __init__(self, channels: int, width: int, stride: int, shortcuts: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(width, 4 * width, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu3 = nn.ReLU()
        self.downsample = _matched(channels, 4 * width, stride) if shortcuts else None
        self.shortcuts = shortcuts

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 4 width, H/stride, W/stride)."""
        y = self.conv1(x)
        y = self.bn1(y)
        y = self.relu1(y)
        y = self.conv2(y)
        y = self.bn2(y)
        y = self.relu2(y)
        y = self.conv3(y)
        y = self.bn3(y)
        if self.shortcuts:
            y = y + (x if self.downsample is None else self.downsample(x))
        y = self.relu3(y)
        return y


def _matched(channels: int, width: int, stride: int) -> nn.Sequential | None:
    """Gives the input the shape of what is added to it; nothing where it has that shape already."""
    if stride == 1 and channels == width:
        return None
    return nn.Sequential(nn.Conv2d(channels, width, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(width))


_NAMED = {f"resnet{depth}": {"depth": depth} for depth in PLANS}
_ON_32 = {"size": 32, "classes": 10, "width": 16}
_NAMED |= {f"resnet{depth}": {"depth": depth, **_ON_32} for depth in SMALL}
_NAMED |= {f"plain{depth}": {"depth": depth, "shortcuts": 0, **_ON_32} for depth in SMALL}
_SLIM = {"size": 28, "channels": 1, "classes": 10, "width": 12}
_NAMED |= {"resnet_slim": {"depth": 20, **_SLIM}, "resnet_deep_slim": {"depth": 56, **_SLIM, "width": 8}}
_NAMED |= {"plain_deep_slim": {"depth": 56, **_SLIM, "width": 8, "shortcuts": 0}}


@network(
    paper="https://arxiv.org/abs/1512.03385",
    named=_NAMED,
    small={"depth": 18, "size": 32, "width": 4, "classes": 5},
)
class ResNet(nn.Module):
    """A stem, stages of residual blocks, an average over each map, one linear layer.

    Args:
        depth: 18, 34 (basic blocks), 50, 101, 152 (bottlenecks); or 20, 32, 44, 56, 110 for small pictures: a stem that
            keeps their size, and three stages instead of four.
        channels: of the picture.
        size: height and width of the picture, in pixels; it runs on others too.
        classes: how many logits.
        width: channels of the first stage's 3x3 convolutions; each next stage has twice as many.
        shortcuts: 0 for the plain network of the same depth.
    """

    def __init__(
        self,
        *,
        depth: int = 50,
        channels: int = 3,
        size: int = 224,
        classes: int = 1000,
        width: int = 64,
        shortcuts: int = 1,
    ) -> None:
        super().__init__()
        if depth not in PLANS and depth not in SMALL:
            raise ValueError(f"no ResNet has depth {depth}; depths are {', '.join(map(str, [*PLANS, *SMALL]))}")
        self.shape = (channels, size, size)
        if depth in SMALL:
            plan = (depth // 6,) * 3
            self.conv1 = nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=False)
            self.maxpool = nn.Identity()
        else:
            plan = PLANS[depth]
            self.conv1 = nn.Conv2d(channels, width, kernel_size=7, stride=2, padding=3, bias=False)
            self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        block = Bottleneck if depth in BOTTLENECKS else Basic
        self.maps = width
        self.layer1 = self._stage(block, plan[0], width, 1, shortcuts)
        self.layer2 = self._stage(block, plan[1], 2 * width, 2, shortcuts)
        self.layer3 = self._stage(block, plan[2], 4 * width, 2, shortcuts)
        self.layer4 = self._stage(block, plan[3], 8 * width, 2, shortcuts) if depth in PLANS else nn.Identity()
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(self.maps, classes)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):  # keeps the size of the signal through any number of ReLUs
                nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")

    def _stage(
        self, block: type[Basic] | type[Bottleneck], blocks: int, width: int, stride: int, shortcuts: int
    ) -> nn.Sequential:
        """Blocks one after another; the first takes the step, and changes the channels."""
        parts: list[nn.Module] = []
        for i in range(blocks):
            parts.append(block(self.maps, width, 1 if i else stride, bool(shortcuts)))
            self.maps = width * block.expansion
        return nn.Sequential(*parts)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> logits, (B, K)."""
        x = self.conv1(x)  # (B, 64, 112, 112)
        x = self.bn1(x)
        x = self.relu(x)
        x = self.maxpool(x)  # (B, 64, 56, 56)
        x = self.layer1(x)  # (B, 256, 56, 56)
        x = self.layer2(x)  # (B, 512, 28, 28)
        x = self.layer3(x)  # (B, 1024, 14, 14)
        x = self.layer4(x)  # (B, 2048, 7, 7)
        x = self.avgpool(x)  # (B, 2048, 1, 1)
        x = torch.flatten(x, 1)  # (B, 2048)
        x = self.fc(x)  # (B, K)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random pictures."""
        return (torch.rand(batch, *self.shape),)
