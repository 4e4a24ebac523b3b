"""The numbers of the playground, taken again with plain torch: the points as they are drawn, a network, its training.

A state is named DATA/COUNT/TEST/NOISE/FEATURES/HIDDEN/OPTIMISER/RATE/MOMENTUM/BATCH/L1/L2/DROPOUT/SEED/EDITS@STEP.
Points that a reader gave, and dropout, are not written down here.
"""

from __future__ import annotations

import math
import re
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from claims import NoNumberError, Number
from torch import Tensor
from torch.nn import functional as F

from glasswork.data.points import points

SPLIT, ORDER = 7, 3  # streams of the seed
ROWS, REACH = 64, 6.0
GAINS = {"relu": 2**0.5, "tanh": 5 / 3, "gelu": 2**0.5}
FEATURES = {
    "x": lambda x: x[:, 0], "y": lambda x: x[:, 1], "x2": lambda x: x[:, 0] ** 2, "y2": lambda x: x[:, 1] ** 2,
    "xy": lambda x: x[:, 0] * x[:, 1], "sinx": lambda x: x[:, 0].sin(), "siny": lambda x: x[:, 1].sin(),
}  # fmt: skip
PATH = re.compile(r"(?P<letter>[wbf])(?P<layer>\d+)")


class PlayRun:
    """One network of the playground, at one step."""

    def __init__(self, name: str) -> None:
        named, _, step = name.rpartition("@")
        (data, count, test, noise, features, hidden, optimiser, rate, momentum, batch, l1, l2, dropout, seed,
         edits) = named.split("/")  # fmt: skip
        if data.startswith("given") or float(dropout):
            raise NoNumberError("this is not written down here")
        drawn = points(data, int(count), float(noise), int(seed))
        self.features, self.classes = features.split("-"), drawn.classes
        order = np.random.default_rng([int(seed), SPLIT]).permutation(int(count))
        tested = round(float(test) * int(count))
        x, y = self.seen(torch.tensor(drawn.x)), torch.tensor(drawn.y)
        self.x, self.y = x[order[tested:].copy()], y[order[tested:].copy()]
        self.test = x[order[:tested].copy()], y[order[:tested].copy()]
        layers = [one.split(".") for one in hidden.split("-")] if hidden != "none" else []
        self.activations = [name for _, name in layers] + ["identity"]
        sizes = [len(self.features), *(int(units) for units, _ in layers), 1]
        random = torch.Generator().manual_seed(int(seed))
        self.parameters: list[Tensor] = []
        for (inputs, units), name in zip(pairwise(sizes), self.activations, strict=True):
            width = GAINS.get(name, 1.0) / inputs**0.5
            self.parameters.append(torch.randn(units, inputs, generator=random, dtype=torch.float64) * width)
            self.parameters.append(torch.zeros(units, dtype=torch.float64))
        for one in self.parameters:
            one.requires_grad_()
        settings = {"lr": float(rate)} | ({"momentum": float(momentum)} if float(momentum) else {})
        rule = getattr(torch.optim, optimiser)(self.parameters, **settings)
        size = int(batch)
        each = math.ceil(len(self.x) / size)
        for number in range(int(step)):
            epoch, place = divmod(number, each)
            order = np.random.default_rng([int(seed), ORDER, epoch]).permutation(len(self.x))
            index = torch.tensor(order[place * size : (place + 1) * size])
            rule.zero_grad()
            weights = self.parameters[::2]
            cost = self.cost(self.x[index], self.y[index])
            cost = cost + float(l1) * sum(w.abs().sum() for w in weights)
            cost = cost + float(l2) / 2 * sum(w.square().sum() for w in weights)
            cost.backward()
            rule.step()
        if edits != "none":
            raise NoNumberError("weights set by hand are not written down here")
        ticks = (torch.arange(ROWS, dtype=torch.float64) + 0.5) / ROWS * 2 * REACH - REACH
        place = torch.stack([ticks.repeat(ROWS), -ticks.repeat_interleave(ROWS)], 1)
        with torch.no_grad():
            self.planes = [self.seen(place), *self.values(self.seen(place))]

    def seen(self, x: Tensor) -> Tensor:
        return torch.stack([FEATURES[name](x) for name in self.features], 1)

    def values(self, x: Tensor) -> list[Tensor]:
        found = []
        for w, b, name in zip(self.parameters[::2], self.parameters[1::2], self.activations, strict=True):
            x = x @ w.T + b
            if name != "identity":
                x = torch.sin(x) if name == "sine" else (getattr(torch, name, None) or getattr(F, name))(x)
            found.append(x)
        return found

    def cost(self, x: Tensor, y: Tensor) -> Tensor:
        answer = self.values(x)[-1]
        return F.binary_cross_entropy_with_logits(answer, y) if self.classes else 0.5 * F.mse_loss(answer, y)

    def number(self, path: str, index: tuple[int, ...], what: str) -> Number:
        x, y = (self.x, self.y) if what == "train" else self.test
        with torch.no_grad():
            if path == "loss":
                value = self.cost(x, y).item()
                return Number(value, abs(value))
            if path == "accuracy":
                return Number(((self.values(x)[-1] > 0) == (y > 0.5)).double().mean().item(), 1.0)
        match = PATH.fullmatch(path)
        if match is None:
            raise NoNumberError(f"nothing is written down here about {path}")
        layer = int(match["layer"])
        if match["letter"] == "f":
            plane = self.planes[layer].T.reshape(-1, ROWS, ROWS)
            unit, row, column = index
            stride = 1 if layer == len(self.planes) - 1 else 2
            return Number(plane[unit, stride * row, stride * column].item(), plane.abs().max().item())
        of = self.parameters[2 * layer - (2 if match["letter"] == "w" else 1)].detach()
        return Number(of[index].item(), of.abs().max().item())


@cache
def played(name: str) -> PlayRun:
    return PlayRun(name)
