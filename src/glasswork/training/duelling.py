"""A GAN's step written out, for networks so small that a framework would mostly be busy with itself.

Forward, backward, the penalty's second derivatives and the optimisers act in place on rows of numbers, in double
precision. tests/training holds every gradient to autograd's, and every update to torch's optimisers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from glasswork.errors import GlassworkError, unknown

Numbers = NDArray[np.float64]
LEAK = 0.2
OPTIMISERS = ("SGD", "momentum", "RMSprop", "Adam")
TINY = 1e-12  # under the root of a slope's size


def _sigmoid(z: Numbers) -> Numbers:
    return 0.5 * np.tanh(0.5 * z) + 0.5


def softplus(z: Numbers) -> Numbers:
    """ln(1 + e^z)."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


ACTIVATIONS: dict[str, Callable[[Numbers], Numbers]] = {
    "leaky_relu": lambda z: np.maximum(z, LEAK * z, out=z),
    "relu": lambda z: np.maximum(z, 0, out=z),
    "tanh": lambda z: np.tanh(z, out=z),
    "sigmoid": _sigmoid,
}
"""In place where that pays."""
SLOPES: dict[str, Callable[[Numbers], Numbers]] = {
    "leaky_relu": lambda a: np.where(a > 0, a.dtype.type(1), a.dtype.type(LEAK)),
    "relu": lambda a: (a > 0).astype(a.dtype),
    "tanh": lambda a: 1 - a * a,
    "sigmoid": lambda a: a * (1 - a),
}
"""f'(z), from a = f(z)."""
BENDS: dict[str, Callable[[Numbers], Numbers] | None] = {
    "leaky_relu": None,
    "relu": None,
    "tanh": lambda a: -2 * a * (1 - a * a),
    "sigmoid": lambda a: a * (1 - a) * (1 - 2 * a),
}
"""f''(z), from a = f(z); none where it is 0."""


@dataclass(frozen=True)
class Rule:
    """How a player learns.

    Attributes:
        optimiser: of OPTIMISERS.
        rate: the learning rate.
        beta1: of Adam; of momentum the momentum.
        beta2: of Adam; of RMSprop its alpha.
    """

    optimiser: str = "Adam"
    rate: float = 1e-3
    beta1: float = 0.0
    beta2: float = 0.99


EPSILON = 1e-8


