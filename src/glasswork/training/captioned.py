"""Pictures with what is said of them: each in many ways, some also in other colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from glasswork import data
from glasswork.data import captions, emoji_captions, given
from glasswork.data.clip_tokens import ClipTokens, learn_merges
from glasswork.data.emoji_captions import Shown
from glasswork.data.given.pictures import open_picture
from glasswork.errors import GlassworkError, unknown
from glasswork.zoo import Preprocessing

MERGES = 3_000  # pairs of a tokenizer, at most
MOST_TOLD = 5  # files that are not used


@dataclass(frozen=True)
class Captioned:
    """Captioned pictures.

    Attributes:
        told: what each shows.
        pictures: uint8, (N, H, W, 4).
        kind: the same number for an emoji's two styles, (N,).
        coloured: of each picture its copies whose colour is said: the word, and the copy; its own colour is among them.
    """

    told: tuple[Shown, ...]
    pictures: np.ndarray
    kind: np.ndarray
    coloured: tuple[tuple[tuple[str, np.ndarray], ...], ...]

    @classmethod
    def of(cls, told: Sequence[Shown], pictures: np.ndarray, copies: int) -> Captioned:
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


def read_pairs(spec: str, split: str, size: int) -> tuple[tuple[Shown, ...], np.ndarray]:
    """What is shown, and the pictures, uint8, (N, size, size, 4).

    Args:
        spec: emoji-captions, or captioned:DIR.
        split: train or test.
        size: what pictures of one's own are cropped and scaled to.

    Raises:
        GlassworkError: there is no such data set, it is not on this machine, or holds nothing.
    """
    if not given.is_captioned(spec):
        if spec != emoji_captions.NAME:
            known = [emoji_captions.NAME, "captioned:DIR"]
            raise unknown("data set of captioned pictures", spec, known)
        return emoji_captions.emoji(split), emoji_captions.pictures(split)
    files = given.read_captioned(spec)
    prepare = Preprocessing(size, 3)
    told, pictures = [], []
    for below, texts, held_out in zip(files.paths, files.texts, files.held_out, strict=True):
        if held_out != (split == "test"):
            continue
        try:
            pixels = prepare(open_picture(files.root, below)).picture
        except given.BrokenPictureError:
            continue  # told by problems()
        told.append(Shown(texts[0], (), 0, "", below, below, False, texts))
        pictures.append(np.concatenate([pixels, np.full((*pixels.shape[:2], 1), 255, np.uint8)], axis=-1))
    if not told:
        raise GlassworkError("there is nothing to learn from", where=spec, why=f"no picture to {split} can be read")
    return tuple(told), np.stack(pictures)


def problems(spec: str) -> list[str]:
    """What of one's own folder is not used, in a few lines."""
    if not given.is_captioned(spec):
        return []
    files = given.read_captioned(spec)
    found = [f"not used: {one.path} ({one.why})" for one in files.problems]
    for below in files.paths:
        try:
            open_picture(files.root, below)
        except given.BrokenPictureError as error:
            found.append(f"not used: {below} ({error.why})")
    more = [f"{len(found) - MOST_TOLD:,} more are not used"] if len(found) > MOST_TOLD else []
    return found[:MOST_TOLD] + more


def read_tokens(spec: str) -> ClipTokens:
    """The tokenizer for a data set's captions; of one's own it is learned from those that are trained on."""
    if not given.is_captioned(spec):
        return emoji_captions.tokens()
    files = given.read_captioned(spec)
    texts = [text for some, out in zip(files.texts, files.held_out, strict=True) if not out for text in some]
    return ClipTokens(learn_merges(texts, MERGES), emoji_captions.CONTEXT)


def aside_groups(told: Sequence[Shown], count: int, seed: int) -> set[str]:
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
