"""VGG: nothing but 3x3 kernels, many of them.

K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014,
https://arxiv.org/abs/1409.1556. Two 3x3 convolutions see as far as one 5x5, three as far as one 7x7, with fewer weights
and a non-linearity after each: so the depth can grow while the kernel stays the same.

`vgg11`, `vgg13`, `vgg16` and `vgg19` are configurations A, B, D and E of its table 1; `_bn` adds batch normalisation
(S. Ioffe, C. Szegedy, 2015, https://arxiv.org/abs/1502.03167) after each convolution. Names of weights are
torchvision's.

What differs from the paper: its form C (with 1x1 kernels) and its local response normalisation are left out, weights
start as in He et al., 2015, rather than from a trained shallower network.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import torch
from torch import Tensor, nn

from glasswork.networks._registry import network

# B pictures in a batch, C channels, H rows, W columns, K classes; the shapes at the line ends are those of the defaults

PLANS = {  # convolutions in each stage; the depth counts the three linear layers too
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
POOLED = 7  # rows and columns before the linear layers

_NAMED = {f"vgg{depth}{'_bn' * norm}": {"depth": depth, "norm": norm} for depth in PLANS for norm in (0, 1)}


@network(
    paper="https://arxiv.org/abs/1409.1556",
    named={
        **_NAMED,
        "vgg_slim": {
            **{"depth": 13, "norm": 1, "stages": 3, "size": 28, "channels": 1, "classes": 10},
            **{"width": 16, "hidden": 128, "dropout": 0.2},
        },
    },
    small={"depth": 11, "size": 32, "width": 4, "hidden": 8, "classes": 5, "dropout": 0.0},
)
class VGG(nn.Module):
    """Stages of 3x3 convolutions; each stage ends by halving the maps, the next one has twice the channels.

    Args:
        depth: 11, 13, 16 or 19 layers with weights.
        norm: 1 for batch normalisation after each convolution.
        stages: how many of the five are built; a small picture has room for fewer.
        channels: of the picture.
        size: height and width of the picture, in pixels.
        classes: how many logits.
        width: channels of the first stage; they double three times.
        hidden: units of the two hidden linear layers.
        dropout: the share of them switched off, in training.
    """

    def __init__(
        self,
        *,
        depth: int = 16,
        norm: int = 0,
        stages: int = 5,
        channels: int = 3,
        size: int = 224,
        classes: int = 1000,
        width: int = 64,
        hidden: int = 4096,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        if depth not in PLANS or not 1 <= stages <= 5:
            raise ValueError(f"no VGG has depth {depth} in {stages} stages; depths are 11, 13, 16, 19, stages 1 to 5")
        if size < 2**stages:
            raise ValueError(f"nothing is left of a {size}x{size} picture after {stages} poolings")
        self.shape = (channels, size, size)
        layers: list[nn.Module] = []
        maps = channels
        for stage, convolutions in enumerate(PLANS[depth][:stages]):
            wider = width * min(2**stage, 8)
            for _ in range(convolutions):
                layers.append(nn.Conv2d(maps, wider, kernel_size=3, padding=1))
                layers += [nn.BatchNorm2d(wider)] if norm else []
                layers.append(nn.ReLU())
                maps = wider
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
        self.features = nn.Sequential(*layers)
        pooled = min(size // 2**stages, POOLED)
        self.avgpool = nn.AdaptiveAvgPool2d((pooled, pooled))  # changes nothing at the size of the paper
        self.classifier = nn.Sequential(
            nn.Linear(maps * pooled * pooled, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, classes),
        )
        for layer in self.features:
            if isinstance(layer, nn.Conv2d):  # keeps the size of the signal through any number of ReLUs
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> logits, (B, K)."""
        x = self.features(x)  # (B, 512, 7, 7)
        x = self.avgpool(x)  # (B, 512, 7, 7)
        x = torch.flatten(x, 1)  # (B, 25088)
        x = self.classifier(x)  # (B, K)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random pictures."""
        return (torch.rand(batch, *self.shape),)