class Player:
    """One of the two: a dense network whose last layer is linear, its gradient, and what its optimiser remembers.

    Args:
        sizes: numbers in, units of each hidden layer, numbers out.
        activations: of the hidden layers.
        random: where first weights come from: uniform within 1 / sqrt(inputs), as torch's Linear.
        rule: how it learns.

    Raises:
        GlassworkError: no such activation or optimiser.
    """

    def __init__(self, sizes: Sequence[int], activations: Sequence[str], random: np.random.Generator, rule: Rule):
        for name in activations:
            if name not in ACTIVATIONS:
                raise unknown("activation", name, list(ACTIVATIONS))
        if rule.optimiser not in OPTIMISERS:
            raise unknown("optimiser", rule.optimiser, list(OPTIMISERS))
        self.sizes, self.activations, self.rule = tuple(sizes), tuple(activations), rule
        parts = []
        for inputs, units in pairwise(sizes):
            bound = inputs**-0.5
            parts += [random.uniform(-bound, bound, units * inputs), random.uniform(-bound, bound, units)]
        self.row = np.concatenate(parts)
        self.slope = np.zeros_like(self.row)
        self.memory = np.zeros((2, len(self.row)))
        self.updates = 0
        self._scratch = np.empty((2, len(self.row)))
        self.weights, self.biases = self.split(self.row)
        self._into = self.split(self.slope)
        self.values: list[Numbers] = []

    @classmethod
    def over(cls, weights: Sequence[Numbers], biases: Sequence[Numbers], activations: Sequence[str]) -> Player:
        """A player over numbers that somebody else holds, and updates: weights (O, I) and biases (O,) of each layer."""
        made = cls.__new__(cls)
        made.activations = tuple(activations)
        made.weights, made.biases, made.values = list(weights), list(biases), []
        made._into = [np.empty_like(one) for one in weights], [np.empty_like(one) for one in biases]
        return made

    @property
    def slopes(self) -> list[Numbers]:
        """Of weight, bias, weight, bias, ..."""
        return [one for pair in zip(*self._into, strict=True) for one in pair]

    def split(self, row: Numbers) -> tuple[list[Numbers], list[Numbers]]:
        """Weights (O, I) and biases (O,) as parts of a row."""
        weights, biases, at = [], [], 0
        for inputs, units in pairwise(self.sizes):
            weights.append(row[at : at + inputs * units].reshape(units, inputs))
            at += inputs * units
            biases.append(row[at : at + units])
            at += units
        return weights, biases

    def forward(self, x: Numbers) -> Numbers:
        """(N, I) -> (N, O); the values on the way are kept for `backward`."""
        self.values = [x]
        last = len(self.weights) - 1
        for i, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = x @ w.T
            x += b
            if i < last:
                x = ACTIVATIONS[self.activations[i]](x)
            self.values.append(x)
        return x

    def backward(self, wish: Numbers, inputs: bool = False, weights: bool = True) -> Numbers:
        """From the loss's slope at what came out, (N, O), to that at every weight, and at what went in, if asked.

        Args:
            wish: dL/d(output).
            inputs: whether the slope at the inputs is wanted; else what comes back is that before the first layer.
            weights: whether `slope` is written.
        """
        into_w, into_b = self._into
        for i in range(len(self.weights) - 1, -1, -1):
            if weights:
                np.matmul(wish.T, self.values[i], out=into_w[i])
                np.sum(wish, axis=0, out=into_b[i])
            if i:
                wish = wish @ self.weights[i]
                wish *= SLOPES[self.activations[i - 1]](self.values[i])
            elif inputs:
                wish = wish @ self.weights[0]
        return wish

    def penalise(self, x: Numbers, of_size: Callable[[Numbers], tuple[float, Numbers]]) -> float:
        """Add the gradient of a function of |dD/dx|^2 at points, for a player of one output; its value.

        Args:
            x: (N, I).
            of_size: from the squared sizes, (N,), to the penalty and its slope at each.
        """
        self.forward(x)
        values, w = self.values, self.weights
        hidden = len(w) - 1
        slopes = [SLOPES[self.activations[i]](values[i + 1]) for i in range(hidden)]
        deltas: list[Numbers] = [np.ones((len(x), 1), x.dtype)]  # dD/dz of each layer, from the last
        arrived: list[Numbers] = []  # dD/da
        for i in range(hidden, 0, -1):
            arrived.insert(0, deltas[0] @ w[i])
            deltas.insert(0, arrived[0] * slopes[i - 1])
        u = deltas[0] @ w[0]  # dD/dx, (N, I)
        penalty, each = of_size((u * u).sum(1))
        into_w, into_b = self._into
        back = 2 * each[:, None] * u  # dP/du
        bent: list[Numbers] = []  # dP/dz, by f''
        for i in range(hidden + 1):
            into_w[i] += deltas[i].T @ back
            back = back @ w[i].T  # dP/d(delta_i)
            if i < hidden:
                bend = BENDS[self.activations[i]]
                bent.append(back * arrived[i] * bend(values[i + 1]) if bend else np.zeros(0))
                back = back * slopes[i]
        wish: Numbers | None = None
        for i in range(hidden - 1, -1, -1):
            through = None if wish is None else (wish @ w[i + 1]) * slopes[i]
            own = bent[i] if bent[i].size else None
            wish = own if through is None else through if own is None else own + through
            if wish is not None:
                into_w[i] += wish.T @ values[i]
                into_b[i] += wish.sum(0)
        return penalty

    def update(self) -> None:
        """One step of the optimiser, in place; the formulas are torch's."""
        rule, slope = self.rule, self.slope
        self.updates += 1
        if rule.optimiser == "SGD":
            np.multiply(slope, rule.rate, out=self._scratch[0])
            self.row -= self._scratch[0]
            return
        first, second = self.memory
        a, b = self._scratch
        if rule.optimiser == "momentum":
            first *= rule.beta1
            first += slope
            np.multiply(first, rule.rate, out=a)
            self.row -= a
            return
        second *= rule.beta2
        np.multiply(slope, slope, out=a)
        a *= 1 - rule.beta2
        second += a
        np.sqrt(second, out=a)
        if rule.optimiser == "RMSprop":
            a += EPSILON
            np.divide(slope, a, out=b)
            b *= rule.rate
        else:
            first *= rule.beta1
            np.multiply(slope, 1 - rule.beta1, out=b)
            first += b
            a /= (1 - rule.beta2**self.updates) ** 0.5
            a += EPSILON
            np.divide(first, a, out=b)
            b *= rule.rate / (1 - rule.beta1**self.updates)
        self.row -= b


@dataclass(frozen=True, kw_only=True)
class Duel:
    """How two players are trained against each other.

    Attributes:
        loss: of LOSSES.
        penalty: weight of Wasserstein's penalty.
        zero_centred: weight of the penalty on the slope at real points.
        noise: gaussian or uniform.
        batch: points in a step, of each kind.
        critic_steps, generator_steps: updates of each in one step.
        seed: of all chance.
    """

    loss: str = "non_saturating"
    penalty: float = 0.1
    zero_centred: float = 0.0
    noise: str = "gaussian"
    batch: int = 150
    critic_steps: int = 1
    generator_steps: int = 1
    seed: int = 0
    acts: Mapping[int, str] = field(default_factory=dict)


