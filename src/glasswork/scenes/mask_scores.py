"""How well masks are told: counts of pixels and losses, each by an address of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.scenes.messages.base import Number
from glasswork.scenes.messages.masks import MaskScore, Scored
from glasswork.scenes.records import Records

THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
RUN = re.compile(r"([0-9])([0-9a-z]{1,4})")
LONGEST = 60_000
"""Characters of a mask that a page sends."""
ID_LENGTH = 16
ID = re.compile(r"[0-9a-f]{16}")


def read_runs(words: str, side: int, classes: int) -> np.ndarray:
    """A mask from the lengths of its runs, (side, side), uint8.

    Args:
        words: see OpenMask.
        side: of the picture that it is of.
        classes: how many there are.

    Raises:
        GlassworkError: it is no such text, names no class of these, or is of another size.
    """
    found = [RUN.fullmatch(one) for one in words[:LONGEST].split(".")]
    if not words or any(one is None for one in found):
        todo = "Draw it on the page, or take mask out of the address."
        raise GlassworkError("this is no mask", where=words[:40], why="a run is a class and a length", todo=todo)
    runs = [(int(one[1]), int(one[2], 36)) for one in found if one]
    total = sum(length for _, length in runs)
    if total != side * side:
        why = f"it has {total:,} pixels, the picture {side} × {side} = {side * side:,}"
        todo = "Draw it anew on this picture."
        raise GlassworkError("the mask is of another size than the picture", where="the mask", why=why, todo=todo)
    if any(kind >= classes for kind, _ in runs):
        why = f"there are {classes}, from 0 on"
        raise GlassworkError(
            "the mask names a class that there is not", where="the mask", why=why, todo="Draw it anew."
        )
    kinds, lengths = zip(*runs, strict=True)
    return np.repeat(np.array(kinds, np.uint8), lengths).reshape(side, side)


def record_mask(mask: np.ndarray, records: Records) -> str:
    """Keep a mask under the hash of what is kept, which is its id."""
    told = {"side": len(mask), "classes": base64.b64encode(mask.astype(np.uint8).tobytes()).decode()}
    content = json.dumps(told, sort_keys=True).encode()
    id = hashlib.sha256(content).hexdigest()[:ID_LENGTH]
    records.keep(f"{id}.mask", content)
    return id


def recorded_mask(id: str, records: Records) -> np.ndarray:
    """A mask that was recorded.

    Raises:
        GlassworkError: it was not.
    """
    content = records.read(f"{id}.mask") if ID.fullmatch(id) else None
    if content is None or hashlib.sha256(content).hexdigest()[:ID_LENGTH] != id:
        todo = "Open the picture again."
        raise GlassworkError("this mask is not known here", where=id[:40], why="its record is gone", todo=todo)
    told = json.loads(content)
    return np.frombuffer(base64.b64decode(told["classes"]), np.uint8).reshape(told["side"], told["side"])


class Scores:
    """One network's probabilities held against a truth, in fp64.

    Args:
        source: the address; `#both[k]@value` and so on name its numbers.
        logits: (K, H, W).
        p: the network's own softmax of them, by which pixels are told.
        mask: classes, (H, W).
        kind: the class that is followed.
        threshold: from which probability on it is told; None where the likeliest class is.
    """

    def __init__(
        self, source: str, logits: Tensor, p: Tensor, mask: Tensor | None, kind: int, threshold: float | None
    ) -> None:
        self.source, self.mask, self.kind, self.threshold = source, mask, kind, threshold
        self.log_p = torch.log_softmax(logits.double(), 0)
        self.p = p
        self.classes = len(logits)

    @cached_property
    def likeliest(self) -> Tensor:
        """The class that is told of each pixel, (H, W)."""
        return self.p.argmax(0)

    def told(self, kind: int, threshold: float | None) -> Tensor:
        """Which pixels are told to be of a class, (H, W)."""
        return self.likeliest == kind if threshold is None else self.p[kind] >= threshold

    def number(self, path: str, place: int | Sequence[int], value: float) -> Number:
        """A number with its address."""
        index = place if isinstance(place, int) else ",".join(map(str, place))
        return Number(f"{self.source}#{path}[{index}]@value", value)

    def count(self) -> Number:
        """Of the pixels that are told to be of the followed class."""
        told = self.told(self.kind, self.threshold)
        return self.number(f"told{_at(self.threshold)}", self.kind, float(told.sum()))

    def iou(self, kind: int, threshold: float | None) -> Number | None:
        """|A and B| / |A or B| of the pixels told and the true ones; None where there are neither."""
        told, true = self.told(kind, threshold), self.mask == kind
        either = int((told | true).sum())
        if not either:
            return None
        return self.number(f"iou{_at(threshold)}", kind, int((told & true).sum()) / either)

    @property
    def pixel_nats(self) -> Tensor:
        """-ln p of the truth at each pixel, (H, W)."""
        assert self.mask is not None
        return -self.log_p.gather(0, self.mask[None])[0]

    def scored(self) -> Scored:
        """All that is known."""
        assert self.mask is not None
        rows = [self._row(k) for k in range(self.classes)]
        ious = [one.value for k in range(self.classes) if (one := self.iou(k, None)) is not None]
        nats = self.pixel_nats.mean().item()
        dice = 1 - sum(one.soft_dice.value for one in rows) / self.classes
        thresholds = [self.iou(self.kind, one) for one in THRESHOLDS]
        return Scored(
            classes=rows,
            iou=self.number("mean", 0, sum(ious) / len(ious)),
            accuracy=self.number("accuracy", 0, (self.likeliest == self.mask).double().mean().item()),
            cross_entropy=self.number("crossentropy", 0, nats),
            dice_loss=self.number("diceloss", 0, dice),
            loss=self.number("loss", 0, nats + dice),
            over_threshold=[one for one in thresholds if one is not None] if None not in thresholds else [],
        )

    def _row(self, k: int) -> MaskScore:
        assert self.mask is not None
        threshold = self.threshold if k == self.kind else None
        at = _at(threshold)
        told, true = self.told(k, threshold), self.mask == k
        both, sizes = int((told & true).sum()), int(told.sum()) + int(true.sum())
        p = self.log_p[k].exp()
        overlap, mass, wanted = p[true].sum().item(), p.sum().item(), int(true.sum())
        return MaskScore(
            both=self.number(f"both{at}", k, both),
            told=self.number(f"told{at}", k, int(told.sum())),
            true=self.number("true", k, wanted),
            iou=self.iou(k, threshold),
            dice=self.number(f"dice{at}", k, 2 * both / sizes) if sizes else None,
            nats=self.number("nats", k, -self.log_p[k][true].sum().item()),
            overlap=self.number("overlap", k, overlap),
            mass=self.number("mass", k, mass),
            soft_dice=self.number("softdice", k, (2 * overlap + 1) / (mass + wanted + 1)),
        )


def _at(threshold: float | None) -> str:
    return "" if threshold is None else f"/{threshold:g}"
