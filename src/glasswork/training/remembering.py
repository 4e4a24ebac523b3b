"""Two problems that ask for memory, learned by an RNN and an LSTM of one size from the same examples.

Adding (S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", 1997, section 5.4, in the form of Q. Le et al. 2015,
https://arxiv.org/abs/1504.00941): numbers from 0 to 1, two of them marked, one in each half; what is their sum? Who
always says 1 has a mean squared error of 1/6.
Copy (the same paper's section 5; M. Arjovsky et al. 2016, https://arxiv.org/abs/1511.06464): five symbols out of eight,
then blanks, then a call: say them again. Who remembers nothing pays ln 8 for each.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

# B examples in a batch, T steps, H units

SYMBOLS, RECALLED = 8, 5
PROBLEMS = ("adding", "copy")
CLOSE = 0.04
"""A sum that is told so well counts as right, as in the paper of 1997."""
TEST, TESTED = 200, 1 << 30
"""Test examples, and where their stream of chance begins."""
BLANK = {"adding": 1 / 6, "copy": math.log(SYMBOLS)}
"""The cost of who remembers nothing."""


@dataclass(frozen=True)
class Remember:
    """How both are trained.

    Attributes:
        problem: of PROBLEMS.
        length: the steps of an adding example; the blanks of a copy one.
        units: H of both.
        batch: examples of a step.
        rate: of Adam.
        clip: the length that gradients are cut to; 0 for none.
        radius: the spectral radius that the RNN's W_h begins with; 0 for torch's own beginning.
        seed: of weights and examples.
    """

    problem: str = "adding"
    length: int = 50
    units: int = 32
    batch: int = 32
    rate: float = 0.005
    clip: float = 1.0
    radius: float = 0.0
    seed: int = 0


def examples(how: Remember, step: int, count: int) -> tuple[Tensor, Tensor]:
    """Those of a step: what is read, (B, T, I), and what is to be said, (B, 1) or (B, RECALLED)."""
    random = np.random.default_rng([how.seed, step])
    if how.problem == "adding":
        values = random.random((count, how.length))
        marks = np.zeros((count, how.length))
        half = how.length // 2
        for low, high in ((0, half), (half, how.length)):
            marks[np.arange(count), random.integers(low, high, count)] = 1
        x, y = np.stack([values, marks], 2), (values * marks).sum(1, keepdims=True)
        return torch.from_numpy(x.astype(np.float32)), torch.from_numpy(y.astype(np.float32))
    symbols = random.integers(0, SYMBOLS, (count, RECALLED))
    read = np.full((count, how.length + 2 * RECALLED), SYMBOLS)
    read[:, :RECALLED] = symbols
    read[:, RECALLED + how.length - 1] = SYMBOLS + 1
    return F.one_hot(torch.from_numpy(read), SYMBOLS + 2).float(), torch.from_numpy(symbols)


class Rememberer(nn.Module):
    """A layer of torch.nn's, and a linear one on its states at the end.

    Args:
        kind: rnn or lstm.
        how: sizes and seed.
    """

    def __init__(self, kind: str, how: Remember) -> None:
        super().__init__()
        inputs, outputs = (2, 1) if how.problem == "adding" else (SYMBOLS + 2, SYMBOLS)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(how.seed)
            self.core: nn.RNNBase = (nn.RNN if kind == "rnn" else nn.LSTM)(inputs, how.units, batch_first=True)
            self.output = nn.Linear(how.units, outputs)
        self.said = 1 if how.problem == "adding" else RECALLED
        with torch.no_grad():
            if kind == "lstm":  # memory is kept to begin with: Gers et al. 2000, Jozefowicz et al. 2015
                self.core.get_parameter("bias_hh_l0")[how.units : 2 * how.units] = 1
            elif how.radius:
                matrix = self.core.get_parameter("weight_hh_l0")
                matrix.mul_(how.radius / float(torch.linalg.eigvals(matrix).abs().max()))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, I) -> what is said at the last steps, (B, said, outputs)."""
        return self.output(self.core(x)[0][:, -self.said :])


def cost(said: Tensor, wanted: Tensor) -> Tensor:
    """The mean squared error of sums, the mean cross-entropy of symbols; a scalar."""
    if said.shape[2] == 1:
        return F.mse_loss(said[:, 0], wanted)
    return F.cross_entropy(said.flatten(0, 1), wanted.flatten())


class Learner:
    """One of the two, while it learns.

    Attributes:
        costs: of each step's batch.
        lengths: of each step's gradient, before it was cut.
    """

    def __init__(self, kind: str, how: Remember) -> None:
        self.kind, self.how = kind, how
        self.network = Rememberer(kind, how)
        self.optimiser = torch.optim.Adam(self.network.parameters(), how.rate)
        self.costs: list[float] = []
        self.lengths: list[float] = []

    def take(self, x: Tensor, y: Tensor) -> None:
        """One step of Adam, the gradient cut to its greatest length (R. Pascanu et al. 2013)."""
        self.optimiser.zero_grad()
        found = cost(self.network(x), y)
        found.backward()
        greatest = self.how.clip or math.inf
        length = nn.utils.clip_grad_norm_(self.network.parameters(), greatest)
        self.optimiser.step()
        self.costs.append(found.item())
        self.lengths.append(length.item())

    def tested(self, x: Tensor, y: Tensor) -> tuple[float, float, np.ndarray]:
        """Of the test examples: the cost, the share that is right, and what is said, (B, said)."""
        with torch.no_grad():
            said = self.network(x)
        if self.how.problem == "adding":
            return cost(said, y).item(), float(((said[:, 0] - y).abs() < CLOSE).float().mean()), said[:, 0].numpy()
        told = said.argmax(2)
        return cost(said, y).item(), float((told == y).float().mean()), told.numpy()

    def reach(self, x: Tensor, y: Tensor) -> np.ndarray:
        """How long the cost's gradient is to what was read at each step, the mean over the examples, (T,)."""
        x = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(cost(self.network(x), y) * len(x), x)
        return slope.norm(dim=2).mean(0).numpy()


class Contest:
    """Both, on the same examples.

    Args:
        how: the problem and how it is learned.
    """

    def __init__(self, how: Remember) -> None:
        self.how, self.step = how, 0
        self.learners = [Learner(kind, how) for kind in ("rnn", "lstm")]
        self.test = examples(how, TESTED, TEST)

    def go(self, step: int, until: float = math.inf, stop: Callable[[], bool] = lambda: False) -> None:
        """Be at a step, or, when time runs out before, on the way to it."""
        while self.step < step and time.monotonic() < until and not stop():
            x, y = examples(self.how, self.step, self.how.batch)
            for learner in self.learners:
                learner.take(x, y)
            self.step += 1
