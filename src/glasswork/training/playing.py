"""Training that is watched step by step, and can be gone through forth and back.

What is at a step is a function of the settings alone: to go back is to take up a state that was kept before it and to
go on from there. All chance comes from the seed and the number of the epoch or step.
"""

from __future__ import annotations

import copy
import inspect
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from glasswork.errors import GlassworkError, unknown
from glasswork.training.backpropagation import COSTS, Numbers, backpropagate, passed
from glasswork.training.dense import Dense
from glasswork.training.optimising import optimiser_names

KEPT = 64  # states
ORDER, DROPPED = 3, 5  # streams of the seed
WHOLE = ("LBFGS", "Muon", "Adafactor")
"""Optimisers that look at a tensor as a whole; to all others one long row of numbers is the same, and faster."""
MATRICES = "Muon"
"""It takes matrices only; biases are left to AdamW."""
ALL = (*optimiser_names(), "LBFGS")


@dataclass(frozen=True, kw_only=True)
class Play:
    """How is trained.

    Attributes:
        cost: of COSTS.
        optimiser: torch's name.
        settings: of the optimiser; `lr` among them.
        batch: examples in a step.
        l1, l2: the cost gets l1 sum |w| + l2 / 2 sum w^2, over weights and not biases.
        dropout: the share of hidden values that is set to 0 in each step; the others grow by 1 / (1 - dropout).
        seed: of the order of the examples, and of what is dropped.
    """

    cost: str = "squares"
    optimiser: str = "SGD"
    settings: Mapping[str, Any] = field(default_factory=lambda: {"lr": 0.1})
    batch: int = 10
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Update:
    """What one optimiser did in one step.

    Attributes:
        optimiser: torch's name.
        settings: lr, momentum, ...
        parts: for each of its tensors: the numbers before, the gradient, those after, and what it remembered before.
    """

    optimiser: str
    settings: Mapping[str, Any]
    parts: list[tuple[Tensor, Tensor, Tensor, Mapping[str, Any]]]


@dataclass
class State:
    """What a step leaves behind."""

    step: int
    network: Dense
    memory: list[dict[str, Any]]


