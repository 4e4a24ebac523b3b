"""Our networks with torchvision's weights say what torchvision's say."""

from typing import Any

import pytest
import torch
from agreement import agree_in_eval, agree_in_training, randomise, take_weights
from torch import nn
from torchvision import models

from glasswork import networks

QUICK = ["alexnet", "vgg11_bn", "googlenet", "resnet18", "resnet50"]
SLOW = [
    *(f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn") if (depth, norm) != (11, "_bn")),
    *("resnet34", "resnet101", "resnet152", "vit_b_16"),
]
EACH = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)]


def both(name: str, dtype: torch.dtype) -> tuple[nn.Module, nn.Module]:
    """Ours with torchvision's weights, and torchvision's."""
    options = {"init_weights": False, "aux_logits": True} if name == "googlenet" else {}
    if name.startswith("vgg"):
        options = {"init_weights": False}
    theirs = models.get_model(name, weights=None, **options)
    randomise(theirs.to(dtype))
    with torch.device("meta"):
        ours = networks.build(name)
    take_weights(ours, theirs)
    return ours, theirs


def pictures(name: str, dtype: torch.dtype) -> torch.Tensor:
    side = 224 if name.startswith("vit") else 64 if name != "alexnet" else 80
    return torch.randn(2, 3, side, side, dtype=dtype, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", EACH)
def test_it_says_the_same_in_eval_mode(name: str) -> None:
    agree_in_eval(*both(name, torch.float32), pictures(name, torch.float32))


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) for n in ("alexnet", "vgg11_bn", *SLOW)])
def test_it_learns_the_same(name: str) -> None:
    agree_in_training(*both(name, torch.float64), pictures(name, torch.float64))


@pytest.mark.parametrize("name", ["googlenet", "resnet18", "resnet50"])
def test_it_learns_the_same_quickly(name: str) -> None:
    agree_in_training(*both(name, torch.float64), pictures(name, torch.float64))


@pytest.mark.parametrize("fused", [0, 1])
def test_a_small_vision_transformer_says_and_learns_the_same(fused: int) -> None:
    sizes: dict[str, Any] = {
        "image_size": 32,
        "patch_size": 8,
        "num_layers": 2,
        "num_heads": 3,
        "hidden_dim": 24,
        "mlp_dim": 40,
    }
    theirs = models.VisionTransformer(**sizes, num_classes=7)
    randomise(theirs)
    ours = networks.build(
        "vit", size=32, patch=8, depth=2, heads=3, width=24, hidden=40, classes=7, fused=fused, channels=3
    )
    take_weights(ours, theirs)
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    agree_in_eval(ours, theirs, x)
    agree_in_training(ours.double(), theirs.double(), x.double())
