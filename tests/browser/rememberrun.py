"""An RNN and an LSTM that learn to add or to copy, trained again with plain torch: Adam, and the cut written out."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import torch
from claims import NoNumberError, Number
from torch import Tensor, nn


def drawn(problem: str, length: int, seed: int, stream: int, count: int) -> tuple[Tensor, Tensor]:
    """Examples of a step's own stream of chance."""
    random = np.random.default_rng([seed, stream])
    if problem == "adding":
        values = random.random((count, length))
        first = random.integers(0, length // 2, count)
        second = random.integers(length // 2, length, count)
        marks = np.array([[float(t in (a, b)) for t in range(length)] for a, b in zip(first, second, strict=True)])
        sums = np.array([[row[a] + row[b]] for row, a, b in zip(values, first, second, strict=True)])
        return torch.tensor(np.stack([values, marks], 2)).float(), torch.tensor(sums).float()
    symbols = random.integers(0, 8, (count, 5))
    x = torch.zeros(count, length + 10, 10)
    for row in range(count):
        for t in range(length + 10):
            x[row, t, symbols[row, t] if t < 5 else 9 if t == length + 4 else 8] = 1
    return x, torch.tensor(symbols)


class Trained:
    """Both, at a step."""

    def __init__(self, problem: str, length: int, units: int, batch: int, rate: float, clip: float, radius: float,
                 seed: int, step: int) -> None:  # fmt: skip
        self.problem, self.clip = problem, clip
        self.test = drawn(problem, length, seed, 1 << 30, 200)
        self.nets: dict[str, tuple[Any, Any]] = {}
        self.costs: dict[str, list[float]] = {"rnn": [], "lstm": []}
        self.lengths: dict[str, list[float]] = {"rnn": [], "lstm": []}
        rules: dict[str, Any] = {}
        for kind in ("rnn", "lstm"):
            torch.manual_seed(seed)
            core: Any = (nn.RNN if kind == "rnn" else nn.LSTM)(
                2 if problem == "adding" else 10, units, batch_first=True
            )
            out = nn.Linear(units, 1 if problem == "adding" else 8)
            with torch.no_grad():
                if kind == "lstm":
                    core.bias_hh_l0[units : 2 * units] = 1
                elif radius:
                    core.weight_hh_l0 *= radius / torch.linalg.eigvals(core.weight_hh_l0).abs().max().item()
            self.nets[kind] = core, out
            rules[kind] = torch.optim.Adam([*core.parameters(), *out.parameters()], rate)
        for number in range(step):
            x, y = drawn(problem, length, seed, number, batch)
            for kind, (core, out) in self.nets.items():
                loss = self.loss(kind, x, y)
                weights = [*core.parameters(), *out.parameters()]
                slopes = torch.autograd.grad(loss, weights)
                size = math.sqrt(sum(slope.double().square().sum().item() for slope in slopes))
                for weight, slope in zip(weights, slopes, strict=True):
                    weight.grad = slope * (clip / (size + 1e-6)) if clip and size + 1e-6 > clip else slope
                rules[kind].step()
                self.costs[kind].append(loss.item())
                self.lengths[kind].append(size)

    def say(self, kind: str, x: Tensor) -> Tensor:
        core, out = self.nets[kind]
        return out(core(x)[0][:, -1:] if self.problem == "adding" else core(x)[0][:, -5:])

    def loss(self, kind: str, x: Tensor, y: Tensor) -> Tensor:
        said = self.say(kind, x)
        if self.problem == "adding":
            return (said[:, 0] - y).square().mean()
        return -torch.log_softmax(said, 2).gather(2, y[..., None]).mean()

    def number(self, path: str, index: tuple[int, ...]) -> Number:
        x, y = self.test
        kind, _, what = path.partition("/")
        if kind == "example":
            return Number(x[int(what)][index].item(), 1)
        if kind == "wanted":
            return Number(float(y[int(what)][index]), 1)
        if kind not in self.nets:
            raise NoNumberError(f"nothing is written down here about {path!r}")
        if what in ("costs", "lengths"):
            value = getattr(self, what)[kind][index[0] - 1]
        elif what == "cost":
            value = self.loss(kind, x, y).item()
        elif what == "right":
            said = self.say(kind, x)
            right = (said[:, 0] - y).abs() < 0.04 if self.problem == "adding" else said.argmax(2) == y
            value = right.double().mean().item()
        elif what.startswith("said/"):
            said = self.say(kind, x)[int(what[5:])]
            value = said[0, 0].item() if self.problem == "adding" else float(said.argmax(1)[index[0]].item())
        elif what == "cut":
            value = float(sum(size > self.clip for size in self.lengths[kind])) if self.clip else 0.0
        elif what == "longest":
            value = max(self.lengths[kind])
        elif what == "radius":
            parts = self.nets[kind][0].weight_hh_l0.detach().double().chunk(1 if kind == "rnn" else 4)
            value = max(torch.linalg.eigvals(part).abs().max().item() for part in parts)
        elif what == "reach":
            given = x.clone().requires_grad_()
            (slope,) = torch.autograd.grad(self.loss(kind, given, y) * len(x), given)
            value = slope.square().sum(2).sqrt().mean(0)[index[0]].item()
        else:
            raise NoNumberError(f"nothing is written down here about {path!r}")
        return Number(value, max(abs(value), 1e-3))


@cache
def remembered(name: str) -> Trained:
    """`PROBLEM/LENGTH/UNITS/BATCH/RATE/CLIP/RADIUS/SEED@STEP`."""
    settings, _, step = name.rpartition("@")
    problem, length, units, batch, rate, clip, radius, seed = settings.split("/")
    return Trained(
        problem, int(length), int(units), int(batch), float(rate), float(clip), float(radius), int(seed), int(step)
    )
