"""Phrases into another language, by a Transformer of encoder and decoder: the likeliest token each time, or beams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from glasswork.generation.beams import Beam, beam_search
from glasswork.zoo import Translation

LONGEST = 60
"""Tokens of a translation."""
AT_ONCE = 256


@dataclass(frozen=True)
class Batch:
    """Pairs of phrases, filled up to the longest.

    Attributes:
        source: (B, S).
        seen: (B, S), False where the source is only filled up.
        target: (B, T + 1), with the mark of its start.
        counts: (B, T), whether a token that should come is one of the phrase's, or its end.
    """

    source: Tensor
    seen: Tensor
    target: Tensor
    counts: Tensor


def padded(pairs: Sequence[tuple[Sequence[int], Sequence[int]]], translation: Translation) -> Batch:
    """Pairs of token numbers, each with both marks, as one batch."""
    source, seen = _filled([first for first, _ in pairs], translation.end)
    target, counted = _filled([second for _, second in pairs], translation.end)
    return Batch(source, seen, target, counted[:, 1:])


def _filled(rows: Sequence[Sequence[int]], filling: int) -> tuple[Tensor, Tensor]:
    longest = max(map(len, rows))
    ids = torch.tensor([[*row, *[filling] * (longest - len(row))] for row in rows])
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(longest) < lengths[:, None]


def translate(network: nn.Module, translation: Translation, texts: Sequence[str]) -> list[str]:
    """Each text's translation by greedy search: the likeliest token each time, up to the mark of the end."""
    found: list[str] = []
    for first in range(0, len(texts), AT_ONCE):
        rows = [translation.encode(text) for text in texts[first : first + AT_ONCE]]
        found += [translation.decode(ids) for ids in _greedy(network, translation, rows)]
    return found


@torch.inference_mode()
def _greedy(network: nn.Module, translation: Translation, rows: Sequence[Sequence[int]]) -> list[list[int]]:
    module: Any = network
    source, seen = _filled(rows, translation.end)
    written = torch.full((len(rows), 1), translation.start)
    over = torch.zeros(len(rows), dtype=torch.bool)
    for _ in range(LONGEST):
        following = module(source, written, seen)[:, -1].argmax(-1)  # (B)
        following = torch.where(over, translation.end, following)
        written = torch.cat([written, following[:, None]], dim=1)
        over |= following == translation.end
        if over.all():
            break
    return written.tolist()


@torch.inference_mode()
def beams_of(
    network: nn.Module, translation: Translation, ids: Sequence[int], beams: int, penalty: float = 1.0
) -> tuple[list[Beam], list[int]]:
    """Beam search over translations of one text, given as tokens between their marks.

    Returns:
        All nodes that were looked at, and those of the best, in order.
    """
    module: Any = network
    source = torch.tensor([ids])

    def following(written: Sequence[int]) -> Tensor:
        return module(source, torch.tensor([[translation.start, *written]]), None)[0, -1]

    return beam_search(following, beams, LONGEST, frozenset({translation.end}), penalty)
