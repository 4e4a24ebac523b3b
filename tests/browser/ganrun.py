"""The numbers of the laboratory of GANs, taken again with plain torch: points, both networks, their training, measures.

A state is named DATA/NOISE/NUMBERS/LOSS/PENALTY/ZERO/BATCH/SEED/GENERATOR/DISCRIMINATOR/ACTS/START@STEP, a player
HIDDEN~OPTIMISER~RATE~BETA1~BETA2~STEPS. START is `random`, or names the shipped weights that it begins with.
Densities that a reader gave are not written down here.
"""

from __future__ import annotations

import copy
import math
import re
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import safetensors.torch
import torch
from claims import NoNumberError, Number
from torch import Tensor
from torch.nn import functional as F

from glasswork.data.distributions import distribution
from glasswork.zoo import shipping

BLOCK, LOOK = 32, 250
FIRST, CHANCE, REAL, MADE, DOTS, NOISED, FLOOR, AGAIN = 21, 22, 31, 32, 41, 42, 51, 52  # streams of the seed
REACH, ROWS, SMALL, THREADS, SHOWN, MEASURED, LISTED = 2.4, 64, 24, 21, 300, 12_000, 5
FUNCTIONS: dict[str, Any] = {
    "leaky_relu": lambda z: F.leaky_relu(z, 0.2),
    "relu": F.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


class Player:
    def __init__(self, named: str, inputs: int, outputs: int, random: np.random.Generator) -> None:
        hidden, self.optimiser, rate, beta1, beta2, steps = named.split("~")
        layers = [one.split(".") for one in hidden.split("-")] if hidden != "none" else []
        self.functions = [name for _, name in layers]
        self.steps = int(steps)
        self.parameters: list[Tensor] = []
        for before, units in pairwise([inputs, *(int(units) for units, _ in layers), outputs]):
            bound = before**-0.5
            self.parameters.append(torch.tensor(random.uniform(-bound, bound, units * before).reshape(units, before)))
            self.parameters.append(torch.tensor(random.uniform(-bound, bound, units)))
        for one in self.parameters:
            one.requires_grad_()
        rule: dict[str, Any] = {
            "Adam": {"betas": (float(beta1), float(beta2))},
            "momentum": {"momentum": float(beta1)},
            "RMSprop": {"alpha": float(beta2)},
            "SGD": {},
        }[self.optimiser]
        kind: Any = {"momentum": "SGD"}.get(self.optimiser, self.optimiser)
        self.rule: torch.optim.Optimizer = getattr(torch.optim, kind)(self.parameters, lr=float(rate), **rule)

    def __call__(self, x: Tensor, keep: bool = False) -> Any:
        sums, values = [], [x]
        for i, (w, b) in enumerate(zip(self.parameters[::2], self.parameters[1::2], strict=True)):
            sums.append(values[-1] @ w.T + b)
            values.append(FUNCTIONS[self.functions[i]](sums[-1]) if i < len(self.functions) else sums[-1])
        return (sums, values) if keep else values[-1]

    def snapshot(self) -> list[Tensor]:
        return [one.detach().clone() for one in self.parameters]

    def gradients(self) -> list[Tensor]:
        return [one.grad.clone() if one.grad is not None else torch.zeros_like(one) for one in self.parameters]


class GanRun:
    """Two players, at one step; and the step after it."""

    def __init__(self, name: str) -> None:
        named, _, step = name.rpartition("@")
        (data, self.kind, numbers, self.loss, penalty, zero, batch, seed, generator, discriminator,
         acts, start) = named.split("/")  # fmt: skip
        if data.startswith("given"):
            raise NoNumberError("this is not written down here")
        self.data = distribution(data)
        self.numbers, self.batch, self.seed = int(numbers), int(batch), int(seed)
        self.penalty, self.zero = float(penalty), float(zero)
        random = np.random.default_rng([self.seed, FIRST])
        self.g = Player(generator, self.numbers, 2, random)
        self.d = Player(discriminator, 2, 1, random)
        if start != "random":
            stored = safetensors.torch.load_file(shipping.WEIGHTS / f"{start}.safetensors")
            for name, player in (("generator", self.g), ("discriminator", self.d)):
                last = f"{name}.output"
                layers = [f"{name}.hidden.{i}.linear" for i in range(len(player.functions))]
                parts = [stored[f"{layer}.{part}"] for layer in [*layers, last] for part in ("weight", "bias")]
                with torch.no_grad():
                    for mine, other in zip(player.parameters, parts, strict=True):
                        mine.copy_(other)
        alone = [one.split(".") for one in acts.split("-")] if acts != "none" else []
        self.acts = {int(at): who for at, who in alone}
        self.losses = (math.nan, math.nan)
        self.looks: dict[int, tuple[list[Tensor], list[Tensor]]] = {}
        for number in range(int(step)):
            self.take(number)
            if (number + 1) % LOOK == 0:
                self.looks[number + 1] = self.g.snapshot(), self.d.snapshot()
        self.step = int(step)
        self.rows = self.g.snapshot(), self.d.snapshot()

    def chance(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        block, place = divmod(step, BLOCK)
        random = np.random.default_rng([self.seed, CHANCE, block])
        critics, both = self.d.steps, self.d.steps + self.g.steps
        real = self.data.seen(self.data.draws(random, BLOCK * critics * self.batch))
        noise = self.noise(random, BLOCK * both * self.batch)
        mix = random.random((BLOCK, critics, self.batch, 1)) if self.loss == "wasserstein" else np.zeros((BLOCK, 1))
        shape = (BLOCK, critics, self.batch, 2)
        noise = noise.reshape(BLOCK, both, self.batch, -1)
        return torch.tensor(real.reshape(shape)[place]), torch.tensor(noise[place]), torch.tensor(mix[place])

    def noise(self, random: np.random.Generator, count: int) -> np.ndarray:
        if self.kind == "gaussian":
            return random.standard_normal((count, self.numbers))
        return random.random((count, self.numbers)) * 2 - 1

    def judged(self, real: Tensor, made: Tensor) -> Tensor:
        if self.loss in ("non_saturating", "saturating"):
            one, nought = torch.ones_like(real), torch.zeros_like(made)
            bce = F.binary_cross_entropy_with_logits
            return (bce(real, one) + bce(made, nought)) / 2
        if self.loss == "least_squares":
            return (F.mse_loss(real, torch.ones_like(real)) + F.mse_loss(made, torch.zeros_like(made))) / 2
        if self.loss == "hinge":
            return ((1 - real).clamp(min=0).mean() + (1 + made).clamp(min=0).mean()) / 2
        return made.mean() - real.mean()

    def fooled(self, made: Tensor, mean: bool = True) -> Tensor:
        each = {
            "non_saturating": lambda: F.softplus(-made),
            "saturating": lambda: torch.log(1 - torch.sigmoid(made)),
            "least_squares": lambda: (made - 1) ** 2 / 2,
            "wasserstein": lambda: -made,
            "hinge": lambda: -made,
        }[self.loss]()
        return each.mean() if mean else each.sum()

    def penalised(self, real: Tensor, made: Tensor, mix: Tensor) -> Tensor:
        found = torch.zeros((), dtype=torch.float64)

        def sizes(x: Tensor) -> Tensor:
            at = x.detach().requires_grad_()
            return torch.autograd.grad(self.d(at).sum(), at, create_graph=True)[0].square().sum(1)

        if self.loss == "wasserstein":
            found = found + self.penalty * (((sizes(mix * real + (1 - mix) * made) + 1e-12).sqrt() - 1) ** 2).mean()
        if self.zero:
            found = found + self.zero / 2 * sizes(real).mean()
        return found

    def judge(self, real: Tensor, noise: Tensor, mix: Tensor) -> Tensor:
        made = self.g(noise).detach()
        return self.judged(self.d(real), self.d(made)) + self.penalised(real, made, mix)

    def take(self, number: int) -> None:
        real, noise, mix = self.chance(number)
        judged, fooled = self.losses
        act = self.acts.get(number, "b")
        if act in "bd":
            for k in range(self.d.steps):
                self.d.rule.zero_grad()
                loss = self.judge(real[k], noise[k], mix[k])
                loss.backward()
                self.d.rule.step()
                judged = loss.item()
        if act in "bg":
            for k in range(self.d.steps, self.d.steps + self.g.steps):
                self.g.rule.zero_grad()
                loss = self.fooled(self.d(self.g(noise[k])))
                loss.backward()
                self.g.rule.step()
                fooled = loss.item()
        self.losses = judged, fooled

    @cached_property
    def pictures(self) -> dict[str, Tensor]:
        """What is drawn of this step."""
        found: dict[str, Tensor] = {}
        bound = 2.5 if self.kind == "gaussian" else 1.0
        noise = grid(bound, SMALL)
        noise = noise[:, :1] if self.numbers == 1 else F.pad(noise, (0, self.numbers - 2))
        with self.kept(), torch.no_grad():
            for letter, player, x in (("g", self.g, noise), ("d", self.d, grid(REACH, SMALL))):
                for layer, values in enumerate(player(x, keep=True)[1]):
                    found[f"{letter}.f{layer}"] = values.T.reshape(-1, SMALL, SMALL)
            said = self.d(grid(REACH, ROWS))
            if self.loss in ("non_saturating", "saturating"):
                said = 2 * said.sigmoid() - 1
            elif self.loss == "least_squares":
                said = (2 * said - 1).clamp(-1, 1)
            found["belief"] = said.reshape(1, ROWS, ROWS)
            drawn = self.data.draws(np.random.default_rng([self.seed, DOTS]), SHOWN)
            found["real"] = torch.tensor(self.data.seen(drawn))
            found["made"] = self.g(torch.tensor(self.noise(np.random.default_rng([self.seed, NOISED]), SHOWN)))
        return found

    def kept(self) -> Any:
        run = self

        class Kept:
            def __enter__(self) -> None:
                self.now = run.g.snapshot(), run.d.snapshot()
                run.put(run.rows)

            def __exit__(self, *_: object) -> None:
                run.put(self.now)

        return Kept()

    @torch.no_grad()
    def put(self, rows: tuple[list[Tensor], list[Tensor]]) -> None:
        for player, values in zip((self.g, self.d), rows, strict=True):
            for one, value in zip(player.parameters, values, strict=True):
                one.copy_(value)

    @cached_property
    def measures(self) -> dict[str, float]:
        """A second way of counting: numpy's own histogram."""
        real = self.data.draws(np.random.default_rng([self.seed, REAL]), MEASURED)
        again = self.data.draws(np.random.default_rng([self.seed, FLOOR]), MEASURED)
        noise = torch.tensor(self.noise(np.random.default_rng([self.seed, MADE]), MEASURED))
        with self.kept(), torch.no_grad():
            seen = self.g(noise)
            said = self.d(torch.tensor(self.data.seen(real))), self.d(seen)
            loss = self.judged(*said).item()
        made = self.data.back(seen.numpy())
        p, q, other = cells(real, real), cells(real, made), cells(real, again)
        smooth = [(one + 0.5) / (one + 0.5).sum() for one in (p, q)]
        ways = [(math.cos(a), math.sin(a)) for a in np.arange(32) * math.pi / 32]

        def moved(points: np.ndarray) -> float:
            return float(np.mean([np.abs(np.sort(real @ w) - np.sort(points @ w)).mean() for w in ways]))

        random = np.random.default_rng([self.seed, AGAIN])
        first, second = (random.multinomial(int(one.sum()), one / one.sum(), 100) for one in (p, q))
        bits = [js_of(a, b) for a, b in zip(first, second, strict=True)]
        kls = []
        for a, b in zip(first, second, strict=True):
            a, b = (a + 0.5) / (a + 0.5).sum(), (b + 0.5) / (b + 0.5).sum()
            kls.append(float((a * np.log2(a / b)).sum()))
        a, b = p / p.sum(), q / q.sum()
        nats = js_of(p, q) * math.log(2)
        mixed = {"least_squares": 0.5 * float((a * b / np.where(a + b > 0, a + b, 1)).sum()),
                 "hinge": float(np.minimum(a, b).sum())}  # fmt: skip
        found = {
            "js@value": js_of(p, q), "js@floor": js_of(p, other),
            "js@error": 1.96 * 2**0.5 * round(float(np.std(bits)), 12),
            "kl@value": float((smooth[0] * np.log2(smooth[0] / smooth[1])).sum()),
            "kl@error": 1.96 * 2**0.5 * round(float(np.std(kls)), 12),
            "wasserstein@value": moved(made), "wasserstein@floor": moved(again),
            "precision@value": among(made[:1000], real[:1000]), "recall@value": among(real[:1000], made[:1000]),
            "outside@value": float(q[-1] / MEASURED), "measuredloss@value": loss,
            "measuredloss@best": mixed.get(self.loss, math.log(2) - nats),
        }  # fmt: skip
        if len(self.data.modes):
            far = (((made[:, None] - self.data.modes) / self.data.spread) ** 2).sum(2)
            for i in range(len(self.data.modes)):
                found[f"clusters[{i}]@value"] = float(((far.argmin(1) == i) & (far[:, i] < 9)).mean())
            found["clusters@sum"] = float((far.min(1) < 9).mean())
        return found

    @cached_property
    def slow(self) -> dict[str, Tensor]:
        """The coming step, by autograd: what flows, and the gradient of everything."""
        found: dict[str, Tensor] = {}
        with self.kept():
            states = [player.rule.state_dict() for player in (self.g, self.d)]
            states = copy.deepcopy(states)
            real, noise, mix = self.chance(self.step)
            self.d.rule.zero_grad()
            _, generated = self.g(noise[0], keep=True)
            points = torch.cat([real[0], generated[-1].detach()])
            self.flow(found, "judge.", self.d, points, lambda said: self.judged(said[: self.batch], said[self.batch :]))
            for layer, values in enumerate(generated):
                found[f"judge.g{layer}"] = values.detach()
            found.update({"judge.noise": noise[0], "judge.made": generated[-1].detach(), "judge.real": real[0]})
            self.d.rule.zero_grad()
            loss = self.judge(real[0], noise[0], mix[0])
            loss.backward()
            found["judge.loss"] = loss.detach()
            self.learned(found, "d", self.d)
            for k in range(1, self.d.steps):
                self.d.rule.zero_grad()
                self.judge(real[k], noise[k], mix[k]).backward()
                self.d.rule.step()
            z = noise[self.d.steps]
            self.g.rule.zero_grad()
            gsums, generated = self.g(z, keep=True)
            for one in (*gsums, generated[-1]):
                one.retain_grad()
            self.fooled(self.d(generated[-1])).backward()
            for layer, (sums, values) in enumerate(zip(gsums, generated[1:], strict=True)):
                assert sums.grad is not None
                found[f"fool.gdelta{layer + 1}"] = sums.grad.clone()
                found[f"fool.g{layer + 1}"] = values.detach()
            assert generated[-1].grad is not None
            found.update({"fool.noise": z, "fool.g0": z, "fool.made": generated[-1].detach(),
                          "fool.back": generated[-1].grad.clone()})  # fmt: skip
            self.learned(found, "g", self.g)
            self.flow(found, "fool.", self.d, generated[-1].detach(), self.fooled)
            for layer, w in enumerate(self.d.parameters[::2]):
                found[f"fool.d.w{layer + 1}"] = w.detach().clone()
            for player, state in zip((self.g, self.d), states, strict=True):
                player.rule.load_state_dict(state)
        return found

    def flow(self, found: dict[str, Tensor], turn: str, player: Player, x: Tensor, loss: Any) -> None:
        x = x.clone().requires_grad_()
        sums, values = player(x, keep=True)
        for one in (*sums, *values[1:]):
            one.retain_grad()
        cost = loss(values[-1])
        cost.backward()
        for layer in range(1, len(values)):
            found[f"{turn}d{layer}"] = values[layer].detach()
            found[f"{turn}delta{layer}"] = sums[layer - 1].grad.clone()
            found[f"{turn}arrived{layer}"] = values[layer].grad.clone()
        found[f"{turn}said"], found[f"{turn}slope"] = values[-1].detach()[:, 0], values[-1].grad[:, 0].clone()
        found[f"{turn}d0"] = x.detach()
        found[f"{turn}loss"] = cost.detach()

    def learned(self, found: dict[str, Tensor], letter: str, player: Player) -> None:
        for place, one in enumerate(player.gradients()):
            found[f"{letter}.{'b' if place % 2 else 'w'}{place // 2 + 1}@gradient"] = one
        player.rule.step()
        for place, one in enumerate(player.parameters):
            path = f"{letter}.{'b' if place % 2 else 'w'}{place // 2 + 1}"
            found[f"{path}@after"] = one.detach().clone()
            held = player.rule.state.get(one, {})
            first = held.get("exp_avg", held.get("momentum_buffer"))
            second = held.get("exp_avg_sq", held.get("square_avg"))
            for key, value in (("first", first), ("second", second)):
                if value is not None:
                    found[f"{path}@{key}"] = value.clone()

    def products(self, path: str, index: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """The factors of a sum of slow motion."""
        flow = self.slow
        if path == "judge.made":
            return self.rows[0][-2][index[1]], flow[f"judge.g{len(self.g.functions)}"][index[0]]
        if path == "judge.said":
            return self.rows[1][-2][0], flow[f"judge.d{len(self.d.functions)}"][index[0]]
        if path == "fool.back":
            return flow["fool.d.w1"][:, index[1]], flow["fool.delta1"][index[0]]
        if path.startswith("fool.arrived"):
            layer = int(path.removeprefix("fool.arrived"))
            return flow[f"fool.d.w{layer + 1}"][:, index[1]], flow[f"fool.delta{layer + 1}"][index[0]]
        layer = int(path[3:])
        turn, delta = ("judge.d", "judge.delta") if path[0] == "d" else ("fool.g", "fool.gdelta")
        return flow[f"{delta}{layer}"][:, index[0]], flow[f"{turn}{layer - 1}"][:, index[1]]

    def look(self, step: int) -> dict[str, float]:
        """What the diagnoses are made of, as it was after a step."""
        real = self.data.draws(np.random.default_rng([self.seed, REAL]), MEASURED)
        noise = torch.tensor(self.noise(np.random.default_rng([self.seed, MADE]), MEASURED))
        now, self.rows = self.rows, self.looks[step]
        with self.kept():
            made, player = self.g(noise).detach(), self.d
            x = made[:1000].clone().requires_grad_()
            said = player(x)
            (push,) = torch.autograd.grad(self.fooled(said, mean=False), x)
            both = torch.cat([player(torch.tensor(self.data.seen(real[:1000]))), said]).detach()
            shown = torch.cat([torch.tensor(self.data.seen(real[:1000])), made[:1000]])
            dead = [
                max(
                    ((values == 0).all(0).double().mean().item()
                     for name, values in zip(one.functions, one(given, keep=True)[1][1:], strict=False)
                     if name == "relu"),
                    default=0.0,
                )
                for one, given in ((self.g, noise[:1000]), (self.d, shown))
            ]  # fmt: skip
        self.rows = now
        believed = both.sigmoid() if self.loss != "least_squares" else both.clamp(0, 1)
        p, q = cells(real, real), cells(real, self.data.back(made.numpy()))
        middle = made[:1000].mean(0) / 4
        found = {
            "js": js_of(p, q), "filled": filled(q) / filled(p), "real": believed[:1000].mean().item(),
            "made": believed[1000:].mean().item(), "flat": both.std(correction=0).item(),
            "push": push.norm(dim=1).quantile(0.5, interpolation="midpoint").item(),
            "x": middle[0].item(), "y": middle[1].item(),
            "reach": made[:1000].norm(dim=1).quantile(0.5, interpolation="midpoint").item() / 4,
            "dead": next((one for one in dead if one >= 0.5), 0.0),
        }  # fmt: skip
        if len(self.data.modes):
            points = self.data.back(made.numpy())
            far = (((points[:, None] - self.data.modes) / self.data.spread) ** 2).sum(2)
            shares = [float(((far.argmin(1) == i) & (far[:, i] < 9)).mean()) for i in range(len(self.data.modes))]
            found |= {f"share{i}": one for i, one in enumerate(shares)}
        return found

    def evidence(self, name: str, key: str) -> float:
        """A finding's number, by the looks up to now."""
        steps = sorted(self.looks)
        last = self.look(steps[-1])
        if name == "oscillating":
            middles = [(one["x"], one["y"]) for one in (self.look(step) for step in steps[-8:])]
            if key == "left":
                return math.dist(middles[-1], middles[0])
            return sum(math.dist(a, b) for a, b in pairwise(middles)) / 7
        if name == "dropped":
            three = [self.look(step) for step in steps[-3:]]
            count = len(self.data.modes)
            starved = [i for i in range(count) if all(one[f"share{i}"] < 0.1 / count for one in three)]
            return {"clusters": float(len(starved)), "of": float(count),
                    "share": sum(last[f"share{i}"] for i in starved)}[key]  # fmt: skip
        if name == "dead" and key == "share":
            return last["dead"]
        return last[key]

    def number(self, path: str, index: tuple[int, ...], what: str) -> Number:
        if path.startswith("finding."):
            value = self.evidence(path.removeprefix("finding."), what)
            return Number(value, abs(value))
        if path.startswith("look") and what == "js":
            value = self.look(int(path.removeprefix("look")))["js"]
            return Number(value, abs(value))
        if path == "loss":
            value = self.losses[0 if what == "discriminator" else 1]
            return Number(value, abs(value))
        if path == "points":
            of = self.pictures[what]
            return Number(of[index].item(), of.abs().max().item())
        if path in self.pictures:
            of = self.pictures[path]
            return Number(of[index].item(), of.abs().max().item())
        measure = f"{path}{list(index) if index else ''}@{what}"
        if measure in self.measures:
            value = self.measures[measure]
            return Number(value, max(abs(value), math.log(2) if what == "best" else 0))
        if what in ("term", "gradientterm"):
            left, right = self.products(path, index[:-1])
            products = left * right
            return Number(products[index[-1]].item(), products.abs().max().item())
        if what in ("rest", "gradientrest"):
            left, right = self.products(path, index)
            products = (left * right).tolist()
            order = sorted(range(len(products)), key=lambda k: -abs(products[k]))
            return Number(sum(products[k] for k in order[LISTED:]), sum(map(abs, products)))
        if path.startswith("judge.penalty"):
            layer = path.removeprefix("judge.penalty")
            left, right = self.products(f"d.w{layer}", index)
            whole = self.slow[f"d.w{layer}@gradient"][index].item()
            return Number(whole - (left * right).sum().item(), abs(whole) + (left * right).abs().sum().item())
        own = re.fullmatch(r"([gd])\.([wb])(\d+)", path)
        if own and what == "value":
            of = self.rows["gd".index(own[1])][2 * int(own[3]) - (2 if own[2] == "w" else 1)]
            return Number(of[index].item(), of.abs().max().item())
        key = f"{path}@{what}" if own else path
        if key not in self.slow:
            raise NoNumberError(f"nothing is written down here about {key}")
        of = self.slow[key]
        return Number(of[index].item(), of.abs().max().item())


def cells(real: np.ndarray, points: np.ndarray) -> np.ndarray:
    low, high = real.min(0), real.max(0)
    edges = [np.linspace(a - 0.05 * (b - a), b + 0.05 * (b - a), 31) for a, b in zip(low, high, strict=True)]
    counts = np.histogram2d(*points.T, bins=edges)[0].ravel()
    return np.append(counts, len(points) - counts.sum())


def js_of(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a / a.sum(), b / b.sum()
    middle = (a + b) / 2
    both = [np.where(one > 0, one * np.log2(np.where(one > 0, one / middle, 1)), 0).sum() for one in (a, b)]
    return float(sum(both) / 2)


def filled(counts: np.ndarray) -> float:
    share = counts[:-1][counts[:-1] > 0] / max(counts[:-1].sum(), 1)
    return float(np.exp(-(share * np.log(share)).sum()))


def grid(reach: float, rows: int) -> Tensor:
    ticks = (torch.arange(rows, dtype=torch.float64) + 0.5) / rows * 2 * reach - reach
    return torch.stack([ticks.repeat(rows), -ticks.repeat_interleave(rows)], 1)


def among(points: np.ndarray, others: np.ndarray) -> float:
    a, b = torch.tensor(points), torch.tensor(others)
    reach = torch.cdist(b, b).kthvalue(6, dim=1).values  # itself is the first
    return (torch.cdist(a, b) <= reach * (1 + 1e-12)).any(1).double().mean().item()


@cache
def fought(name: str) -> GanRun:
    return GanRun(name)
