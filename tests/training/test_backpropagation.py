"""Backpropagation that is written out gives autograd's slopes, and those of moving each weight."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from glasswork.training.backpropagation import COSTS, SLOPES, VALUES, backpropagate, passed
from glasswork.training.dense import ACTIVATIONS, Layer, first_weights, forward, slopes

TORCH_COSTS = {
    "squares": lambda a, y: ((a - y) ** 2).sum(1).mean(),
    "half_squares": lambda a, y: ((a - y) ** 2).sum(1).mean() / 2,
    "binary": F.binary_cross_entropy_with_logits,
}


def gradients(activation: str, cost: str) -> tuple[float, list[np.ndarray], torch.Tensor, list[torch.Tensor]]:
    """Ours, and autograd's over the same network, both hidden layers half dropped."""
    network = first_weights(3, [Layer(5, activation), Layer(4, activation), Layer(2, "identity")], 1)
    network.biases[0] += 0.1
    x, y = torch.randn(7, 3, dtype=torch.float64), torch.rand(7, 2, dtype=torch.float64)
    masks = [torch.randint(0, 2, (7, units)).double() * 2 for units in (5, 4)]
    learning = network.learning()
    theirs = TORCH_COSTS[cost](forward(learning, x, masks).values[-1], y)
    theirs.backward()
    into = [(np.zeros(w.shape), np.zeros(b.shape)) for w, b in zip(network.weights, network.biases, strict=True)]
    ours = backpropagate(
        [w.numpy() for w in network.weights], [b.numpy() for b in network.biases], network.activations,
        x.numpy(), y.numpy(), cost, into, [mask.numpy() for mask in masks],
    )  # fmt: skip
    slopes_ = [one.grad for one in learning.parameters if one.grad is not None]
    return ours, [one for pair in into for one in pair], theirs.detach(), slopes_


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("cost", COSTS)
def test_its_gradient_is_autograds(activation: str, cost: str) -> None:
    torch.manual_seed(0)
    ours, mine, theirs, known = gradients(activation, cost)
    assert ours == pytest.approx(theirs.item(), rel=1e-12)
    assert len(mine) == len(known) == 6
    for one, other in zip(mine, known, strict=True):
        np.testing.assert_allclose(one, other.numpy(), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation_is_torchs_and_so_is_its_slope(activation: str) -> None:
    z = torch.linspace(-5, 5, 101, dtype=torch.float64) + 0.013
    a = VALUES[activation](z.numpy())
    np.testing.assert_allclose(a, ACTIVATIONS[activation](z).numpy(), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(SLOPES[activation](z.numpy(), a), slopes(activation, z).numpy(), rtol=1e-9, atol=1e-13)


def test_a_weight_moved_changes_the_cost_by_its_slope() -> None:
    network = first_weights(2, [Layer(4, "tanh"), Layer(1, "identity")], 3)
    weights, biases = [w.numpy() for w in network.weights], [b.numpy() for b in network.biases]
    x, y = np.random.default_rng(0).random((9, 2)), np.ones((9, 1))
    into = [(np.zeros_like(w), np.zeros_like(b)) for w, b in zip(weights, biases, strict=True)]
    backpropagate(weights, biases, network.activations, x, y, "binary", into)
    for layer, place in ((0, (2, 1)), (1, (0, 3))):
        costs = []
        for way in (1e-6, -2e-6):
            weights[layer][place] += way
            costs.append(COSTS["binary"](passed(weights, biases, network.activations, x)[-1], y)[0])
        weights[layer][place] += 1e-6
        assert (costs[0] - costs[1]) / 2e-6 == pytest.approx(into[layer][0][place], rel=1e-6)
