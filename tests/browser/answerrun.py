"""What lessons and the quiz are answered about whole networks and records, counted again."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

from claims import NoNumberError, Number
from torch import nn

import glasswork
from glasswork import zoo

AUGMENTATION = Path(glasswork.__file__).parent / "measuring" / "augmentation.json"


def asked(kind: str, name: str, path: str, index: tuple[int, ...], what: str) -> Number:
    """`network:N#parameters@count`, `#layers@count`, `#tokens/TEXT@count`, `#WEIGHT[I,J]@sum`;
    `augmentation:HOW#mean@value`."""
    if kind == "augmentation" and path == "mean":
        runs = json.loads(AUGMENTATION.read_text())[name]
        return Number(sum(runs) / len(runs), 1)
    network = zoo.load(name)
    weights = {key: value.detach() for key, value in network.module.named_parameters()}
    if what == "count" and path == "parameters":
        return Number(sum(value.nelement() for value in weights.values()), 0)
    if what == "count" and path == "layers":
        linear = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
        return Number(sum(isinstance(part, linear) for part in network.module.modules()), 0)
    if what == "count" and path.startswith("tokens/"):
        words = network.translation or network.vocabulary
        assert words is not None
        return Number(len(words.encode(unquote(path.removeprefix("tokens/")))), 0)
    if what == "sum" and path in weights:
        part = weights[path][index].double()
        return Number(part.sum().item(), part.abs().sum().item())
    raise NoNumberError(f"nothing is written down here about {kind}:{name}#{path}@{what}")