def _log_judging(real: Numbers, made: Numbers) -> tuple[float, Numbers, Numbers]:
    loss = (softplus(-real).mean() + softplus(made).mean()) / 2
    return float(loss), -_sigmoid(-real) / (2 * len(real)), _sigmoid(made) / (2 * len(made))


def _square_judging(real: Numbers, made: Numbers) -> tuple[float, Numbers, Numbers]:
    loss = (np.square(real - 1).mean() + np.square(made).mean()) / 2
    return float(loss), (real - 1) / len(real), made / len(made)


def _wasserstein_judging(real: Numbers, made: Numbers) -> tuple[float, Numbers, Numbers]:
    each = np.full_like(real, 1 / len(real))
    return float(made.mean() - real.mean()), -each, each


def _hinge_judging(real: Numbers, made: Numbers) -> tuple[float, Numbers, Numbers]:
    loss = (np.maximum(0, 1 - real).mean() + np.maximum(0, 1 + made).mean()) / 2
    return float(loss), (real < 1) / (-2 * len(real)), (made > -1) / (2 * len(made))


JUDGING: dict[str, Callable[[Numbers, Numbers], tuple[float, Numbers, Numbers]]] = {
    "non_saturating": _log_judging,
    "saturating": _log_judging,
    "least_squares": _square_judging,
    "wasserstein": _wasserstein_judging,
    "hinge": _hinge_judging,
}
"""The discriminator's loss, and its slope at what it says of real and of made points, (N, 1)."""
FOOLING: dict[str, Callable[[Numbers], tuple[float, Numbers]]] = {
    "non_saturating": lambda made: (float(softplus(-made).mean()), -_sigmoid(-made) / len(made)),
    "saturating": lambda made: (-float(softplus(made).mean()), -_sigmoid(made) / len(made)),
    "least_squares": lambda made: (float(np.square(made - 1).mean()) / 2, (made - 1) / len(made)),
    "wasserstein": lambda made: (-float(made.mean()), np.full_like(made, -1 / len(made))),
    "hinge": lambda made: (-float(made.mean()), np.full_like(made, -1 / len(made))),
}
"""The generator's loss, and its slope at what the discriminator says of made points, (N, 1)."""
LOSSES = tuple(JUDGING)


def judge_step(duel: Duel, generator: Player, critic: Player, real: Numbers, noise: Numbers, mix: Numbers) -> float:
    """The discriminator's loss; its gradient is written into `critic.slope`.

    Args:
        duel: how.
        generator, critic: the players.
        real: (B, 2).
        noise: (B, Z).
        mix: (B, 1).
    """
    count = len(real)
    made = generator.forward(noise)
    said = critic.forward(np.concatenate([real, made]))
    loss, at_real, at_made = JUDGING[duel.loss](said[:count], said[count:])
    critic.backward(np.concatenate([at_real, at_made]))
    if duel.loss == "wasserstein":

        def apart(squares: Numbers) -> tuple[float, Numbers]:
            size = np.sqrt(squares + TINY)
            return duel.penalty * float(np.square(size - 1).mean()), duel.penalty * (size - 1) / size / count

        loss += critic.penalise(mix * real + (1 - mix) * made, apart)
    if duel.zero_centred:
        half = duel.zero_centred / 2

        def flat(squares: Numbers) -> tuple[float, Numbers]:
            return half * float(squares.mean()), np.full(count, half / count)

        loss += critic.penalise(real, flat)
    return loss


def fool_step(duel: Duel, generator: Player, critic: Player, noise: Numbers) -> float:
    """The generator's loss; its gradient, which comes through the discriminator, is written into `generator.slope`."""
    made = generator.forward(noise)
    said = critic.forward(made)
    loss, wish = FOOLING[duel.loss](said)
    generator.backward(critic.backward(wish, inputs=True, weights=False))
    return loss


def check_duel(duel: Duel) -> None:
    """Whether it can be fought.

    Raises:
        GlassworkError: no such loss or noise.
    """
    if duel.loss not in LOSSES:
        raise unknown("loss", duel.loss, list(LOSSES))
    if duel.noise not in ("gaussian", "uniform"):
        raise unknown("noise", duel.noise, ["gaussian", "uniform"])
    if min(duel.batch, duel.critic_steps, duel.generator_steps) < 1:
        raise GlassworkError("a step needs points and updates", why="batch and steps of each are 1 or more")
