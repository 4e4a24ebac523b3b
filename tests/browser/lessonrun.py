"""The numbers of a lesson in backpropagation, taken again with plain torch: the network, its training, one step slowly.

A lesson is named NETWORK/SEED/OPTIMISER/RATE/BATCH/STEP/INPUT/LABEL. Only samples as inputs are written down here.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from claims import NoNumberError, Number
from torch import Tensor
from torch.nn import functional as F

import glasswork
from glasswork import data

WEIGHTS = Path(glasswork.__file__).parent / "weights"
GAINS = {"relu": 2**0.5, "tanh": 5 / 3, "gelu": 2**0.5}
LETTER = re.compile(r"(?P<letter>[wbza])(?P<layer>\d+)")
ORDER, DIRECTIONS = 3, 6  # streams of the seed
MOVED = 1e-5
LISTED = 10


def cost_of(values: Tensor, target: Tensor) -> Tensor:
    return ((values - target) ** 2).sum(1).mean()


@cache
def digits(split: str) -> tuple[Tensor, Tensor]:
    found = data.load("mnist", split)
    return torch.tensor(found.pictures.reshape(len(found), -1) / 255), torch.tensor(found.labels)


class LessonRun:
    """One lesson, from its name."""

    def __init__(self, name: str) -> None:
        net, seed, optimiser, rate, batch, step, picture, label = name.split("/")
        self.seed, self.batch, self.step = int(seed), int(batch), int(step)
        self.rate, self.optimiser = float(rate), optimiser
        if not picture.startswith("sample:"):
            raise NoNumberError("only samples are written down here")
        self.x = torch.tensor(data.sample(picture).picture.reshape(1, -1) / 255)
        self.y = F.one_hot(torch.tensor([int(label)]), 10).double()
        self.parameters, self.activations = drawn(net, self.seed) if re.match(r"\d", net) else shipped(net)
        for one in self.parameters:
            one.requires_grad_()
        settings = {"lr": self.rate} | ({"momentum": 0.9} if optimiser == "momentum" else {})
        kind = {"momentum": "SGD"}.get(optimiser, optimiser)
        self.rule: torch.optim.Optimizer = getattr(torch.optim, kind)(self.parameters, **settings)
        self.path = {0: self.row()}
        for number in range(self.step):
            self.slope(number)
            self.rule.step()
            self.path[number + 1] = self.row()
        self.look()

    def row(self) -> Tensor:
        return torch.cat([one.detach().reshape(-1).clone() for one in self.parameters])

    def of_step(self, number: int) -> tuple[Tensor, Tensor]:
        if self.batch == 1:
            return self.x, self.y
        x, labels = digits("train")
        epoch, place = divmod(number, len(x) // self.batch)
        order = np.random.default_rng([self.seed, ORDER, epoch]).permutation(len(x))
        index = torch.tensor(order[place * self.batch : (place + 1) * self.batch])
        return x[index], F.one_hot(labels[index], 10).double()

    def passed(self, x: Tensor, parameters: list[Tensor] | None = None) -> tuple[list[Tensor], list[Tensor]]:
        sums, values = [], [x]
        of = parameters or self.parameters
        for w, b, name in zip(of[::2], of[1::2], self.activations, strict=True):
            sums.append(values[-1] @ w.T + b)
            function = getattr(torch, name, None) or getattr(F, name)
            values.append(sums[-1].clone() if name == "identity" else function(sums[-1]))
        return sums, values

    def slope(self, number: int) -> float:
        x, y = self.of_step(number)
        self.rule.zero_grad()
        found = cost_of(self.passed(x)[1][-1], y)
        found.backward()
        return found.item()

    def look(self) -> None:
        """One pass forward and back of the digit, then the step of the batch."""
        self.before = [one.detach().clone() for one in self.parameters]
        sums, values = self.passed(self.x)
        for one in (*sums, *values[1:]):
            one.retain_grad()
        cost = cost_of(values[-1], self.y)
        self.rule.zero_grad()
        cost.backward()
        self.sums, self.values, self.cost = sums, values, cost.item()
        self.own = [one.grad.clone() for one in self.parameters if one.grad is not None]
        self.slopes = []
        for z, name in zip(sums, self.activations, strict=True):
            at = z.detach().clone().requires_grad_()
            function = getattr(torch, name, None) or getattr(F, name)
            (at if name == "identity" else function(at)).sum().backward()
            assert at.grad is not None
            self.slopes.append(at.grad[0])
        unseen, labels = digits("test")
        self.accuracy = (self.passed(unseen)[1][-1].argmax(1) == labels).double().mean().item()
        self.mean = self.slope(self.step)
        self.means = [one.grad.clone() for one in self.parameters if one.grad is not None]
        self.memory = [dict(self.rule.state.get(one, {})) for one in self.parameters]
        self.memory = [{k: v.clone() if isinstance(v, Tensor) else v for k, v in one.items()} for one in self.memory]
        self.rule.step()
        self.written = [one.detach().clone() for one in self.parameters]
        self.after = self.passed(self.x)[1][-1].detach()
        self.accuracy_after = (self.passed(unseen)[1][-1].argmax(1) == labels).double().mean().item()

    def number(self, path: str, index: tuple[int, ...], what: str, detail: str) -> Number:
        if path == "cost":
            found = {"value": self.cost, "after": cost_of(self.after, self.y).item(), "mean": self.mean}[what]
            return near(found)
        if path == "accuracy":
            return near({"value": self.accuracy, "after": self.accuracy_after}[what])
        if path == "input":
            return near(self.x[0, index[0]].item())
        if path in ("landscape", "path"):
            return self.landscape(path, index)
        match = LETTER.fullmatch(path)
        if match is None:
            raise NoNumberError(f"nothing is written down here about {path}")
        layer = int(match["layer"])
        return self.of(match["letter"], layer, index, what, detail)

    def of(self, letter: str, layer: int, index: tuple[int, ...], what: str, detail: str) -> Number:
        if letter in "wb":
            return self.weight(2 * layer - (2 if letter == "w" else 1), layer, index, what, detail)
        unit = index[0]
        if letter == "z":
            sums = self.sums[layer - 1]
            assert sums.grad is not None
            wish = -sums.grad[0, unit].item()
            if what == "rest":
                products = self.before[2 * layer - 2][unit] * self.values[layer - 1][0].detach()
                return rest(products)
            found = {"value": sums[0, unit].item(), "slope": self.slopes[layer - 1][unit].item(),
                     "grad": -wish, "wished": wish, "pushed": sums[0, unit].item()}[what]  # fmt: skip
            return near(found, sums.detach().abs().max().item() if what in ("value", "pushed") else 0)
        values = self.values[layer]
        assert values.grad is not None
        slope = values.grad[0, unit].item()
        if what == "rest":
            upper = self.sums[layer].grad
            assert upper is not None
            return rest(self.before[2 * layer][:, unit] * upper[0])
        found = {"value": values[0, unit].item(), "grad": slope, "wish": -slope, "after": 0.0}[what]
        return near(self.after[0, unit].item() if what == "after" else found, values.grad.abs().max().item())

    def weight(self, place: int, layer: int, index: tuple[int, ...], what: str, detail: str) -> Number:
        if what == "norm":
            return near(self.own[place].norm().item())
        before, grad = self.before[place][index].item(), self.own[place][index].item()
        if what in ("above", "below"):
            return near(self.moved(place, index, 1 if what == "above" else -1))
        if what == "difference":
            apart = self.moved(place, index, 1) - self.moved(place, index, -1)
            return Number(apart / (2 * MOVED), 1e-3)  # what rounding leaves of a difference of costs
        if what in ("wished", "passed", "pushed"):
            unit, source = index
            upper = self.sums[layer - 1].grad
            assert upper is not None
            along = {"wished": -upper[0, unit], "passed": upper[0, unit], "pushed": self.values[layer - 1][0, source]}
            return near(before * along[what].item())
        if what == "setting":
            known = {"lr": self.rate, "momentum": 0.9, "alpha": 0.99, "eps": 1e-8, "betas0": 0.9, "betas1": 0.999}
            return near(known[detail])
        if what == "memory":
            held = self.memory[place].get(detail, torch.zeros(()))
            if detail == "step":
                return near(float(held) + 1)
            return near(held[index].item() if held.dim() else held.item())
        if what == "line":
            return near(self.lines(place, index)[int(detail) - 1])
        found = {"value": before, "grad": grad, "wish": -grad, "mean": self.means[place][index].item(),
                 "written": self.written[place][index].item()}[what]  # fmt: skip
        return near(found, self.own[place].abs().max().item() if what in ("grad", "wish") else 0)

    def lines(self, place: int, index: tuple[int, ...]) -> list[float]:
        """The documentation of torch's SGD, RMSprop and Adam, for one weight."""
        weight, slope = self.before[place][index].item(), self.means[place][index].item()

        def held(name: str) -> float:
            found = self.memory[place].get(name)
            return 0.0 if found is None else float(found[index] if found.dim() else found)

        if self.optimiser == "SGD":
            return [weight - self.rate * slope]
        if self.optimiser == "momentum":
            moved = 0.9 * held("momentum_buffer") + slope
            return [moved, weight - self.rate * moved]
        if self.optimiser == "RMSprop":
            square = 0.99 * held("square_avg") + 0.01 * slope**2
            return [square, weight - self.rate * slope / (square**0.5 + 1e-8)]
        if self.optimiser == "Adam":
            count = held("step") + 1
            m = 0.9 * held("exp_avg") + 0.1 * slope
            v = 0.999 * held("exp_avg_sq") + 0.001 * slope**2
            fair, square = m / (1 - 0.9**count), v / (1 - 0.999**count)
            return [m, v, fair, square, weight - self.rate * fair / (square**0.5 + 1e-8)]
        raise NoNumberError(f"the lines of {self.optimiser} are not written down here")

    def moved(self, place: int, index: tuple[int, ...], way: int) -> float:
        other = [one.clone() for one in self.before]
        other[place][index] += way * MOVED
        return cost_of(self.passed(self.x, other)[1][-1], self.y).item()

    @cache  # noqa: B019  it lives as long as the process
    def plane(self) -> tuple[Tensor, Tensor, Tensor, np.ndarray, np.ndarray]:
        steps = sorted({round(self.step * i / 12) for i in range(13)})
        path = [self.path[step] for step in steps]
        here, along = path[-1], path[-1] - path[0]
        sizes = [one.numel() for one in self.before]

        def like(number: int) -> Tensor:
            random = np.random.default_rng([self.seed, DIRECTIONS, number])
            parts = []
            for own in here.split(sizes):
                one = torch.tensor(random.standard_normal(len(own)))
                parts.append(one * own.norm() / one.norm().clamp_min(1e-9))
            return torch.cat(parts)

        if len(path) > 2:
            aside = [one - path[0] - ((one - path[0]) @ along / (along @ along)) * along for one in path[1:-1]]
            beside = max(aside, key=lambda one: one.norm().item())
            beside = beside * along.norm() / beside.norm()
        else:
            along = like(0) if along.norm() < 1e-6 else along
            beside = like(1)
            beside = beside - (beside @ along) / (along @ along) * along
        at = np.array([[((one - here) @ way / (way @ way)).item() for way in (along, beside)] for one in path])
        low, high = at.min(0), at.max(0)
        margin = 0.5 * np.maximum(high - low, 1.0)
        return along, beside, here, np.linspace(low - margin, high + margin, 25), np.column_stack([at])

    def landscape(self, path: str, index: tuple[int, ...]) -> Number:
        along, beside, here, ticks, at = self.plane()
        if path == "path":
            row, column = index
            if column < 2:
                return near(at[row, column].item(), 1.0)
            steps = sorted({round(self.step * i / 12) for i in range(13)})
            return near(self.height(self.path[steps[row]]))
        row, column = index
        return near(self.height(here + ticks[column, 0] * along + ticks[row, 1] * beside))

    def height(self, row: Tensor) -> float:
        parts = row.split([one.numel() for one in self.before])
        own = [part.view_as(one) for part, one in zip(parts, self.before, strict=True)]
        x, y = (
            (self.x, self.y) if self.batch == 1 else (digits("train")[0][:100], F.one_hot(digits("train")[1][:100], 10))
        )
        return cost_of(self.passed(x, own)[1][-1], y).item()


