"""Convolutions of random shape against torch in fp64, autograd and an explicit loop."""

import random

import pytest
import torch
from evidence import AMOUNTS, LONG, check, some_convolution
from torch import nn

from glasswork.explaining import explain
from glasswork.tracing import trace


@pytest.mark.parametrize(("dims", "wanted"), [*AMOUNTS, *LONG])
@pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch says that it copies; it is what is tested
def test_any_convolution_is_the_sum_of_its_terms(dims: int, wanted: int) -> None:
    chance = random.Random(dims)
    torch.manual_seed(dims)
    done = 0
    while done < wanted:
        layer, x = some_convolution(chance, dims)
        done += check(layer, x, address=f":conv{dims}d", elements=50, seed=done)


@pytest.mark.parametrize(("dims", "wanted"), [*AMOUNTS, *LONG])
def test_any_transposed_convolution_is_the_sum_of_its_terms(dims: int, wanted: int) -> None:
    chance = random.Random(10 + dims)
    torch.manual_seed(dims)
    done = 0
    while done < wanted:
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
