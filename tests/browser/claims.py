"""What the resolver says of a reference, and the records of runs that it starts from."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor


class NoNumberError(Exception):
    """A reference that names no number."""


@dataclass(frozen=True)
class Number:
    """What was found: the value, and how large the numbers are that it was made of."""

    value: float
    scale: float


def picked(tensor: Tensor, index: tuple[int, ...]) -> float:
    """One element; every axis is counted."""
    if len(index) != tensor.dim() or any(at >= size for at, size in zip(index, tensor.shape, strict=True)):
        raise NoNumberError(f"{list(index)} does not point into {list(tensor.shape)}")
    return tensor[index].item()


def whole_size(tensor: Tensor) -> float:
    return tensor.abs().max().item()


def unlisted(products: Tensor, listed: int) -> Number:
    """The sum of all but the largest, of equal ones the first."""
    order = sorted(range(len(products)), key=lambda k: (-abs(products[k].item()), k))
    left = products[order[max(0, listed) :]]
    return Number(math.fsum(left.tolist()), products.abs().sum().item())


def recorded(folder: Path, id: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The record of a trace and its inputs, both held to their hashes."""
    written = (folder / f"{id}.json").read_bytes()
    if hashlib.sha256(written).hexdigest()[: len(id)] != id:
        raise NoNumberError(f"the record of trace:{id} is not the one that its id is the hash of")
    record = json.loads(written)
    packed = (folder / f"{record['inputs']}.safetensors").read_bytes()
    if hashlib.sha256(packed).hexdigest() != record["inputs"]:
        raise NoNumberError(f"the inputs of trace:{id} are not those that were recorded")
    if record["mode"] != "eval":
        raise NoNumberError(f"trace:{id} is no plain run")
    return record, safetensors.torch.load(packed)