def rest(products: Tensor) -> Number:
    """All but the ten of largest size."""
    order = products.abs().argsort(descending=True)
    return Number(products[order[LISTED:]].sum().item(), products.abs().sum().item())


def near(value: float, scale: float = 0.0) -> Number:
    return Number(value, max(abs(value), scale))


def shipped(name: str) -> tuple[list[Tensor], list[str]]:
    """Weights and biases in order; both networks that ship are sigmoid throughout."""
    state = safetensors.torch.load_file(WEIGHTS / f"{name}.safetensors")
    names = ["hidden.0.linear", "hidden.1.linear", "output"]
    return [state[f"{one}.{kind}"].double() for one in names for kind in ("weight", "bias")], ["sigmoid"] * 3


def drawn(layers: str, seed: int) -> tuple[list[Tensor], list[str]]:
    """Weights of a normal distribution, as wide as the gain over the root of the inputs; no biases yet."""
    named = [one.split(".") for one in layers.split("-")]
    random = torch.Generator().manual_seed(seed)
    sizes = [784, *(int(units) for units, _ in named)]
    parameters = []
    for (inputs, units), (_, activation) in zip(pairwise(sizes), named, strict=True):
        width = GAINS.get(activation, 1.0) / inputs**0.5
        parameters += [torch.randn(units, inputs, generator=random, dtype=torch.float64) * width]
        parameters += [torch.zeros(units, dtype=torch.float64)]
    return parameters, [activation for _, activation in named]


@cache
def lesson(name: str) -> LessonRun:
    return LessonRun(name)