class Player:
    """A network that is trained for as many steps as somebody wants to see.

    Args:
        network: before the first step.
        x: (N, I), double.
        y: (N, O), double.
        play: how.
        examples: which examples step number `step`, from 0, sees; None: each once an epoch, in an order drawn anew.
        edits: weights that were set by hand: by the step after which, a list of (parameter, index, value).

    Raises:
        GlassworkError: no such optimiser or setting.
    """

    def __init__(
        self,
        network: Dense,
        x: Tensor,
        y: Tensor,
        play: Play,
        examples: Callable[[int], NDArray[np.intp]] | None = None,
        edits: Mapping[int, list[tuple[int, int, float]]] | None = None,
    ) -> None:
        if play.cost not in COSTS:
            raise unknown("cost", play.cost, list(COSTS))
        self.x, self.y, self.play = x.numpy(), y.numpy(), play
        self._examples = examples or self._of_epoch
        self._edits = dict(edits or {})
        self._start = network.copy()
        self._every = 1
        self._order: tuple[int, NDArray[np.intp]] = (-1, np.empty(0, np.intp))
        self.each = max(1, math.ceil(len(x) / play.batch))
        """Steps an epoch."""
        self.costs: dict[int, float] = {}
        """Of the batch, by the number of the step, from 1."""
        self._kept: dict[int, State] = {}
        self._begin(network.copy(), 0, [])
        self._edit()
        self._keep()

    def _begin(self, network: Dense, step: int, memory: list[dict[str, Any]]) -> None:
        """Take these numbers up: all in one row, of which weights and biases are parts."""
        self.step = step
        self.activations = network.activations
        ends = np.cumsum([one.numel() for one in network.parameters])[:-1]
        shapes = [tuple(one.shape) for one in network.parameters]
        row = np.concatenate([one.detach().numpy().ravel() for one in network.parameters])
        slope = np.zeros_like(row)

        def parts(of: Numbers) -> list[Numbers]:
            return [part.reshape(shape) for part, shape in zip(np.split(of, ends), shapes, strict=True)]

        values, slopes = parts(row), parts(slope)
        self.weights, self.biases = values[::2], values[1::2]
        self._into = list(zip(slopes[::2], slopes[1::2], strict=True))
        if self.play.optimiser in WHOLE:
            tensors = [_learning(one, grad) for one, grad in zip(values, slopes, strict=True)]
            groups = [tensors[::2], tensors[1::2]] if self.play.optimiser == MATRICES else [tensors]
        else:
            groups = [[_learning(row, slope)]]
        self._tensors = [one for group in groups for one in group]
        self.optimisers = [_optimiser(self.play, group, i) for i, group in enumerate(groups)]
        for optimiser, state in zip(self.optimisers, memory, strict=False):
            optimiser.load_state_dict(copy.deepcopy(state))

    @property
    def network(self) -> Dense:
        """A copy of the present numbers."""
        weights, biases = ([torch.from_numpy(one.copy()) for one in part] for part in (self.weights, self.biases))
        return Dense(weights, biases, self.activations)

    def values(self, x: Numbers) -> list[Numbers]:
        """Of each layer, (N, O), for any inputs (N, I)."""
        with np.errstate(all="ignore"):
            return passed(self.weights, self.biases, self.activations, x)

    def cost(self, x: Numbers, y: Numbers) -> float:
        """The mean cost of examples, without penalties."""
        with np.errstate(all="ignore"):
            return COSTS[self.play.cost](self.values(x)[-1], y)[0]

    def state(self) -> State:
        """All that decides what comes next."""
        memory = [copy.deepcopy(optimiser.state_dict()) for optimiser in self.optimisers]
        return State(self.step, self.network, memory)

    def take_over(self, other: Player, step: int) -> None:
        """Take up what another one did before a step, up to which both are the same."""
        self._every = other._every
        self._kept |= {at: state for at, state in other._kept.items() if at < step}
        self.costs |= {at: cost for at, cost in other.costs.items() if at <= step}
        near = max(self._kept)
        self._begin(self._kept[near].network, near, self._kept[near].memory)

    def go(self, step: int, until: float = math.inf, stop: Callable[[], bool] = lambda: False) -> None:
        """Be at a step, or, when time runs out before, on the way to it.

        Args:
            step: how many updates have been made.
            until: of time.monotonic; looked at between two steps.
            stop: asked between two steps.

        Raises:
            GlassworkError: the optimiser refuses.
        """
        if step < self.step:
            near = max(one for one in self._kept if one <= step)
            self._begin(self._kept[near].network, near, self._kept[near].memory)
        with np.errstate(all="ignore"):  # numbers that run out are shown as what they are
            while self.step < step and time.monotonic() < until and not stop():
                self._take()

    def slowly(self) -> list[Update]:
        """Take the next step, and tell what each optimiser had in its hands; parameters are one row where they may."""
        seen = [
            [(one.detach().clone(), copy.deepcopy(dict(optimiser.state.get(one, {})))) for one in _held(optimiser)]
            for optimiser in self.optimisers
        ]
        optimisers = self.optimisers
        self.go(self.step + 1)
        return [
            Update(
                type(optimiser).__name__,
                {key: value for key, value in optimiser.param_groups[0].items() if key != "params"},
                [
                    (before, _slope_of(one), one.detach().clone(), memory)
                    for one, (before, memory) in zip(_held(optimiser), were, strict=True)
                ],
            )
            for optimiser, were in zip(optimisers, seen, strict=True)
        ]

    def place(self, layer: int, unit: int, source: int) -> tuple[int, int, tuple[int, ...]]:
        """Where a weight stands among what `slowly` tells: which optimiser, which of its tensors, and the index.

        Args:
            layer: from 0.
            unit: of the layer.
            source: which of its inputs.
        """
        if self.play.optimiser == MATRICES:
            return 0, layer, (unit, source)
        if self.play.optimiser in WHOLE:
            return 0, 2 * layer, (unit, source)
        before = sum(w.size + b.size for w, b in zip(self.weights[:layer], self.biases[:layer], strict=True))
        return 0, 0, (before + unit * self.weights[layer].shape[1] + source,)

    def _take(self) -> None:
        index = self._examples(self.step)
        x, y = self.x[index], self.y[index]
        masks = self._masks(len(index))
        costs = []

        def closure() -> float:
            found = backpropagate(self.weights, self.biases, self.activations, x, y, self.play.cost, self._into, masks)
            costs.append(found)
            return found + self._penalise()

        try:
            if self.play.optimiser == "LBFGS":
                self.optimisers[0].step(closure)
            else:
                closure()
                for optimiser in self.optimisers:
                    optimiser.step()
        except (RuntimeError, ValueError, ZeroDivisionError, OverflowError) as error:
            raise GlassworkError(
                f"{self.play.optimiser} can't take this step", why=str(error)[:200], todo="Choose other settings."
            ) from error
        self.step += 1
        self.costs[self.step] = costs[0]
        self._edit()
        if self.step % self._every == 0:
            self._keep()

    def _penalise(self) -> float:
        """Add to the gradient what L1 and L2 ask for; what they add to the cost."""
        l1, l2 = self.play.l1, self.play.l2
        if not (l1 or l2):
            return 0.0
        added = 0.0
        for w, (slope, _) in zip(self.weights, self._into, strict=True):
            slope += l1 * np.sign(w) + l2 * w
            added += l1 * float(np.abs(w).sum()) + 0.5 * l2 * float(np.vdot(w, w))
        return added

    def _of_epoch(self, step: int) -> NDArray[np.intp]:
        epoch, place = divmod(step, self.each)
        if self._order[0] != epoch:
            order = np.random.default_rng([self.play.seed, ORDER, epoch]).permutation(len(self.x))
            self._order = epoch, order
        return self._order[1][place * self.play.batch : (place + 1) * self.play.batch]

    def _masks(self, count: int) -> list[Numbers]:
        share = self.play.dropout
        if not share:
            return []
        random = np.random.default_rng([self.play.seed, DROPPED, self.step])
        return [(random.random((count, len(b))) >= share) / (1 - share) for b in self.biases[:-1]]

    def _edit(self) -> None:
        """What was set by hand at this step."""
        for parameter, index, value in self._edits.get(self.step, ()):
            (self.biases if parameter % 2 else self.weights)[parameter // 2].reshape(-1)[index] = value

    def _keep(self) -> None:
        if self.step in self._kept:
            return
        self._kept[self.step] = self.state()
        if len(self._kept) > KEPT:
            self._every *= 2
            self._kept = {step: one for step, one in self._kept.items() if step % self._every == 0}


def _held(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    return list(optimiser.param_groups[0]["params"])


def _slope_of(tensor: Tensor) -> Tensor:
    return torch.zeros_like(tensor) if tensor.grad is None else tensor.grad.detach().clone()


def _learning(values: Numbers, slope: Numbers) -> Tensor:
    """A tensor over the same numbers, with its gradient."""
    made = torch.from_numpy(values).requires_grad_()
    made.grad = torch.from_numpy(slope)
    return made


def _optimiser(play: Play, parameters: list[Tensor], group: int) -> torch.optim.Optimizer:
    """torch's, over these.

    Raises:
        GlassworkError: no such optimiser or setting, or a value that it refuses.
    """
    if play.optimiser not in ALL:
        raise unknown("optimiser", play.optimiser, list(ALL))
    name = "AdamW" if play.optimiser == MATRICES and group else play.optimiser
    kind = getattr(torch.optim, name)
    takes = inspect.signature(kind).parameters
    settings = dict(play.settings)
    for setting in settings:
        if setting not in takes:
            if name != play.optimiser:
                continue
            raise unknown(f"setting of {name}", setting, [one for one in takes if one != "params"])
    settings = {key: value for key, value in settings.items() if key in takes}
    if "foreach" in takes:
        settings["foreach"] = False
    try:
        return kind(parameters, **settings)
    except (TypeError, ValueError) as error:
        raise GlassworkError(f"{name} can't be made", why=str(error), todo="Choose other settings.") from error
