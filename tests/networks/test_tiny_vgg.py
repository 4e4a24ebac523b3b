"""Tiny VGG against hand formulas and a plain functional copy."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import networks
from glasswork.errors import GlassworkError

NAMES = [
    *(f"block{i}.{part}" for i in (1, 2) for part in ("conv1", "relu1", "conv2", "relu2", "pool")),
    "flatten",
    "output",
]


def plain_forward(weights: dict[str, Tensor], x: Tensor, padding: int) -> Tensor:
    for block in ("block1", "block2"):
        for conv in ("conv1", "conv2"):
            key = f"{block}.{conv}"
            x = F.relu(F.conv2d(x, weights[f"{key}.weight"], weights[f"{key}.bias"], padding=padding))
        x = F.max_pool2d(x, 2)
    return F.linear(x.flatten(1), weights["output.weight"], weights["output.bias"])


def test_cnn_explainers_sizes_give_its_number_of_parameters() -> None:
    module = networks.build("tiny_vgg")
    by_hand = (27 * 10 + 10) + 3 * (90 * 10 + 10) + (10 * 13 * 13 * 10 + 10)
    assert sum(p.numel() for p in module.parameters()) == by_hand == 19_920


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("size", "padding"), [(64, 0), (28, 1), (28, 0), (33, 0), (16, 0), (5, 1)])
def test_it_computes_what_the_plain_copy_computes(channels: int, size: int, padding: int) -> None:
    torch.manual_seed(0)
    module = networks.build("tiny_vgg", channels=channels, size=size, width=6, classes=4, padding=padding)
    x = torch.rand(3, channels, size, size)
    expected = plain_forward(dict(module.state_dict()), x, padding)
    assert expected.shape == (3, 4)
    torch.testing.assert_close(module(x), expected, rtol=1e-5, atol=1e-6)


def test_each_step_is_a_module_that_runs_once_in_this_order() -> None:
    module = networks.build("tiny_vgg", width=4)
    ran: list[tuple[str, tuple[int, ...]]] = []
    for name, part in module.named_modules():
        if not list(part.children()):
            part.register_forward_hook(lambda m, i, out, name=name: ran.append((name, tuple(out.shape))))
    module(torch.rand(1, 3, 64, 64))
    assert [name for name, _ in ran] == NAMES
    sides = dict(ran)
    for name, side in (("block1.conv1", 62), ("block1.conv2", 60), ("block1.pool", 30)):
        assert sides[name] == (1, 4, side, side)
    for name, side in (("block2.conv1", 28), ("block2.conv2", 26), ("block2.pool", 13)):
        assert sides[name] == (1, 4, side, side)
    assert sides["flatten"] == (1, 4 * 13 * 13)


def test_relu_leaves_its_input_alone() -> None:
    module = networks.build("tiny_vgg")
    assert all(not part.inplace for part in module.modules() if isinstance(part, nn.ReLU))


def test_a_picture_too_small_is_refused_with_the_least_size() -> None:
    networks.build("tiny_vgg", size=16)
    with pytest.raises(GlassworkError, match=r"15x15 picture.*16x16 or larger"):
        networks.build("tiny_vgg", size=15)
    networks.build("tiny_vgg", size=4, padding=1)
    with pytest.raises(GlassworkError, match=r"3x3 picture.*4x4 or larger"):
        networks.build("tiny_vgg", size=3, padding=1)
