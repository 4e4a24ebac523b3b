"""The architectures against each other, in three layers that are never mixed: claimed, published, measured here.

Claimed is the table of a lecture, as it was shown; each of its figures is matched to the variant that yields it, by
counting, or said to match none. Published are torchvision's weight cards. Measured is what this machine does.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

import torch

from glasswork import networks
from glasswork.errors import GlassworkError
from glasswork.measuring.racing import measure

RUNNERS = ("alexnet", "alexnet_2012", "vgg16", "vgg19", "googlenet", "resnet152")
PUBLISHED = ("alexnet", "vgg11", "vgg13", "vgg16", "vgg19", "googlenet", "resnet18", "resnet50", "resnet152")
NEAR = 0.05
SECONDS = 600


@dataclass(frozen=True)
class Claim:
    """One row of the lecture's table.

    Attributes:
        name: what it calls the network.
        year: of the network.
        idea: what is said to be new.
        top5: in percent.
        parameters: and `operations`, as numbers; `digits` says how many of each were shown.
        variants: the reference networks that could be meant.
    """

    name: str
    year: int
    idea: str
    top5: float
    parameters: float
    operations: float
    digits: tuple[int, int]
    variants: tuple[str, ...]


CLAIMS = (
    Claim("AlexNet", 2012, "deeper", 84.70, 62e6, 1.5e9, (2, 2), ("alexnet_2012", "alexnet_2012_one_tower", "alexnet")),
    Claim("VGGNet", 2014, "kernels of one size", 92.30, 138e6, 19.6e9, (3, 3), ("vgg11", "vgg13", "vgg16", "vgg19")),
    Claim("Inception", 2014, "wider, parallel kernels", 93.30, 6.4e6, 2e9, (2, 1), ("googlenet", "googlenet_2014")),
    Claim("ResNet-152", 2015, "shortcuts", 95.51, 60.3e6, 11e9, (3, 2), ("resnet152", "resnet101")),
)


def claimed() -> list[dict[str, Any]]:
    """The lecture's table, each figure with the variant that comes closest to it.

    Returns:
        For each row its fields, and under `parameters_from` and `operations_from` the closest variant: `variant`, `as`
        (parameters, multiply-adds, or operations = 2 x multiply-adds), `value`, and `verdict`: equal (at the digits
        shown), near (within NEAR), or none.
    """
    rows = []
    for claim in CLAIMS:
        counts = {name: _counted(name) for name in claim.variants}
        parameters = [(name, "parameters", float(count[0])) for name, count in counts.items()]
        operations = [(name, "multiply-adds", float(count[1])) for name, count in counts.items()]
        operations += [(name, "operations", 2.0 * count[1]) for name, count in counts.items()]
        row = {key: value for key, value in asdict(claim).items() if key not in ("digits", "variants")}
        row["parameters_from"] = _closest(claim.parameters, claim.digits[0], parameters)
        row["operations_from"] = _closest(claim.operations, claim.digits[1], operations)
        rows.append(row)
    return rows


def published() -> list[dict[str, Any]]:
    """What torchvision's weight cards say: top-1 and top-5 on ImageNet in percent, parameters, 1e9 multiply-adds.

    Returns:
        A row for each set of weights, of each network the first one published first.
    """
    from torchvision import models

    rows = []
    for name in PUBLISHED:
        for weights in models.get_model_weights(name):
            if weights.meta.get("categories") is None:
                continue  # features alone, which were never scored
            scores = weights.meta["_metrics"]["ImageNet-1K"]
            row = {"name": name, "weights": str(weights), "top1": scores["acc@1"], "top5": scores["acc@5"]}
            rows.append({**row, "parameters": weights.meta["num_params"], "gmacs": weights.meta["_ops"]})
    return rows


def measured(names: tuple[str, ...] = RUNNERS, batch: int = 0) -> list[dict[str, Any]]:
    """Each network on one picture, in a process of its own, so that its peak of memory is its own.

    Args:
        names: which.
        batch: how many pictures to learn from together, besides; 0: only one.

    Raises:
        GlassworkError: no such network, it takes no pictures, or its process failed.
    """
    rows = []
    for name in names:
        if not {"size", "channels", "classes"} <= set(networks.sizes(name)):
            todo = f"Name one of {', '.join(RUNNERS)}."
            raise GlassworkError(f"{name} does not race", why="it names no pictures", todo=todo)
        command = [sys.executable, "-m", measure.__module__, name, str(batch)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS)
        except subprocess.TimeoutExpired as error:
            todo = "Measure where the machine does little else."
            raise GlassworkError(f"{name} took too long", why=f"more than {SECONDS} seconds", todo=todo) from error
        if done.returncode:
            said = done.stderr.strip().splitlines()
            raise GlassworkError(f"{name} can't be measured", why=said[-1][:300] if said else f"{done.returncode}")
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    return rows


def _counted(name: str) -> tuple[int, int]:
    """Parameters (of GoogLeNet those that are used after training) and multiply-adds for one picture."""
    from glasswork.zoo import count_macs

    with torch.device("meta"):
        module = networks.build(name, **({"auxiliary": 0} if networks.named()[name] == "inception" else {})).eval()
        macs = count_macs(module, *networks.example(module))
    return sum(value.numel() for value in module.parameters()), macs


def _closest(claim: float, digits: int, found: list[tuple[str, str, float]]) -> dict[str, Any]:
    variant, kind, value = min(found, key=lambda one: abs(one[2] - claim))
    off = abs(value - claim) / claim
    equal = off <= NEAR and float(f"{value:.{digits - 1}e}") == claim
    verdict = "equal" if equal else "near" if off <= NEAR else "none"
    return {"variant": variant, "as": kind, "value": value, "off": off, "verdict": verdict}
