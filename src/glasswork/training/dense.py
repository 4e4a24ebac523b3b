"""A dense network as plain tensors: its weights in lists, its pass with every value on the way kept.

For pages that follow single weights: in double precision, each layer with an activation of its own. z = W a + b, then
a = f(z), layer by layer (Rumelhart, Hinton, Williams 1986, https://doi.org/10.1038/323533a0).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from glasswork.errors import unknown

# N examples, I numbers in, O units of a layer

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky_relu": lambda z: F.leaky_relu(z, 0.01),
    "elu": F.elu,
    "selu": F.selu,
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "sine": torch.sin,
    "identity": lambda z: z * 1.0,
}
"""By the names that torch gives them."""
GAINS = {"relu": 2**0.5, "leaky_relu": 2**0.5, "elu": 2**0.5, "gelu": 2**0.5, "silu": 2**0.5, "tanh": 5 / 3}
"""By how much first weights are larger than 1/sqrt(I), so that signals neither fade nor grow (He et al. 2015)."""


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        units: its neurons.
        activation: of ACTIVATIONS.
    """

    units: int
    activation: str


@dataclass
class Dense:
    """Weights and biases of all layers, in order.

    Attributes:
        weights: (O, I) each.
        biases: (O,) each.
        activations: of each layer.
    """

    weights: list[Tensor]
    biases: list[Tensor]
    activations: tuple[str, ...]

    @property
    def parameters(self) -> list[Tensor]:
        """Weight, bias, weight, bias, ..."""
        return [one for pair in zip(self.weights, self.biases, strict=True) for one in pair]

    def copy(self) -> Dense:
        """The same numbers in tensors of their own, without gradients."""
        return Dense(
            [w.detach().clone() for w in self.weights], [b.detach().clone() for b in self.biases], self.activations
        )

    def learning(self) -> Dense:
        """A copy whose tensors gather gradients."""
        made = self.copy()
        for one in made.parameters:
            one.requires_grad_()
        return made


@dataclass
class Passed:
    """What a pass left behind.

    Attributes:
        sums: z of each layer, (N, O).
        values: a of each layer, (N, O); before them the input (N, I).
    """

    sums: list[Tensor]
    values: list[Tensor]


def first_weights(inputs: int, layers: Sequence[Layer], seed: int) -> Dense:
    """Weights drawn from a normal distribution of width gain / sqrt(I), biases 0.

    Raises:
        GlassworkError: no such activation.
    """
    random = torch.Generator().manual_seed(seed)
    weights, biases = [], []
    for layer in layers:
        if layer.activation not in ACTIVATIONS:
            raise unknown("activation", layer.activation, list(ACTIVATIONS))
        width = GAINS.get(layer.activation, 1.0) / inputs**0.5
        weights.append(torch.randn(layer.units, inputs, generator=random, dtype=torch.float64) * width)
        biases.append(torch.zeros(layer.units, dtype=torch.float64))
        inputs = layer.units
    return Dense(weights, biases, tuple(layer.activation for layer in layers))


def forward(network: Dense, x: Tensor, masks: Sequence[Tensor | None] = ()) -> Passed:
    """Pass examples through.

    Args:
        network: its weights.
        x: (N, I).
        masks: what the values of each hidden layer are multiplied by (dropout); none where nothing is dropped.
    """
    sums, values = [], [x]
    for i, (w, b, name) in enumerate(zip(network.weights, network.biases, network.activations, strict=True)):
        z = torch.addmm(b, values[-1], w.T)  # (N, O)
        a = ACTIVATIONS[name](z)
        if i < len(masks) and (mask := masks[i]) is not None:
            a = a * mask
        sums.append(z)
        values.append(a)
    return Passed(sums, values)


def squares(values: Tensor, target: Tensor) -> Tensor:
    """The sum over outputs of (a - y)^2, mean over examples: the cost of the lecture."""
    return (values - target).square().sum(1).mean()


def slopes(activation: str, z: Tensor) -> Tensor:
    """f'(z), by autograd, of the shape of z."""
    at = z.detach().clone().requires_grad_()
    (found,) = torch.autograd.grad(ACTIVATIONS[activation](at).sum(), at)
    return found
