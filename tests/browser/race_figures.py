"""What the figures of the race are: counted on torchvision's networks, read off its cards, and off the record.

Nothing here imports glasswork.measuring. The lecture's table is typed once more, from the lecture.
"""

from __future__ import annotations

import json
import math
import re
import statistics
from functools import cache
from pathlib import Path
from typing import Any

import torch
from claims import NoNumberError, Number
from torch import Tensor, nn
from torchvision import models

import glasswork
from glasswork import networks

RECORD = Path(glasswork.__file__).parent / "measuring" / "race.json"
CLAIMED = {
    "AlexNet": {"top5": 84.70, "parameters": 62e6, "operations": 1.5e9},
    "VGGNet": {"top5": 92.30, "parameters": 138e6, "operations": 19.6e9},
    "Inception": {"top5": 93.30, "parameters": 6.4e6, "operations": 2e9},
    "ResNet-152": {"top5": 95.51, "parameters": 60.3e6, "operations": 11e9},
}
VARIANTS = {
    "AlexNet": ("alexnet_2012", "alexnet_2012_one_tower", "alexnet"),
    "VGGNet": ("vgg11", "vgg13", "vgg16", "vgg19"),
    "Inception": ("googlenet", "googlenet_2014"),
    "ResNet-152": ("resnet152", "resnet101"),
}
PAIRS = {
    "equal_size": ("ResNet-152", "AlexNet"),
    "larger_worse": ("VGGNet", "ResNet-152"),
    "same_time": ("Inception", "AlexNet"),
}
TURNED = {("same_time", "parameters"), ("same_time", "memory")}
BETTER = {
    "equal_size": ("ResNet-152", "AlexNet"),
    "larger_worse": ("ResNet-152", "VGGNet"),
    "same_time": ("Inception", "AlexNet"),
}
MORE, FAR = (1, math.inf), (2, math.inf)
EQUAL, TEN, NINE = (0.75, 1.25), (7.5, 12.5), (6.75, 11.25)
PARTS = {
    "equal_size": {"parameters": EQUAL, "points": TEN, "macs": FAR, "step": FAR},
    "larger_worse": {"parameters": MORE, "macs": MORE, "step": MORE, "points": (0, math.inf)},
    "same_time": {"macs": EQUAL, "step": EQUAL, "parameters": TEN, "memory": TEN, "points": NINE},
}
"""What each part of a sentence says, as bounds: a figure that is said to be about so much may be a quarter off."""
NETWORKS = {"AlexNet": "alexnet", "VGGNet": "vgg16", "Inception": "googlenet", "ResNet-152": "resnet152"}
SOURCE = re.compile(r"(?P<layer>[a-z]+)/(?P<name>.+)")
PATH = re.compile(r"(?P<field>\w+?)(?:/(?P<unit>[\d.e]+))?")


@cache
def record() -> dict[str, Any]:
    return json.loads(RECORD.read_text())


