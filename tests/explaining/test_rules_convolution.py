"""Convolutions of random shape against torch in fp64, autograd and an explicit loop."""

import random
from typing import Any

import pytest
import torch
from evidence import check
from torch import nn

from glasswork.explaining import explain
from glasswork.tracing import trace


def some_convolution(chance: random.Random, dims: int) -> tuple[nn.Module, torch.Tensor]:
    groups = chance.choice([1, 1, 2, 3])
    channels, outputs = groups * chance.randint(1, 3), groups * chance.randint(1, 3)
    kernel = [chance.randint(1, 4) for _ in range(dims)]
    dilation = [chance.randint(1, 2) for _ in range(dims)]
    reach = [(taps - 1) * apart + 1 for taps, apart in zip(kernel, dilation, strict=True)]
    lengths = [span + chance.randint(0, 5) for span in reach]
    mode = chance.choice(["zeros", "zeros", "zeros", "reflect", "replicate", "circular"])
    padding: Any = [chance.randint(0, 2) for _ in range(dims)]
    stride: Any = [chance.randint(1, 3) for _ in range(dims)]
    if chance.random() < 0.25:
        padding, stride = chance.choice(["same", "valid"]), 1
    elif mode != "zeros":  # torch's own limits on what can be mirrored
        padding = [min(pad, length - 1) for pad, length in zip(padding, lengths, strict=True)]
    if padding == "same" and mode in ("reflect", "circular"):
        mode = "zeros"
    layer = [nn.Conv1d, nn.Conv2d, nn.Conv3d][dims - 1]
    built = layer(
        channels, outputs, kernel, stride=stride, padding=padding, dilation=dilation, groups=groups,
        bias=chance.random() < 0.7, padding_mode=mode,
    )  # fmt: skip
    batch = [] if chance.random() < 0.15 else [chance.randint(1, 3)]
    return nn.ModuleDict({"conv": built})["conv"], torch.randn(*batch, channels, *lengths)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch says that it copies; it is what is tested
def test_any_convolution_is_the_sum_of_its_terms(dims: int) -> None:
    chance = random.Random(dims)
    torch.manual_seed(dims)
    done = 0
    while done < 2000:
        layer, x = some_convolution(chance, dims)
        done += check(layer, x, address=f":conv{dims}d", elements=50, seed=done)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_any_transposed_convolution_is_the_sum_of_its_terms(dims: int) -> None:
    chance = random.Random(10 + dims)
    torch.manual_seed(dims)
    done = 0
    while done < 2000:
        groups, stride = chance.choice([1, 2]), chance.randint(1, 3)
        channels, outputs = groups * chance.randint(1, 3), groups * chance.randint(1, 2)
        kernel, dilation = chance.randint(2, 4), chance.randint(1, 2)
        layer = [nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d][dims - 1](
            channels, outputs, kernel, stride=stride, padding=chance.randint(0, 1), groups=groups, dilation=dilation,
            output_padding=chance.randint(0, max(stride, dilation) - 1), bias=chance.random() < 0.7,
        )  # fmt: skip
        x = torch.randn(2, channels, *[chance.randint(2, 5) for _ in range(dims)])
        done += check(layer, x, address=f":conv_transpose{dims}d", elements=50, seed=done)


def test_the_order_of_the_terms_is_the_kernels() -> None:
    layer = nn.Conv2d(4, 6, (3, 2), stride=2, padding=1, groups=2)
    x = torch.randn(1, 4, 7, 7)
    run = trace(layer, x)
    explanation = explain(run, 0, (0, 4, 0, 2), limit=None)
    weight, padded = layer.weight.detach(), torch.nn.functional.pad(x, (1, 1, 1, 1))
    position = 0
    for c in range(2):
        for u in range(3):
            for v in range(2):
                term = explanation.terms[position]
                assert term.position == position
                assert term.factor == weight[4, c, u, v].item()
                assert term.value == padded[0, 2 + c, u, 4 + v].item()
                assert (term.name == "padding") == (u == 0)
                assert (term.ref is None) == (u == 0)
                position += 1
    assert explanation.terms[-1].ref == "bias[4]@value"
    assert explanation.terms[-1].factor is None
    assert explanation.count == position + 1


def test_the_bias_is_always_listed_and_last() -> None:
    run = trace(nn.Conv2d(8, 2, 3), torch.randn(1, 8, 5, 5))
    explanation = explain(run, 0, (0, 1, 1, 1), limit=5)
    assert len(explanation.terms) == 5
    assert explanation.terms[-1].ref == "bias[1]@value"
    sizes = [abs(term.product) for term in explanation.terms[:-1]]
    assert sizes == sorted(sizes, reverse=True)


def test_thousands_of_terms_take_no_time() -> None:
    run = trace(nn.Conv2d(512, 4, 3, padding=1), torch.randn(1, 512, 14, 14))
    explanation = explain(run, 0, (0, 3, 7, 7))
    assert explanation.count == 4609
    assert len(explanation.terms) == 32
