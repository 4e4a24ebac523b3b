"""Why a convolutional network says what it says, computed again with plain torch: hooks of modules, and autograd."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from anyrun import AnyRun
from claims import NoNumberError, Number, picked
from torch import Tensor, nn

from glasswork import zoo

LEVELS = {"black": 0.0, "grey": 0.5, "white": 1.0}


class Why:
    """A run of a network on a picture, from one of its scores."""

    def __init__(self, run: Any) -> None:
        network = zoo.load(run.record["target"])
        self.preprocess: Any = network.preprocess
        self.module = copy.deepcopy(network.module)
        self.x = (run.values["input"] if isinstance(run, AnyRun) else run.input).detach()
        self.score = run.record["loss"][1] if run.record["loss"] else None
        for part in self.module.modules():
            if isinstance(part, nn.ReLU | nn.Hardtanh):
                part.inplace = False

    @cache  # noqa: B019  it lives as long as the process
    def maps(self, path: str) -> tuple[Tensor, Tensor | None]:
        """What a module returns, (C, H, W) or (C), and the slope of the score there."""
        name, _, number = path.partition("#")
        parts = dict(self.module.named_modules())
        if name not in parts:
            raise NoNumberError(f"{path!r} is no module")
        kept: list[Tensor] = []

        def keep(part: Any, given: Any, made: Tensor) -> None:
            kept.append(made)

        handle = parts[name].register_forward_hook(keep)
        logits = self.module(self.x.clone().requires_grad_())
        handle.remove()
        made = kept[int(number or 1) - 1]
        if self.score is None:
            return made[0].detach().double(), None
        (slope,) = torch.autograd.grad(logits[0, self.score], made)
        return made[0].detach().double(), slope[0].double()

    def parts(self, path: str) -> Tensor:
        maps, slopes = self.maps(path)
        assert slopes is not None
        return slopes.mean((1, 2))[:, None, None] * maps

    def nothing(self, name: str) -> Tensor:
        level = torch.full_like(self.x, LEVELS[name])
        if self.preprocess.mean:
            mean, std = (torch.tensor(one).view(1, -1, 1, 1) for one in (self.preprocess.mean, self.preprocess.std))
            level = (level - mean) / std
        return level

    def logit(self, x: Tensor) -> float:
        with torch.no_grad():
            return self.module(x)[0, self.score].item()

    @cache  # noqa: B019
    def given(self, name: str, segments: int) -> Tensor:
        """Integrated gradients, (C, H, W), over segments that end at cubes, by mean slopes of each threshold."""
        nothing, total = self.nothing(name), torch.zeros(self.x.shape[1:], dtype=torch.float64)
        for i in range(segments):
            ends = [(at / segments) ** 3 for at in (i, i + 1)]
            pair = torch.cat([nothing + at * (self.x - nothing) for at in ends]).requires_grad_()
            hooks = [hook for part in self.module.modules() for hook in secants(part)]
            self.module(pair)[1, self.score].backward()
            for hook in hooks:
                hook.remove()
            assert pair.grad is not None
            total += pair.grad[1].double() * (pair[1] - pair[0]).detach().double()
        return total

    def covered(self, name: str, squares: str, row: int, column: int) -> float:
        cell, margin = map(int, squares.split("."))
        x, nothing = self.x.clone(), self.nothing(name)
        top, left = max(0, row * cell - margin), max(0, column * cell - margin)
        bottom, right = (row + 1) * cell + margin, (column + 1) * cell + margin
        x[:, :, top:bottom, left:right] = nothing[:, :, top:bottom, left:right]
        return self.logit(x)

    def number(self, path: str, index: tuple[int, ...]) -> Number:
        kind, _, rest = path.partition("/")
        if kind in ("cam", "camsum"):
            total = self.parts(rest).sum(0)
            return Number(picked(total.clamp(min=0) if kind == "cam" else total, index), self.size(rest))
        if kind == "camweight":
            slopes = self.maps(rest)[1]
            assert slopes is not None
            return Number(picked(slopes.mean((1, 2)), index), 1)
        if kind == "campart":
            return Number(picked(self.parts(rest), index), self.size(rest))
        if kind == "camrest":
            listed, _, layer = rest.partition("/")
            left = [k for k in range(len(self.parts(layer))) if str(k) not in listed.split(".")]
            return Number(picked(self.parts(layer)[left].sum(0), index), self.size(layer))
        if kind == "mapmean":
            maps = self.maps(rest)[0]
            return Number(picked(maps.flatten(1).mean(1), index), maps.abs().max().item())
        return self.about_nothing(kind, rest, index)

    def size(self, layer: str) -> float:
        return self.parts(layer).abs().sum(0).max().item()

    def about_nothing(self, kind: str, rest: str, index: tuple[int, ...]) -> Number:
        name, _, detail = rest.partition("/")
        if kind in ("base", "difference", "givensum"):
            if index != (self.score,):
                raise NoNumberError(f"it is of the score {self.score}")
            base = self.logit(self.nothing(name))
            if kind == "givensum":
                return Number(self.given(name, int(detail)).sum().item(), 10)
            return Number(base if kind == "base" else self.logit(self.x) - base, 10)
        apart = (self.x - self.nothing(name))[0].double()
        match kind:
            case "apart":
                return Number(picked(apart, index), 1)
            case "given":
                return Number(picked(self.given(name, int(detail)).sum(0), index), 10)
            case "givenpart":
                return Number(picked(self.given(name, int(detail)), index), 10)
            case "meanslope":
                return Number(picked(self.given(name, int(detail)), index) / picked(apart, index), 10)
            case "covered":
                return Number(self.covered(name, detail, *index), 10)
            case "lost":
                return Number(self.logit(self.x) - self.covered(name, detail, *index), 10)
        raise NoNumberError(f"nothing is written down here about {kind!r}")


def secants(part: nn.Module) -> list[Any]:
    """Hooks by which, of a pair of rows, the second gets a threshold's or a maximum's mean slope from the first."""
    if not isinstance(part, (nn.ReLU, nn.ReLU6, nn.MaxPool2d)):
        return []
    seen: list[tuple[Tensor, Tensor]] = []

    def forward(module: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        seen.append((given[0].detach(), made.detach()))

    def backward(module: nn.Module, into: Any, out: Any) -> tuple[Tensor]:
        x, y = seen.pop()
        if isinstance(module, nn.MaxPool2d):
            return (shared(module, x, out[0]),)
        along, up = x[1] - x[0], y[1] - y[0]
        slope = torch.where(along == 0, ((x[1] > 0) & (y[1] == x[1])).float(), up / along)
        return (torch.stack([torch.zeros_like(slope), out[0][1] * slope]),)

    return [part.register_forward_hook(forward), part.register_full_backward_hook(backward)]


def shared(pool: nn.MaxPool2d, x: Tensor, arriving: Tensor) -> Tensor:
    """What was largest before has the slope until what is largest after overtakes it."""
    size, stride, padding = pool.kernel_size, pool.stride, pool.padding
    _, channels, height, width = x.shape
    low = F.pad(x, [int(padding)] * 4, value=-1e30)  # pyright: ignore[reportArgumentType]
    cells = F.unfold(low, size, stride=stride).view(2, channels, -1, arriving[0, 0].numel())
    before, after = cells[0].argmax(1, keepdim=True), cells[1].argmax(1, keepdim=True)
    ahead = cells[0].gather(1, before) - cells[0].gather(1, after)
    behind = cells[1].gather(1, after) - cells[1].gather(1, before)
    until = torch.where(ahead + behind > 0, ahead / (ahead + behind), torch.full_like(ahead, 0.5))
    slope = arriving[1].flatten(1)[:, None]
    dealt = (
        torch.zeros_like(cells[0]).scatter_add_(1, before, slope * until).scatter_add_(1, after, slope * (1 - until))
    )
    around = low.shape[-2:]
    back = F.fold(dealt.flatten(0, 1)[None], tuple(around), size, stride=stride)[0]
    at = int(padding)  # pyright: ignore[reportArgumentType]
    return torch.stack([torch.zeros_like(x[0]), back[:, at : at + height, at : at + width]])


def resolve(run: Any, known: dict[str, Why], id: str, path: str, index: tuple[int, ...]) -> Number:
    """`why:TRACE#...`."""
    if id not in known:
        known[id] = Why(run)
    return known[id].number(path, index)
