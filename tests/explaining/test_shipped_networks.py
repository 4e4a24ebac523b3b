"""Every explanation on the networks that ship: 2,000 random elements of every op kind, against plain torch in fp64."""

from __future__ import annotations

import math
import random
from collections import Counter

import pytest
import torch
import torch.nn.functional as F

from glasswork import data, zoo
from glasswork.explaining import explain
from glasswork.tracing import Op, Trace, Value, trace

NETWORKS = ("tiny-vgg-emoji", "tiny-vgg-fashion", "tiny-vgg-digits")
KINDS = ("conv2d", "relu", "max_pool2d", "flatten", "linear", "softmax")
ELEMENTS = 2_000
CARD = 4  # terms that a card lists


def products(op: Op, index: tuple[int, ...]) -> torch.Tensor:
    """What an element is made of, by torch's own unfold and slices, in fp64; biases last."""
    x = op.operands[0].tensor.double()
    if op.name == "conv2d":
        weight, bias = (operand.tensor.double() for operand in op.operands[1:])
        _, out, row, column = index
        padding = (weight.shape[-1] - 1 - (x.shape[-1] - op.output.shape[-1])) // 2
        windows = F.unfold(x, weight.shape[2:], padding=padding)[0]  # (C·3·3, positions)
        window = windows[:, row * op.output.shape[-1] + column]
        return torch.cat([window * weight[out].flatten(), bias[out : out + 1]])
    if op.name == "linear":
        weight, bias = (operand.tensor.double() for operand in op.operands[1:])
        return torch.cat([x[0] * weight[index[1]], bias[index[1] : index[1] + 1]])
    if op.name == "max_pool2d":
        _, channel, row, column = index
        return x[0, channel, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].flatten()
    if op.name == "relu":
        return torch.stack([x[index], torch.zeros((), dtype=torch.float64)])
    if op.name == "flatten":
        return x.flatten()[index[1] : index[1] + 1]
    assert op.name == "softmax"
    return (x[0] - x[0].max()).exp()


def reduced(op: Op, parts: torch.Tensor, index: tuple[int, ...]) -> float:
    """The same element again, from those products."""
    if op.name in ("conv2d", "linear"):
        return parts.sum().item()
    if op.name == "softmax":
        return (parts[index[1]] / parts.sum()).item()
    return parts.max().item()


def element(value: Value, dice: random.Random) -> tuple[int, ...]:
    """A random index of a tensor."""
    return tuple(dice.randrange(size) for size in value.shape)


def traces(network: zoo.Network, count: int, dice: random.Random) -> list[Trace]:
    """Runs on random held-out pictures."""
    assert network.card
    assert network.preprocess
    pictures = data.load(network.card.data, "test")
    chosen = [data.on_white(pictures.pictures[i]) for i in dice.sample(range(len(pictures.labels)), count)]
    return [trace(network.module, *network.preprocess(one).inputs, after=network.after) for one in chosen]


@pytest.mark.parametrize("name", NETWORKS)
def test_two_thousand_elements_of_every_kind(name: str) -> None:
    dice = random.Random(name)
    runs = traces(zoo.load(name), 20, dice)
    seen: Counter[str] = Counter()
    for kind in KINDS:
        for turn in range(ELEMENTS // len(NETWORKS) + 1):
            run = runs[turn % len(runs)]
            op = dice.choice([op for op in run.ops if op.name == kind])
            index = element(op.output, dice)
            found = explain(run, op, index, limit=CARD)
            parts = products(op, index)
            assert found.error <= 1e-5
            assert found.count == len(parts)
            assert math.isclose(found.value, op.output.tensor[index].item())
            assert math.isclose(found.value, reduced(op, parts, index), rel_tol=1e-5, abs_tol=1e-5)
            listed = [term.position for term in found.terms]
            for term in found.terms:
                assert math.isclose(term.product, parts[term.position].item(), rel_tol=1e-9, abs_tol=1e-12)
            rest = parts[[at for at in range(len(parts)) if at not in listed]]
            if found.reduce in ("sum", "softmax"):
                assert math.isclose(found.remainder, rest.sum().item(), rel_tol=1e-9, abs_tol=1e-9)
            seen[kind] += 1
    assert min(seen.values()) * len(NETWORKS) >= ELEMENTS
