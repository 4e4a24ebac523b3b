"""Backpropagation written out, for networks so small that a framework would mostly be busy with itself.

The four equations of Rumelhart, Hinton and Williams (1986), https://doi.org/10.1038/323533a0, in double precision:
dC/dz = dC/da f'(z) (from the cost at the last layer), dC/dW = dC/dz a^T, dC/db = dC/dz, dC/da = W^T dC/dz.
tests/training holds them to autograd's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_ALPHA, _SCALE = 1.6732632423543772, 1.0507009873554805  # of selu: Klambauer et al. 2017
_ROOT = 2**-0.5
_DENSITY = (2 * np.pi) ** -0.5


def _sigmoid(z: Numbers) -> Numbers:
    return 0.5 * np.tanh(0.5 * z) + 0.5


def _below(z: Numbers) -> Numbers:
    """e^z - 1 where z < 0, which is all that the exponential units need of it."""
    return np.expm1(np.minimum(z, 0))


def _normal(z: Numbers) -> Numbers:
    """The normal distribution's function."""
    return 0.5 * (1 + torch.erf(torch.from_numpy(z * _ROOT)).numpy())


VALUES: dict[str, Callable[[Numbers], Numbers]] = {
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, _below(z)),
    "selu": lambda z: _SCALE * np.where(z > 0, z, _ALPHA * _below(z)),
    "gelu": lambda z: z * _normal(z),
    "silu": lambda z: z * _sigmoid(z),
    "softplus": lambda z: np.logaddexp(0, z),
    "softsign": lambda z: z / (1 + np.abs(z)),
    "sine": np.sin,
    "identity": lambda z: z,
}
"""f(z), by the names of dense.ACTIVATIONS."""

SLOPES: dict[str, Callable[[Numbers, Numbers], Numbers]] = {
    "sigmoid": lambda z, a: a * (1 - a),
    "tanh": lambda z, a: 1 - a * a,
    "relu": lambda z, a: (z > 0).astype(np.float64),
    "leaky_relu": lambda z, a: np.where(z > 0, 1.0, 0.01),
    "elu": lambda z, a: np.where(z > 0, 1.0, _below(z) + 1),
    "selu": lambda z, a: _SCALE * np.where(z > 0, 1.0, _ALPHA * (_below(z) + 1)),
    "gelu": lambda z, a: _normal(z) + z * _DENSITY * np.exp(-0.5 * z * z),
    "silu": lambda z, a: _sigmoid(z) * (1 + z * (1 - _sigmoid(z))),
    "softplus": lambda z, a: _sigmoid(z),
    "softsign": lambda z, a: (1 + np.abs(z)) ** -2.0,
    "sine": lambda z, a: np.cos(z),
    "identity": lambda z, a: np.ones_like(z),
}
"""f'(z), from z and a = f(z)."""


def _squares(a: Numbers, y: Numbers) -> tuple[float, Numbers]:
    apart = a - y
    return float(np.vdot(apart, apart)) / len(a), (2 / len(a)) * apart


def _half_squares(a: Numbers, y: Numbers) -> tuple[float, Numbers]:
    apart = a - y
    return 0.5 * float(np.vdot(apart, apart)) / len(a), apart / len(a)


def _binary(a: Numbers, y: Numbers) -> tuple[float, Numbers]:
    each = np.maximum(a, 0) - a * y + np.log1p(np.exp(-np.abs(a)))
    return float(each.mean()), (_sigmoid(a) - y) / a.size


COSTS: dict[str, Callable[[Numbers, Numbers], tuple[float, Numbers]]] = {
    "squares": _squares,
    "half_squares": _half_squares,
    "binary": _binary,
}
"""The mean cost of examples and its slope at what came out, (N, O): the sum over outputs of (a - y)^2; half of it;
cross-entropy of two classes, a being the logit."""


def passed(
    weights: Sequence[Numbers], biases: Sequence[Numbers], activations: Sequence[str], x: Numbers
) -> list[Numbers]:
    """The values of each layer, (N, O), the input not among them."""
    values = []
    for w, b, name in zip(weights, biases, activations, strict=True):
        x = VALUES[name](x @ w.T + b)
        values.append(x)
    return values


def backpropagate(
    weights: Sequence[Numbers],
    biases: Sequence[Numbers],
    activations: Sequence[str],
    x: Numbers,
    y: Numbers,
    cost: str,
    into: Sequence[tuple[Numbers, Numbers]],
    masks: Sequence[Numbers] = (),
) -> float:
    """The mean cost of examples, and its gradient.

    Args:
        weights: (O, I) of each layer.
        biases: (O,) of each layer.
        activations: of each layer.
        x: (N, I).
        y: (N, O) of the last layer.
        cost: of COSTS.
        into: where the gradient of each layer's weights and biases is written.
        masks: what the values of each hidden layer are multiplied by (dropout).
    """
    sums, plain, values = [], [], [x]
    for i, (w, b, name) in enumerate(zip(weights, biases, activations, strict=True)):
        z = values[-1] @ w.T
        z += b
        a = VALUES[name](z)
        sums.append(z)
        plain.append(a)
        values.append(a * masks[i] if i < len(masks) else a)
    found, wish = COSTS[cost](values[-1], y)
    for i in range(len(weights) - 1, -1, -1):
        if i < len(masks):
            wish = wish * masks[i]
        delta = wish * SLOPES[activations[i]](sums[i], plain[i])
        np.matmul(delta.T, values[i], out=into[i][0])
        np.sum(delta, axis=0, out=into[i][1])
        if i:
            wish = delta @ weights[i]
    return found
