"""Parameters and multiply-adds are those that were published, to the digit."""

import pytest
import torch
import transformers
from torchvision import models

from glasswork import networks, zoo

PARAMETERS = {  # where torchvision's card or the paper is not the source, it is named
    "alexnet_2012": 60_965_224,  # widely quoted for two towers
    "alexnet_2012_one_tower": 62_378_344,  # the same in one
    "gpt2": 124_439_808,  # transformers
    "smollm2-135m": 134_515_008,  # transformers
    "efficientnet-lite0": 4_652_008,  # timm
    "unet_2015": 31_030_658,  # by hand, see below
}
MACS = {  # 1x3x224x224; TRACING: published, and confirmed
    "alexnet": (61_100_840, 714_188),
    "vgg16": (138_357_544, 15_470_264),
    "googlenet": (6_624_904, 1_498_376),
    "resnet152": (60_192_808, 11_513_627),
    "vit_b_16": (86_567_656, 17_563_828),
}
OF_TORCHVISION = ["alexnet", *(f"vgg{d}{n}" for d in (11, 13, 16, 19) for n in ("", "_bn"))]
OF_TORCHVISION += [*(f"resnet{d}" for d in (18, 34, 50, 101, 152)), "vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32"]


def count(name: str, **sizes: int) -> int:
    with torch.device("meta"):
        return sum(value.numel() for value in networks.build(name, **sizes).parameters())


@pytest.mark.parametrize("name", list(PARAMETERS))
def test_parameters(name: str) -> None:
    assert count(name) == PARAMETERS[name]


@pytest.mark.parametrize("name", OF_TORCHVISION)
def test_parameters_are_those_on_torchvisions_card(name: str) -> None:
    assert count(name) == models.get_model_weights(name)["DEFAULT"].meta["num_params"]


@pytest.mark.parametrize("name", ["gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl"])
def test_parameters_are_those_of_transformers(name: str) -> None:
    about = networks.reference("gpt").sizes | networks.reference("gpt").named[name]
    with torch.device("meta"):
        config = transformers.GPT2Config(n_layer=about["depth"], n_embd=about["width"], n_head=about["heads"])
        theirs = transformers.GPT2LMHeadModel(config)
    assert count(name) == theirs.num_parameters()


@pytest.mark.parametrize("name", list(MACS))
def test_multiply_adds(name: str) -> None:
    parameters, thousands = MACS[name]
    sizes = {"auxiliary": 0} if name == "googlenet" else {}
    with torch.device("meta"):
        module = networks.build(name, **sizes).eval()
        macs = zoo.count_macs(module, torch.zeros(1, 3, 224, 224))
    assert round(macs / 1000) == thousands
    assert count(name, **sizes) == parameters


def test_the_unets_parameters_by_hand() -> None:
    double = lambda a, b: 9 * a * b + b + 9 * b * b + b  # noqa: E731
    down = double(1, 64) + double(64, 128) + double(128, 256) + double(256, 512) + double(512, 1024)
    up = sum(4 * 2 * w * w + w + double(2 * w, w) for w in (512, 256, 128, 64))
    assert count("unet_2015") == down + up + 64 * 2 + 2
