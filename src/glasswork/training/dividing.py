"""Which examples are held out: a share of each class, chosen by the examples' content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def divided(
    indices: Sequence[int], labels: np.ndarray, digests: Sequence[Any], share: float
) -> tuple[list[int], list[int]]:
    """Most of the examples, and of each class a share; whole groups of those with one content.

    Args:
        indices: the examples.
        labels: the class of each.
        digests: a hash of the content of each: its order has nothing to do with the examples.
        share: 0..1.

    Returns:
        Those that stay, and those that are taken.
    """
    if not share:
        return list(indices), []
    groups: dict[Any, list[int]] = {}
    for place, digest in enumerate(digests):
        groups.setdefault(digest, []).append(place)
    kinds, counts = np.unique(labels, return_counts=True)
    wanted = {kind: round(share * count) for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True)}
    plain = labels.tolist()
    taken: list[int] = []
    for digest in sorted(groups):
        label = plain[groups[digest][0]]
        if wanted[label] > 0:
            wanted[label] -= len(groups[digest])
            taken += groups[digest]
    gone = set(taken)
    left = [place for group in groups.values() for place in group if place not in gone]
    return [indices[place] for place in left], sorted(indices[place] for place in taken)
