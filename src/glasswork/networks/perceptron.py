"""The perceptron with hidden layers: with more than one of them it is called deep.

F. Rosenblatt, "The perceptron: a probabilistic model for information storage and organization in the brain", 1958,
https://doi.org/10.1037/h0042519. Trained layer by layer through the chain rule: D. E. Rumelhart, G. E. Hinton,
R. J. Williams, "Learning representations by back-propagating errors", 1986, https://doi.org/10.1038/323533a0.

What differs from 1958: layers that learn instead of random wiring before one that does, and smooth (or piecewise
linear) activations instead of a step, which has no gradient to learn by. Without hidden layers it is a linear
classifier.
"""

# ruff: noqa: RET504  one operation a line, also the last: the page shows these lines

from __future__ import annotations

import torch
from torch import Tensor, nn

from glasswork.networks._registry import network

# B examples in a batch, I numbers in each, W units in a hidden layer, K outputs

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "identity": nn.Identity}


class Layer(nn.Module):
    """A linear map, then the activation."""

    def __init__(self, inputs: int, width: int, activation: str) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, width)
        self.activation = ACTIVATIONS[activation]()

    def forward(self, x: Tensor) -> Tensor:
        """(B, I) -> (B, W)."""
        x = self.linear(x)  # (B, W)
        x = self.activation(x)
        return x


@network(
    paper="https://doi.org/10.1038/323533a0",
    named={
        "linear_classifier": {"inputs": 784, "depth": 0, "outputs": 10},
        "perceptron_digits": {"inputs": 784, "width": 128, "depth": 2, "outputs": 10},
    },
    small={"inputs": 3, "width": 5, "depth": 2, "outputs": 2},
)
class Perceptron(nn.Module):
    """Hidden layers of equal width, then a linear output.

    Args:
        inputs: numbers in one example; a picture is read as its channels x rows x columns.
        width: units in each hidden layer.
        depth: hidden layers: 0 for a linear classifier, from 2 on the network is deep.
        outputs: numbers that come out.
        activation: relu, tanh, sigmoid, or identity, with which any depth computes a linear map only.
        output_activation: the same, of the numbers that come out.
    """

    def __init__(
        self,
        *,
        inputs: int = 2,
        width: int = 8,
        depth: int = 2,
        outputs: int = 2,
        activation: str = "relu",
        output_activation: str = "identity",
    ) -> None:
        super().__init__()
        for name in (activation, output_activation):
            if name not in ACTIVATIONS:
                raise ValueError(f"the activation is {name!r}; it must be one of {', '.join(ACTIVATIONS)}")
        self.inputs = inputs
        self.flatten = nn.Flatten()
        self.hidden = nn.Sequential(*(Layer(width if i else inputs, width, activation) for i in range(depth)))
        self.output = nn.Linear(width if depth else inputs, outputs)
        self.activation = None if output_activation == "identity" else ACTIVATIONS[output_activation]()

    def forward(self, x: Tensor) -> Tensor:
        """(B, ...), I numbers each -> (B, K)."""
        x = self.flatten(x)  # (B, I)
        x = self.hidden(x)  # (B, W)
        x = self.output(x)  # (B, K)
        if self.activation is not None:
            x = self.activation(x)
        return x

    def example(self, batch: int = 1) -> tuple[Tensor, ...]:
        """Random inputs."""
        return (torch.randn(batch, self.inputs),)
