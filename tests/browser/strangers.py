"""Networks that Glasswork does not know, as a reader might bring them: each small, random, and of another kind."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FasterRCNN, FastRCNNPredictor
from torchvision.models.vgg import VGG, make_layers
from torchvision.ops import MultiScaleRoIAlign


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv2(self.relu(self.bn(self.conv1(x))))
        out += x
        return self.relu(out)


class SmallResNet(nn.Module):
    """Skips, layers that write in place, and seven equal blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 5, stride=2, padding=2)
        self.layer1 = nn.Sequential(*[Residual(8) for _ in range(7)])
        self.down = nn.Conv2d(8, 16, 1, stride=2)
        self.layer2 = nn.Sequential(Residual(16), Residual(16))
        self.fc = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer2(self.down(self.layer1(torch.relu(self.stem(x)))))
        return self.fc(x.mean((2, 3)))


class SmallUNet(nn.Module):
    """Down and up again, with what was on the way down laid beside it; a picture comes out."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(1, 6, 3, padding=1), nn.Conv2d(6, 12, 3, padding=1)
        self.middle = nn.Conv2d(12, 12, 3, padding=1)
        self.up = nn.ConvTranspose2d(12, 6, 2, stride=2)
        self.last = nn.Conv2d(12, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        first = torch.relu(self.down1(x))
        low = torch.relu(self.middle(torch.relu(self.down2(nn.functional.max_pool2d(first, 2)))))
        return self.last(torch.cat([self.up(low), first], dim=1))


class Reader(nn.Module):
    """A recurrent classifier of words; its input is made of whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(40, 12)
        self.lstm = nn.LSTM(12, 20, batch_first=True)
        self.head = nn.Linear(20, 4)

    def forward(self, words: Tensor) -> Tensor:
        states, _ = self.lstm(self.embed(words))
        return self.head(states[:, -1])


def seeded(make: Callable[[], nn.Module], *shape: int) -> nn.Module:
    """Random weights and a random picture, the same each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = make().eval()
        if shape:
            net.example_input_array = torch.rand(shape)
        return net


def residual() -> nn.Module:
    return seeded(SmallResNet, 1, 3, 80, 64)


def unet() -> nn.Module:
    return seeded(SmallUNet, 1, 1, 32, 32)


def reader() -> nn.Module:
    return seeded(Reader)


def gpt() -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        n_layer=6, n_embd=32, n_head=4, vocab_size=96, n_positions=32, bos_token_id=0, eos_token_id=0, use_cache=False
    )
    return seeded(lambda: GPT2LMHeadModel(config))


def transformer() -> nn.Module:
    """A vision transformer of torchvision, small."""

    def make() -> nn.Module:
        net = VisionTransformer(
            image_size=32, patch_size=8, num_layers=3, num_heads=2, hidden_dim=24, mlp_dim=48, num_classes=7
        )
        nn.init.normal_(net.heads.get_submodule("head").get_parameter("weight"))  # torchvision begins with zeros
        return net

    return seeded(make, 1, 3, 32, 32)


def vgg() -> nn.Module:
    """A network of torchvision's making, of a width that a test can wait for."""

    def make() -> nn.Module:
        net = VGG(make_layers([8, "M", 12, 12, "M", 16, 16, "M"]), num_classes=6)
        net.avgpool = nn.AdaptiveAvgPool2d(2)
        net.classifier = nn.Sequential(nn.Linear(64, 24), nn.ReLU(True), nn.Dropout(), nn.Linear(24, 6))
        return net

    return seeded(make, 1, 3, 64, 64)


def detector() -> nn.Module:
    """A detector of torchvision's, small, whose last layers are so far from zero that some of its boxes are sure."""

    def make() -> nn.Module:
        backbone = nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=4, padding=2), nn.ReLU(), nn.Conv2d(8, 12, 3, stride=2, padding=1), nn.ReLU()
        )
        setattr(backbone, "out_channels", 12)  # noqa: B010  where torchvision looks for it
        net = FasterRCNN(
            backbone,
            min_size=96,
            max_size=128,
            rpn_anchor_generator=AnchorGenerator(((24, 48),), ((0.5, 1.0, 2.0),)),
            box_roi_pool=MultiScaleRoIAlign(["0"], output_size=3, sampling_ratio=2),
            box_head=nn.Sequential(nn.Flatten(), nn.Linear(12 * 9, 24), nn.ReLU()),
            box_predictor=FastRCNNPredictor(24, 4),
            rpn_post_nms_top_n_test=24,
        )
        for last, size in (("rpn.head.bbox_pred", 20), ("roi_heads.box_predictor.cls_score", 30)):
            weight = net.get_parameter(f"{last}.weight")
            nn.init.normal_(weight, std=size * weight.std().item())
        return net

    return seeded(make)
