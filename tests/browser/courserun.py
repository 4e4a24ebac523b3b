"""The numbers of a run of training, read from its folder with JSON and safetensors, and its steps taken again by torch.

Only what is written down here: a classifier, a step's pictures as they are in the data set (no augmentation), SGD with
momentum or AdamW, no average of the weights.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
import torch.nn.functional as F
from claims import NoNumberError, Number, picked
from torch import Tensor, nn

from glasswork import data, networks, zoo
from glasswork.data import Dataset

PART = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?:/(?P<first>\d+)(?:-(?P<last>\d+))?)?")
STEP = re.compile(r"(?P<name>[A-Za-z0-9._-]+)@(?P<step>\d+)")
SPLIT, ORDER = 1, 3  # the streams of the seed: what is set aside, and the order of the examples
KINDS = {"mean": np.mean, "low": np.min, "high": np.max}


class CourseRun:
    """One run's folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: dict[str, Any] = json.loads((folder / "run.json").read_text())
        self.series: dict[str, dict[int, float]] = {}
        for line in (folder / "metrics.jsonl").read_text().splitlines():
            record = json.loads(line)
            step = record.pop("step")
            if record.get("event") == "resumed":
                self.series = {n: {s: v for s, v in each.items() if s <= step} for n, each in self.series.items()}
            for name, value in record.items():
                if isinstance(value, (int, float)) and "event" not in record:
                    self.series.setdefault(name, {})[step] = value

    def number(self, first: str | None, last: str | None, series: str, what: str) -> Number:
        """A record, what several have in common, or a score of the card."""
        if what == "score":
            return exactly(json.loads((self.folder / "card.json").read_text())["scores"][series])
        records = self.series.get(series)
        if records is None or first is None:
            raise NoNumberError(f"the run has no series {series!r}")
        if what == "value" and last is None:
            if int(first) not in records:
                raise NoNumberError(f"{series} was not recorded at step {first}")
            return exactly(records[int(first)])
        if what not in KINDS or last is None:
            raise NoNumberError(f"nothing is written down here about @{what}")
        inside = [value for step, value in records.items() if int(first) <= step <= int(last)]
        if not inside:
            raise NoNumberError(f"{series} was not recorded between {first} and {last}")
        return exactly(float(KINDS[what](inside)))

    @cache  # noqa: B019  it lives as long as the process
    def stored(self, step: int) -> dict[str, Tensor]:
        """All tensors of a checkpoint; before the first step, of the weights that the seed gives."""
        if step == 0:
            torch.manual_seed(self.settings["seed"])
            return {f"network.{name}": value for name, value in self.bare().state_dict().items()}
        (file,) = (self.folder / "checkpoints" / f"step-{step:08d}").glob("*.safetensors")
        return safetensors.torch.load_file(file)

    def bare(self) -> nn.Module:
        return networks.build(self.settings["network"], **self.settings["sizes"])

    def network(self, step: int) -> nn.Module:
        module = self.bare()
        stored = self.stored(step)
        kept = "average." if any(name.startswith("average.") for name in stored) else "network."
        module.load_state_dict({name.removeprefix(kept): v for name, v in stored.items() if name.startswith(kept)})
        return module

    def loaded(self, step: int) -> zoo.Network:
        """The network of a step, as the page runs it."""
        return zoo.Network(
            target="", name="", title="", module=self.network(step).eval(), preprocess=None, labels=(), card=None,
            samples=(), after=zoo.softmax, weights="run",
        )  # fmt: skip

    @cache  # noqa: B019
    def taken(self, step: int) -> Taken:
        return Taken(self, step)


