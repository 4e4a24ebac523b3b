"""Pictures with what is said of them: each in many ways, some also in other colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from glasswork import data
from glasswork.data import captions
from glasswork.data.emoji_captions import Emoji


@dataclass(frozen=True)
class Captioned:
    """Captioned pictures.

    Attributes:
        told: what each shows.
        pictures: uint8, (N, H, W, 4).
        kind: the same number for an emoji's two styles, (N,).
        coloured: of each picture its copies whose colour is said: the word, and the copy; its own colour is among them.
    """

    told: tuple[Emoji, ...]
    pictures: np.ndarray
    kind: np.ndarray
    coloured: tuple[tuple[tuple[str, np.ndarray], ...], ...]

    @classmethod
    def of(cls, told: Sequence[Emoji], pictures: np.ndarray, copies: int) -> Captioned:
        """Make the copies in other colours, so many of each picture that is mostly of one."""
        codes = sorted({one.code for one in told})
        place = {code: i for i, code in enumerate(codes)}
        coloured: list[list[tuple[str, np.ndarray]]] = [[] for _ in told]
        if copies:
            for i, word, copy in captions.recoloured(pictures, told, copies):
                coloured[i].append((word, copy))
        return cls(
            tuple(told), pictures, np.array([place[one.code] for one in told]), tuple(tuple(c) for c in coloured)
        )

    def __len__(self) -> int:
        return len(self.told)

    def take(self, chosen: Iterable[int]) -> Captioned:
        """Some of them."""
        rows = list(chosen)
        return Captioned(
            tuple(self.told[i] for i in rows),
            self.pictures[rows],
            self.kind[rows],
            tuple(self.coloured[i] for i in rows),
        )

    def draw(self, index: int, recolour: float, random: np.random.Generator) -> tuple[np.ndarray, str]:
        """One of them at random: its picture, or a copy in another colour, and a caption that fits."""
        one, copies = self.told[index], self.coloured[index]
        if copies and random.random() < recolour:
            word, copy = copies[int(random.integers(len(copies)))]
            return copy, captions.variants(one, 1, random, word)[0]
        return self.pictures[index], captions.variants(one, 1, random)[0]

    def spoken(self) -> list[str]:
        """The caption of each that is judged by."""
        return [captions.spoken(one) for one in self.told]

    def shown(self) -> Tensor:
        """The pictures on white, from -1 to 1, (N, 3, H, W)."""
        return torch.from_numpy(data.on_white(self.pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1


def aside_groups(told: Sequence[Emoji], count: int, seed: int) -> set[str]:
    """Groups of about so many pictures, set aside to choose the checkpoint by; none of those that are judged."""
    judged = {one.group for one in told if one.judged}
    sizes: dict[str, int] = {}
    for one in told:
        if one.group not in judged:
            sizes[one.group] = sizes.get(one.group, 0) + 1
    groups = sorted(sizes)
    chosen: set[str] = set()
    taken = 0
    for i in np.random.default_rng([seed, 1]).permutation(len(groups)):
        if taken >= count:
            break
        chosen.add(groups[i])
        taken += sizes[groups[i]]
    return chosen
