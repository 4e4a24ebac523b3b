"""The numbers of made pictures, taken again with torch's functions from the shipped weights: pictures, scores, slopes.

`noise:NETWORK/PLACES`: PLACES are places in the noise, `7` or `7*0.6,12*0.8`, or `real:3`, joined by `;`.
`scores:NETWORK`: how the discriminator's numbers for real and made pictures are spread.
"""

from __future__ import annotations

import json
from functools import cache, cached_property

import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as F
from claims import NoNumberError, Number, picked, whole_size
from torch import Tensor

from glasswork import data, zoo
from glasswork.zoo import shipping

COUNT, BINS, SEED, BEYOND = 2_000, 40, 104_729, 0.005


class Players:
    """A DCGAN by its weights alone."""

    def __init__(self, name: str) -> None:
        self.card = json.loads((shipping.WEIGHTS / f"{name}.json").read_text())
        kept = safetensors.torch.load_file(shipping.WEIGHTS / f"{name}.safetensors")
        self.weights = {name: value.float() for name, value in kept.items()}
        self.numbers = int(self.card["sizes"]["noise"])
        self.judge = zoo.load(self.card["settings"]["judge"])

    def make(self, x: Tensor) -> Tensor:
        x = x[:, :, None, None]
        steps = sum(name.startswith("generator.grow") for name in self.weights)
        for step in range(1, steps + 1):
            kernel = self.weights[f"generator.grow{step}.weight"]
            x = F.conv_transpose2d(x, kernel, stride=1 if step == 1 else 2, padding=0 if step == 1 else 1)
            if step == steps:
                return x.tanh()
            norm = f"generator.norm{step}."
            mean, variance, weight, bias = (
                self.weights[norm + part][:, None, None] for part in ("running_mean", "running_var", "weight", "bias")
            )
            x = F.relu((x - mean) / (variance + 1e-5).sqrt() * weight + bias)
        raise AssertionError

    def say(self, x: Tensor) -> Tensor:
        return self.said(x)[0]

    def said(self, x: Tensor) -> tuple[Tensor, float]:
        """The discriminator's numbers, and how large what the last of its sums is made of is."""
        steps = sum(name.startswith("discriminator.conv") and name.endswith("weight") for name in self.weights)
        for step in range(1, steps + 1):
            name = f"discriminator.conv{step}."
            weight, bias = self.weights[name + "weight"], self.weights[name + "bias"]
            if step == steps:
                return F.conv2d(x, weight, bias).flatten(), F.conv2d(x.abs(), weight.abs()).max().item()
            x = F.leaky_relu(F.conv2d(x, weight, bias, stride=2, padding=1), 0.2)
        raise AssertionError

    def draw(self, count: int, seed: int) -> Tensor:
        return torch.randn(count, self.numbers, generator=torch.Generator().manual_seed(seed))

    def place(self, place: str) -> Tensor:
        if place.startswith("real:"):
            return self.real[int(place.removeprefix("real:"))][None]
        sums = torch.zeros(1, self.numbers, dtype=torch.float64)
        for part in place.split(","):
            seed, _, weight = part.partition("*")
            sums += float(weight or 1) * self.draw(1, int(seed)).double()
        return self.make(sums.float())

    @cached_property
    def real(self) -> Tensor:
        pictures = data.load(self.card["data"], "test").pictures
        return torch.tensor(pictures.transpose(0, 3, 1, 2)).float() / 127.5 - 1

    @cached_property
    def spread(self) -> dict[str, np.ndarray]:
        with torch.no_grad():
            real, made = self.say(self.real[:COUNT]), self.say(self.make(self.draw(COUNT, SEED)))
        return {"real": real.double().numpy(), "made": made.double().numpy()}


players = cache(Players)


@cache
def drawn(name: str, places: str) -> tuple[dict[str, Tensor], float]:
    """Everything of these pictures; and the size of what scores are made of."""
    found = players(name)
    pictures = torch.cat([found.place(place) for place in places.split(";")]).requires_grad_()
    scores, size = found.said(pictures)
    (slopes,) = torch.autograd.grad(scores.sum(), pictures)
    seen = (pictures.detach() + 1) / 2
    with torch.no_grad():
        judged = F.softmax(found.judge.module(seen), 1).amax(1)
    return {"picture": seen, "slope": slopes, "score": scores.detach(), "judged": judged}, size


def shown(kind: str, name: str, path: str, index: tuple[int, ...], what: str) -> Number:
    """A number of `noise:` or of `scores:`."""
    if kind == "noise":
        network, _, places = name.rpartition("/")
        key = "slope" if what == "slope" else path
        values, size = drawn(network, places)
        if key not in values:
            raise NoNumberError(f"there is no {path}@{what} of a picture")
        return Number(picked(values[key], index), size if path == "score" else whole_size(values[key]))
    spread = players(name).spread
    if path not in spread:
        raise NoNumberError(f"there is no {path!r} in a histogram of scores")
    numbers = spread[path]
    if what == "mean":
        return Number(float(numbers.mean()), float(abs(numbers).max()))
    if what == "right":
        return Number(float((numbers > 0).mean() if path == "real" else (numbers < 0).mean()), 1.0)
    low, high = np.quantile(np.concatenate([spread["real"], spread["made"]]), [BEYOND, 1 - BEYOND])
    place = np.clip(np.floor((numbers - low) / (high - low) * BINS), 0, BINS - 1)
    return Number(float((place == index[0]).mean()), 1.0)
