"""A part of the book that a network never saw, as it reads it; and where in a text units are on together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from glasswork.data.given import read_text
from glasswork.data.texts import load_text, text_names
from glasswork.data.tokens import Vocabulary
from glasswork.errors import GlassworkError
from glasswork.scenes.messages.base import Number
from glasswork.scenes.messages.reading import Place
from glasswork.scenes.recurrent import Part
from glasswork.zoo import Network

# N characters, H units

SEARCHED, WINDOW = 16_000, 1_000
"""Characters of the held-out part, read in windows of these many, each from a state of zero."""
AROUND = 28
MOST = 6
LONGEST = 60
CLEAR = 0.1
"""Deviations below which a place does not count as one with the pattern."""
MOST_UNITS = 12


@dataclass(frozen=True)
class Pattern:
    """Units that are on, or off, together for so many steps.

    Attributes:
        units: which.
        signs: 1 for on, -1 for off, of each.
        length: steps.
        name: of it in addresses.
    """

    units: tuple[int, ...]
    signs: tuple[int, ...]
    length: int

    @classmethod
    def of(cls, asked: Sequence[int], length: int, hidden: int) -> Pattern:
        """From unit numbers, of which -1 - u stands for unit u being low.

        Raises:
            GlassworkError: none, too many, or there is no such unit.
        """
        units = tuple(-1 - one if one < 0 else one for one in asked)
        if not 1 <= len(units) <= MOST_UNITS or any(unit >= hidden for unit in units):
            why = f"1 to {MOST_UNITS} of its {hidden} units make a pattern"
            raise GlassworkError("this pattern can't be looked for", where=f"units {list(units)[:20]}", why=why)
        return cls(units, tuple(-1 if one < 0 else 1 for one in asked), min(max(1, length), LONGEST))

    @property
    def name(self) -> str:
        """As it stands in addresses."""
        return ".".join(f"{unit}{'+' if sign > 0 else '-'}" for unit, sign in zip(self.units, self.signs, strict=True))

    def scores(self, states: np.ndarray) -> np.ndarray:
        """For each place, by how many of their deviations the units are on there, their mean, (N - length + 1,)."""
        chosen = states[:, list(self.units)].astype(np.float64)
        spread = chosen.std(0)
        apart = (chosen - chosen.mean(0)) / np.where(spread > 0, spread, 1) * np.array(self.signs)
        sums = np.concatenate([[0.0], np.cumsum(apart.mean(1))])
        return (sums[self.length :] - sums[: -self.length]) / self.length


def clearest(
    texts: Sequence[str],
    states: np.ndarray,
    pattern: Pattern,
    source: str,
    apart_from: tuple[int, int] | None = None,
) -> list[Place]:
    """The places where a pattern is clearest, no two overlapping.

    Args:
        texts: what was read, N.
        states: (N, H).
        pattern: what is looked for.
        source: of the scores' addresses.
        apart_from: a stretch that none may overlap.
    """
    if pattern.length > len(texts):
        return []
    scores, length = pattern.scores(states), pattern.length
    taken = np.zeros(len(scores), bool)
    if apart_from is not None:
        taken[max(0, apart_from[0] - length + 1) : apart_from[1]] = True
    found: list[Place] = []
    for place in np.argsort(-scores, kind="stable"):
        at = int(place)
        if taken[at] or scores[at] < CLEAR:
            continue
        taken[max(0, at - length + 1) : at + length] = True
        found.append(
            Place(
                position=at,
                before="".join(texts[max(0, at - AROUND) : at]),
                stretch="".join(texts[at : at + length]),
                after="".join(texts[at + length : at + length + AROUND]),
                score=Number(f"{source}#pattern/{length}/{pattern.name}[{at}]@value", float(scores[at])),
            )
        )
        if len(found) == MOST:
            break
    return found


@dataclass(frozen=True)
class Corpus:
    """A stretch of text and the states in which a network read it.

    Attributes:
        source: of its numbers.
        text: the characters, N.
        hidden: float32, (N, H).
    """

    source: str
    text: str
    hidden: np.ndarray

    @classmethod
    def of(cls, network: Network, vocabulary: Vocabulary, part: Part) -> Corpus:
        """The beginning of the held-out part of what the network was trained on, as one layer reads it.

        Raises:
            GlassworkError: its text is not here.
        """
        card = network.card
        if card is None:
            raise GlassworkError("there is no book to search", where=network.title, why="it has no card")
        text = load_text(card.data) if card.data in text_names() else read_text(card.data)
        found = text.test[:SEARCHED]
        ids = torch.from_numpy(vocabulary.encode(found)).long()
        whole = len(ids) // WINDOW * WINDOW
        rows = [*ids[:whole].view(-1, WINDOW).split(16), *([ids[None, whole:]] if len(ids) > whole else [])]
        below = _below(network, part)
        states = []
        with torch.inference_mode():
            for row in rows:
                x = network.module.get_submodule("embedding")(row)
                for layer in below:
                    x = layer(x)[0]
                width = part.hidden
                states.append((x[..., width:] if part.backwards else x[..., :width]).flatten(0, 1))
        place = f"~{part.place}" if part.place else ""
        return cls(f"corpus:{network.target}{place}", found, torch.cat(states).numpy())

    def places(self, pattern: Pattern) -> list[Place]:
        """Where a pattern is clearest."""
        return clearest(self.text, self.hidden, pattern, self.source)


def _below(network: Network, part: Part) -> list[nn.Module]:
    """torch.nn's layers with the network's weights, up to the one that is looked at: faster than steps one by one."""
    core: Any = network.module.get_submodule(part.core)
    kind = nn.LSTM if part.kind == "lstm" else nn.RNN
    weights = dict(core.named_parameters())
    ways = 2 if core.bidirectional else 1
    found = []
    for layer in range(part.layer + 1):
        width = weights[f"weight_ih_l{layer}"].shape[1]
        made = kind(width, part.hidden, batch_first=True, bidirectional=ways == 2).eval()
        own = {name: value for name, value in weights.items() if name.split("_")[2] == f"l{layer}"}
        made.load_state_dict({name.replace(f"_l{layer}", "_l0"): value for name, value in own.items()})
        found.append(made)
    return found
