"""A part of the book that a network never saw, as it reads it: where is a unit on?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from glasswork.data.given import read_text
from glasswork.data.texts import load_text, text_names
from glasswork.data.tokens import Vocabulary
from glasswork.errors import GlassworkError
from glasswork.scenes.messages.base import Number
from glasswork.scenes.messages.reading import Place
from glasswork.zoo import Network, build

SEARCHED, WINDOW = 16_000, 1_000
"""Characters of the held-out part, read in windows of these many, each from a state of zero."""
AROUND = 28
MOST = 6
LONGEST = 60


@dataclass(frozen=True)
class Corpus:
    """A stretch of text and the states in which a network read it.

    Attributes:
        name: of the network.
        text: the characters, N.
        hidden: float32, (N, H).
    """

    name: str
    text: str
    hidden: np.ndarray

    @classmethod
    def of(cls, network: Network, vocabulary: Vocabulary) -> Corpus:
        """The beginning of the held-out part of what the network was trained on.

        Raises:
            GlassworkError: its text is not here, or is not made of characters.
        """
        card = network.card
        if card is None or vocabulary.kind != "characters":
            raise GlassworkError(
                "there is no book to search", where=network.title, why="it reads bytes, or has no card"
            )
        text = load_text(card.data) if card.data in text_names() else read_text(card.data)
        part = text.test[:SEARCHED]
        ids = torch.from_numpy(vocabulary.encode(part)).long()
        whole = len(ids) // WINDOW * WINDOW
        rows = [*ids[:whole].view(-1, WINDOW).split(16), *([ids[None, whole:]] if len(ids) > whole else [])]
        module = _fused(network)
        with torch.inference_mode():
            states = [module.core(module.embedding(row))[0].flatten(0, 1) for row in rows if len(row)]  # type: ignore[operator]
        return cls(card.recipe, part, torch.cat(states).numpy())

    def places(self, unit: int, length: int, high: bool) -> list[Place]:
        """Where the mean of a unit's state over `length` characters is highest (or lowest), no two overlapping.

        Raises:
            GlassworkError: there is no such unit.
        """
        if not 0 <= unit < self.hidden.shape[1]:
            raise GlassworkError(f"there is no unit {unit}", where=self.name, why=f"{self.hidden.shape[1]} units")
        length = min(max(1, length), LONGEST, len(self.text))
        sums = np.concatenate([[0.0], np.cumsum(self.hidden[:, unit].astype(np.float64))])
        means = (sums[length:] - sums[:-length]) / length
        found: list[Place] = []
        taken = np.zeros(len(means), bool)
        for at in np.argsort(-means if high else means, kind="stable"):
            if taken[at]:
                continue
            at = int(at)
            taken[max(0, at - length) : at + length] = True
            found.append(
                Place(
                    position=at,
                    before=self.text[max(0, at - AROUND) : at],
                    stretch=self.text[at : at + length],
                    after=self.text[at + length : at + length + AROUND],
                    mean=Number(f"corpus:{self.name}#hidden/{at}/{length}[{unit}]@value", float(means[at])),
                )
            )
            if len(found) == MOST:
                break
        return found


def _fused(network: Network) -> nn.Module:
    """The same network with PyTorch's kernel, which is faster by much; the same numbers."""
    assert network.card is not None
    module = build(network.card.network, {**network.card.sizes, "fused": 1}).eval()
    module.load_state_dict(network.module.state_dict())
    return module
