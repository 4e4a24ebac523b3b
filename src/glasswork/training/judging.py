"""How well pictures follow the prompts they were made from, by a classifier that was trained apart from the maker.

category: how many pictures are of their prompt's category, by the judge. nearest_is_target: to how many the prompted
picture is the nearest of all that are judged by, in the judge's features. The same of captions held out of all
training.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import data, zoo
from glasswork.data import captions, emoji_captions
from glasswork.data.emoji_captions import Shown
from glasswork.generation import Plan, TextToImage
from glasswork.measuring.features import last_features

AT_ONCE = 25
TRAINED, HELD_OUT, COMBINED = 200, 100, 20
GUIDANCES = (0.0, 1.0, 2.0, 4.0, 7.0)
WHITE = 245  # from where a pixel is ground


@dataclass(frozen=True)
class Judgement:
    """How pictures are made to be judged.

    Attributes:
        steps, guidance, sampler: see generation.Plan.
        seeds: of each trained caption's pictures.
        most: prompts of each kind, at most; 0 for all.
        copies: see combinations.
    """

    steps: int = 30
    guidance: float = 3.0
    sampler: str = "ddim"
    seeds: tuple[int, ...] = (0, 1)
    most: int = 0
    copies: int = 2

    @property
    def prompts(self) -> int:
        """How many pictures are judged."""
        return (self.most or TRAINED) * len(self.seeds) + (self.most or HELD_OUT)


def judge(maker: TextToImage, judge_: zoo.Network, how: Judgement) -> dict[str, float]:
    """Score what a model makes of 200 trained captions, and of 100 held out.

    Args:
        maker: text to image.
        judge_: a classifier of the same nine categories.
        how: how pictures are made.
    """
    trained, real = judged_prompts()
    held_out = held_out_prompts()
    if how.most:
        trained, real, held_out = trained[: how.most], real[: how.most], held_out[: how.most]
    features_of_real = last_features(judge_.module, real)[0]
    right, nearest = [], []
    for seed in how.seeds:
        pictures = make(maker, [captions.spoken(one) for one in trained], how, seed)
        right.append(_right(judge_.module, pictures, trained))
        features = last_features(judge_.module, pictures)[0]
        nearest.append(_cosine(features, features_of_real).argmax(1) == torch.arange(len(trained)))
    pictures = make(maker, [captions.spoken(one) for one in held_out], how, seed=0)
    return {
        "category": float(torch.cat(right).float().mean()),
        "nearest_is_target": float(torch.cat(nearest).float().mean()),
        "category_held_out": float(_right(judge_.module, pictures, held_out).float().mean()),
        **guidance_curve(maker, judge_, how),
        **judge_combinations(maker, judge_, how),
    }


def guidance_curve(maker: TextToImage, judge_: zoo.Network, how: Judgement) -> dict[str, float]:
    """How many of every second trained caption's pictures are of its category, by guidance: category_at_0 and so on."""
    told = judged_prompts()[0][: how.most or None : 2]
    found = {}
    for guidance in GUIDANCES:
        one = replace(how, guidance=guidance)
        pictures = make(maker, [captions.spoken(shown) for shown in told], one, seed=0)
        found[f"category_at_{guidance:g}"] = float(_right(judge_.module, pictures, told).float().mean())
    return found


def judge_combinations(maker: TextToImage, judge_: zoo.Network, how: Judgement) -> dict[str, float]:
    """Of prompts that join a colour and a thing as training never did: how many have the colour, the category, both."""
    told = combinations(how.copies)[: how.most or None]
    pictures = make(maker, [prompt for prompt, _, _ in told], how, seed=0)
    right = _right(judge_.module, pictures, [shown for _, _, shown in told])
    pixels = (pictures * 255).round().byte().permute(0, 2, 3, 1).numpy()
    drawn = (pixels.min(-1, keepdims=True) < WHITE).astype(np.uint8) * 255  # the ground is white
    degrees, share = captions.hue(np.concatenate([pixels, drawn], axis=-1))
    coloured = torch.tensor([
        bool(part > 0) and captions.colour_of(hue) == word
        for hue, part, (_, word, _) in zip(degrees, share, told, strict=True)
    ])  # fmt: skip
    return {
        "combination_colour": float(coloured.float().mean()),
        "combination_category": float(right.float().mean()),
        "combination_both": float((coloured & right).float().mean()),
    }


def combinations(copies: int) -> list[tuple[str, str, Shown]]:
    """40 prompts, fixed by rule: 20 things in each style, in a colour that no picture of them has had in training.

    Args:
        copies: how many copies in other colours each picture had.

    Returns:
        The prompt, the word for the colour, and the thing.
    """
    told, pictures = emoji_captions.emoji("judged"), emoji_captions.pictures("judged")
    found: list[tuple[str, str, Shown]] = []
    for style in emoji_captions.STYLES.values():
        rows = [i for i, one in enumerate(told) if one.style == style]
        some = [(rows[i], word) for i, word in captions.unseen(pictures[rows], [told[i] for i in rows], copies)]
        order = sorted(some, key=lambda row: hashlib.sha256(told[row[0]].code.encode()).digest())
        for i, word in order[:COMBINED]:
            name = captions.without_colour(told[i].name)
            found.append((f"{word} {name}, {style}", word, told[i]))
    return found


def judged_prompts() -> tuple[list[Shown], Tensor]:
    """The 200 trained emoji, in one style each by turns, and their pictures, 0 to 1, (200, 3, 64, 64)."""
    told, pictures = emoji_captions.emoji("judged"), emoji_captions.pictures("judged")
    half = len(told) // 2
    rows = [i if i % 2 else i + half for i in range(half)]  # all of one style come before all of the other
    shown = torch.from_numpy(data.on_white(pictures[rows])).permute(0, 3, 1, 2).float() / 255
    return [told[i] for i in rows], shown


def held_out_prompts() -> list[Shown]:
    """100 emoji that no training saw, spread over all of them, in one style each by turns."""
    told = emoji_captions.emoji("test")
    half = len(told) // 2
    rows = [int(i * half / HELD_OUT) for i in range(HELD_OUT)]
    return [told[row if k % 2 else row + half] for k, row in enumerate(rows)]


def make(maker: TextToImage, prompts: Sequence[str], how: Judgement, seed: int) -> Tensor:
    """A picture of each prompt, 0 to 1, (N, 3, H, W); each has noise of its own."""
    made = []
    for begin in range(0, len(prompts), AT_ONCE):
        part = list(prompts[begin : begin + AT_ONCE])
        plan = Plan(sampler=how.sampler, steps=how.steps, guidance=how.guidance, seed=seed * 1_000 + begin)
        made.append(maker.pictures(part, plan))
    return torch.cat(made)


def _right(module: nn.Module, pictures: Tensor, told: Sequence[Shown]) -> Tensor:
    with torch.inference_mode():
        return module(pictures).argmax(1) == torch.tensor([one.category for one in told])


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    return F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