class Taken:
    """The step after a saved one."""

    def __init__(self, run: CourseRun, step: int) -> None:
        settings = run.settings
        seen = trained_on(data.load(settings["data"], "train"), settings["validation"], settings["seed"])
        each = len(seen) // settings["batch"]
        order = np.random.default_rng([settings["seed"], ORDER, step // each]).permutation(len(seen))
        place = step % each * settings["batch"]
        index = order[place : place + settings["batch"]]
        self.pictures = torch.from_numpy(seen.pictures[index].copy()).permute(0, 3, 1, 2).float() / 255
        self.labels = torch.from_numpy(seen.labels[index])
        network = run.network(step).train()
        self.logits = network(self.pictures)
        smooth = settings["label_smoothing"]
        loss = F.cross_entropy(self.logits, self.labels, label_smoothing=smooth)
        loss.backward()
        self.loss = loss.item()
        self.rate = run.series["learning_rate"][step + 1]
        self.before = {name: value.detach().clone() for name, value in network.named_parameters()}
        self.slopes = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
        self.stored = run.stored(step)
        self.settings = {"lr": self.rate, "weight_decay": settings["weight_decay"], **settings["optimiser_settings"]}
        if settings["optimiser"] == "AdamW":
            self.settings = {"betas0": 0.9, "betas1": 0.999, "eps": 1e-8, **self.settings}
        rule = {"SGD": self.descent, "AdamW": self.adam}[settings["optimiser"]]
        self.lines: dict[str, list[Tensor]] = {}
        with torch.no_grad():
            for name, value in network.named_parameters():
                decay = settings["weight_decay"] if value.dim() > 1 else 0.0
                self.lines[name] = rule(name, self.before[name].double(), self.slopes[name].double(), decay)
                value.copy_(self.lines[name][-1])
            self.after = F.cross_entropy(network(self.pictures), self.labels, label_smoothing=smooth).item()

    def memory(self, name: str, key: str) -> Tensor:
        """What the optimiser kept of a parameter; nothing before the first step."""
        return self.stored.get(f"optimiser.all.{name}.{key}", torch.zeros(())).double()

    def descent(self, name: str, weight: Tensor, slope: Tensor, decay: float) -> list[Tensor]:
        """torch.optim.SGD's documentation; what changes nothing has no line."""
        decayed = slope + decay * weight
        moved = self.settings["momentum"] * self.memory(name, "momentum_buffer") + decayed
        return [*([decayed] if decay else []), moved, weight - self.rate * moved]

    def adam(self, name: str, weight: Tensor, slope: Tensor, decay: float) -> list[Tensor]:
        """Loshchilov and Hutter 2019, algorithm 2, as torch.optim.AdamW's documentation has it."""
        first, second = self.settings["betas0"], self.settings["betas1"]
        step = self.memory(name, "step").item() + 1
        less = weight - self.rate * decay * weight
        m = first * self.memory(name, "exp_avg") + (1 - first) * slope
        v = second * self.memory(name, "exp_avg_sq") + (1 - second) * slope.square()
        fair, square = m / (1 - first**step), v / (1 - second**step)
        written = less - self.rate * fair / (square.sqrt() + self.settings["eps"])
        return [*([less] if decay else []), m, v, fair, square, written]

    def number(self, path: str, index: tuple[int, ...], what: str, detail: str) -> Number:
        if path == "loss":
            return near({"value": self.loss, "after": self.after, "change": self.after - self.loss}[what], self.loss)
        if path == "examples" and what in ("probability", "loss"):
            logits = self.logits[index[0]].detach().double()
            likely = F.softmax(logits, 0)[self.labels[index[0]]].item()
            return near(likely if what == "probability" else -math.log(likely), 1.0)
        if path.startswith("gradient/") and what == "norm":
            own = [slope for name, slope in self.slopes.items() if name.rpartition(".")[0] == path.partition("/")[2]]
            size = math.sqrt(sum(slope.double().square().sum().item() for slope in own))
            return near(size, size)
        if path not in self.before:
            raise NoNumberError(f"the network has no {path}")
        if what == "setting":
            return exactly(0.0 if detail == "weight_decay" and self.before[path].dim() < 2 else self.settings[detail])
        if what == "memory" and detail == "step":
            return exactly(self.memory(path, "step").item() + 1)
        if what == "memory":
            held = self.memory(path, detail)
            return near(picked(held, index) if held.dim() else held.item(), held.abs().max().item())
        if what == "line":
            found = self.lines[path][int(detail) - 1]
        else:
            found = {"value": self.before[path], "grad": self.slopes[path], "written": self.lines[path][-1]}[what]
        return near(picked(found, index), found.abs().max().item())


def trained_on(whole: Dataset, aside: int, seed: int) -> Dataset:
    """What is left when whole groups, in the order that the seed gives, are set aside until it is enough."""
    groups = sorted(set(whole.groups))
    taken: set[str] = set()
    sizes = Counter(whole.groups)
    for i in np.random.default_rng([seed, SPLIT]).permutation(len(groups)):
        if sum(sizes[group] for group in taken) >= aside:
            break
        taken.add(groups[i])
    return whole.take(np.array([i for i, group in enumerate(whole.groups) if group not in taken]))


class CourseRuns:
    """The runs below a folder."""

    def __init__(self, root: Path | None) -> None:
        self.root = root
        self.known: dict[str, CourseRun] = {}

    def run(self, name: str) -> CourseRun:
        if self.root is None or not (self.root / name / "run.json").is_file():
            raise NoNumberError(f"there is no run {name!r}")
        if name not in self.known:
            self.known[name] = CourseRun(self.root / name)
        return self.known[name]

    def number(self, source: str, path: str, index: tuple[int, ...], what: str, detail: str) -> Number:
        kind, _, rest = source.partition(":")
        if kind == "run" and (found := PART.fullmatch(rest)):
            return self.run(found["name"]).number(found["first"], found["last"], path, what)
        if kind == "step" and (found := STEP.fullmatch(rest)):
            return self.run(found["name"]).taken(int(found["step"])).number(path, index, what, detail)
        raise NoNumberError("this has not the form of a run's reference")

    def loaded(self, target: str) -> zoo.Network:
        found = STEP.fullmatch(target.partition(":")[2])
        if found is None:
            raise NoNumberError(f"{target} names no moment of a run")
        return self.run(found["name"]).loaded(int(found["step"]))


def exactly(value: float) -> Number:
    return Number(value, abs(value))


def near(value: float, scale: float) -> Number:
    return Number(value, scale)
