"""What the page of U-Nets says of a mask, counted again pixel by pixel from the run's own logits."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from claims import NoNumberError, Number


class Mask:
    """One network's answer and what is true."""

    def __init__(self, run: Any, truth: np.ndarray | None) -> None:
        logits = run.tensor("output")[0].double()
        self.p = (logits - logits.logsumexp(0)).exp()
        self.chosen = run.tensor(":softmax")[0].numpy()  # what is told follows the network's own numbers
        self.truth = truth

    def told(self, kind: int, threshold: str) -> np.ndarray:
        if threshold:
            return self.chosen[kind] >= np.float32(threshold)
        return self.chosen.argmax(0) == kind

    def sets(self, kind: int, threshold: str) -> tuple[int, int, int]:
        """How many pixels are told and true; told; true."""
        told = self.told(kind, threshold)
        if self.truth is None:
            return 0, int(told.sum()), 0
        true = self.truth == kind
        return int(np.logical_and(told, true).sum()), int(told.sum()), int(true.sum())

    def iou(self, kind: int, threshold: str = "") -> float | None:
        both, told, true = self.sets(kind, threshold)
        return both / (told + true - both) if told + true else None

    def soft(self, kind: int) -> tuple[float, float, int]:
        """Sum of p where it is true, sum of p, and how many pixels are true."""
        assert self.truth is not None
        true = self.truth == kind
        p = self.p[kind].numpy()
        return math.fsum(p[true]), math.fsum(p.flatten()), int(true.sum())

    def nats(self, kind: int) -> float:
        assert self.truth is not None
        return -math.fsum(np.log(self.p[kind].numpy()[self.truth == kind]))

    def fraction(self, kind: int) -> float:
        overlap, mass, true = self.soft(kind)
        return (2 * overlap + 1) / (mass + true + 1)

    def number(self, path: str, index: tuple[int, ...]) -> Number:
        name, _, threshold = path.partition("/")
        first, kinds = index[0], range(len(self.p))
        if name == "told":
            return Number(self.sets(first, threshold)[1], 1)
        if self.truth is None:
            raise NoNumberError("nobody said what is true")
        match name:
            case "both" | "true":
                return Number(self.sets(first, threshold)[0 if name == "both" else 2], 1)
            case "iou":
                found = self.iou(first, threshold)
                if found is None:
                    raise NoNumberError("the class is nowhere")
                return Number(found, 1)
            case "dice":
                both, told, true = self.sets(first, threshold)
                return Number(2 * both / (told + true), 1)
            case "mean":
                present = [one for kind in kinds if (one := self.iou(kind)) is not None]
                return Number(sum(present) / len(present), 1)
            case "accuracy":
                return Number(float((self.chosen.argmax(0) == self.truth).mean()), 1)
            case "nats":
                return Number(self.nats(first), max(1, self.nats(first)))
            case "overlap" | "mass":
                value = self.soft(first)[0 if name == "overlap" else 1]
                return Number(value, max(1, value))
            case "softdice":
                return Number(self.fraction(first), 1)
            case "pixel":
                row, column = index
                return Number(-math.log(self.p[self.truth[row, column], row, column].item()), 1)
            case "crossentropy" | "diceloss" | "loss":
                entropy = sum(self.nats(kind) for kind in kinds) / self.truth.size
                dice = 1 - sum(self.fraction(kind) for kind in kinds) / len(kinds)
                return Number({"crossentropy": entropy, "diceloss": dice, "loss": entropy + dice}[name], 1)
        raise NoNumberError(f"nothing is written down here about {name!r}")


def recorded_mask(folder: Path, id: str) -> np.ndarray:
    content = (folder / f"{id}.mask").read_bytes()
    if hashlib.sha256(content).hexdigest()[: len(id)] != id:
        raise NoNumberError(f"the record of mask {id} is not the one that its id is the hash of")
    told = json.loads(content)
    side = told["side"]
    return np.frombuffer(base64.b64decode(told["classes"]), np.uint8).reshape(side, side)


def resolve(resolver: Any, known: dict[str, Mask], name: str, path: str, index: tuple[int, ...]) -> Number:
    """`mask:TRACE.MASK#...`, or `mask:TRACE#...` where nothing is known to be true."""
    if name not in known:
        trace, _, id = name.partition(".")
        run = resolver.rerun(f"trace:{trace}")
        known[name] = Mask(run, recorded_mask(resolver.folder, id) if id else None)
    return known[name].number(path, index)


def reach(mask: Mask) -> Number:
    """The largest -ln p of what is true."""
    assert mask.truth is not None
    p = np.take_along_axis(mask.p.numpy(), mask.truth[None].astype(np.int64), 0)
    return Number(float(-np.log(p.min())), 1)
