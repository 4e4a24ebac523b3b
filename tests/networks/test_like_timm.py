"""EfficientNet-Lite with timm's weights says what timm's says; its names differ, its order does not."""

from typing import Any

import pytest
import timm
import torch
from agreement import agree_in_eval, randomise, relative
from torch import nn

from glasswork import networks


def both(name: str, **sizes: Any) -> tuple[nn.Module, nn.Module]:
    theirs = timm.create_model(f"tf_{name.replace('-', '_')}", pretrained=False, **sizes)
    randomise(theirs)
    ours = networks.build(name)
    published = theirs.state_dict().values()
    assert [tuple(value.shape) for value in published] == [tuple(value.shape) for value in ours.state_dict().values()]
    ours.load_state_dict(dict(zip(ours.state_dict(), published, strict=True)))
    return ours, theirs


@pytest.mark.parametrize("side", [64, 75])  # an odd size puts the odd pixel of the padding to the test
@pytest.mark.parametrize("name", ["efficientnet-lite0", pytest.param("efficientnet-lite4", marks=pytest.mark.slow)])
def test_it_says_the_same_in_eval_mode(name: str, side: int) -> None:
    agree_in_eval(*both(name), torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1)))


@pytest.mark.slow
def test_it_learns_the_same() -> None:
    ours, theirs = both("efficientnet-lite0", drop_rate=0.0, drop_path_rate=0.0)
    x = torch.randn(2, 3, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    said = []
    for module in (ours, theirs):
        module.double().train()
        for part in module.modules():
            if isinstance(part, nn.Dropout):
                part.p = 0.0
        output = module(x)
        said.append((output.detach(), torch.autograd.grad(output.sin().sum(), list(module.parameters()))))
    (our_output, our_gradients), (their_output, their_gradients) = said
    assert relative(our_output, their_output) <= 1e-9
    largest = max(float(gradient.abs().max()) for gradient in their_gradients)
    for our, their in zip(our_gradients, their_gradients, strict=True):
        assert float((our - their).abs().max()) <= 1e-9 * max(float(their.abs().max()), 1e-3 * largest)