@cache
def counted(name: str) -> dict[str, Any]:
    """A network of torchvision's (of ours where it has none) on one picture: every product of its layers, by hand."""
    with torch.device("meta"):
        if name in models.list_models():
            extra: dict[str, Any] = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
            module = models.get_model(name, weights=None, **extra).eval()
        else:
            module = networks.build(name, **({"auxiliary": 0} if name.startswith("googlenet") else {})).eval()
    rows: list[tuple[int, int, int]] = []

    def see(part: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        if isinstance(part, nn.Conv2d):
            each = part.in_channels // part.groups * part.kernel_size[0] * part.kernel_size[1]
            rows.append((made.shape[2], made.shape[1], each * made.shape[1] * made.shape[2] * made.shape[3]))
        elif isinstance(part, nn.Linear):
            rows.append((1, part.out_features, part.in_features * part.out_features))

    for part in module.modules():
        part.register_forward_hook(see)
    with torch.device("meta"):
        module(torch.zeros(1, 3, 224, 224))
    parameters = sum(math.prod(one.shape) for one in module.parameters())
    linear = sum(
        part.in_features * part.out_features + part.out_features
        for part in module.modules()
        if isinstance(part, nn.Linear)
    )
    return {
        "parameters": parameters,
        "macs": sum(row[2] for row in rows),
        "linear_share": 100 * linear / parameters,
        "side": [row[0] for row in rows],
        "channels": [row[1] for row in rows],
    }


def card(weights: str) -> dict[str, float]:
    """What torchvision says of weights such as "VGG16_Weights.IMAGENET1K_V1"."""
    meta = models.get_weight(weights).meta
    scores = meta["_metrics"]["ImageNet-1K"]
    return {
        "top1": scores["acc@1"],
        "top5": scores["acc@5"],
        "parameters": meta["num_params"],
        "gmacs": meta["_ops"],
    }


def first_card(network: str) -> dict[str, float]:
    return card(str(next(iter(models.get_model_weights(network)))))


def cost(network: str) -> dict[str, Any]:
    for one in record()["costs"]:
        if one["name"] == network:
            return one
    raise NoNumberError(f"{network} was not measured")


def matched(row: str, field: str) -> float:
    claim = CLAIMED[row][field]
    found = []
    for name in VARIANTS[row]:
        own = counted(name)
        found += [own["parameters"]] if field == "parameters" else [own["macs"], 2 * own["macs"]]
    return min(found, key=lambda value: abs(value - claim))


def racer(name: str) -> dict[str, Any]:
    for one in record()["racers"]:
        if one["name"] == name:
            return one
    raise NoNumberError(f"{name} does not race")


@cache
def slim_cost(name: str) -> dict[str, float]:
    """Parameters, and products by hand, of a slim network of ours."""
    module = networks.build(name.replace("-", "_")).eval()
    macs = 0

    def see(part: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        nonlocal macs
        if isinstance(part, (nn.Conv2d, nn.Linear)):
            macs += made.numel() * math.prod(part.weight.shape[1:])

    for part in module.modules():
        part.register_forward_hook(see)
    with torch.no_grad():
        module(torch.zeros(1, 1, 28, 28))
    return {"parameters": sum(one.numel() for one in module.parameters()), "macs": macs}


def slim(name: str, field: str, index: int | None) -> float:
    runs = racer(name)["runs"]
    finished = [run for run in runs if run["accuracy"] is not None]
    if field == "mean":
        return sum(run["accuracy"] for run in finished) / len(finished)
    if field == "spread":
        return statistics.stdev(run["accuracy"] for run in finished)
    if field == "seconds":
        return sum(run["seconds"] for run in finished) / len(finished)
    if field == "held_out" and index is not None:
        return statistics.fmean(run["held_out"][index] for run in finished or runs)
    return slim_cost(name)[field]


def verdict(name: str, by: str) -> float:
    """A figure of a sentence's part: `equal_size.points` as it is claimed, published or measured."""
    sentence, _, part = name.partition(".")
    one, other = BETTER[sentence] if part == "points" else PAIRS[sentence]
    if (sentence, part) in TURNED:
        one, other = other, one
    if part == "points":
        table = {"claimed": CLAIMED, "published": {row: first_card(NETWORKS[row]) for row in CLAIMED}}[by]
        return table[one]["top5"] - table[other]["top5"]
    return _figure(part, one, by) / _figure(part, other, by)


def holds(sentence: str, part: str) -> bool:
    """Whether a part of a sentence is right, by what was measured, else by what was published."""
    low, high = PARTS[sentence][part]
    return low <= verdict(f"{sentence}.{part}", "published" if part == "points" else "measured") <= high


def _figure(part: str, row: str, by: str) -> float:
    network = NETWORKS[row]
    if part == "step":
        return cost(network)["batch_milliseconds"]
    if part == "memory":  # at 128 pictures, in bytes: weights, gradients, momentum, and what is kept of each picture
        return 4 * 3 * counted(network)["parameters"] + 128 * cost(network)["kept_bytes"]
    if by == "claimed":
        return CLAIMED[row]["operations" if part == "macs" else part]
    if by == "published":
        return first_card(network)["gmacs" if part == "macs" else part]
    return counted(network)[part]


def resolve(source: str, path: str, index: tuple[int, ...]) -> Number:
    """What `race:SOURCE#PATH[INDEX]@value` is."""
    found, asked = SOURCE.fullmatch(source), PATH.fullmatch(path)
    if not found or not asked:
        raise NoNumberError(f"race:{source}#{path} has not the form of a figure of the race")
    layer, name, field = found["layer"], found["name"], asked["field"]
    at = index[0] if index else None
    try:
        value = _value(layer, name, field, at)
    except (KeyError, ValueError, IndexError, ZeroDivisionError) as error:
        raise NoNumberError(f"nothing is written down about {layer}/{name}#{field}: {error}") from error
    value /= float(asked["unit"] or 1)
    return Number(value, abs(value))


def _value(layer: str, name: str, field: str, at: int | None) -> float:
    if layer == "claimed":
        return CLAIMED[name][field]
    if layer == "published":
        return card(name)[field]
    if layer == "match":
        return matched(name, field)
    if layer == "layer" and at is not None:
        return counted(name)[field][at]
    if layer == "measured":
        return counted(name)[field] if field in ("parameters", "macs", "linear_share") else cost(name)[field]
    if layer == "slim":
        return slim(name, field, at)
    if layer == "baseline":
        return next(one for one in record()["baselines"] if one["name"] == name)[field]
    if layer == "verdict" and field in ("holding", "parts"):
        return len(PARTS[name]) if field == "parts" else sum(holds(name, part) for part in PARTS[name])
    if layer == "verdict":
        return verdict(name, field)
    raise KeyError(layer)
