"""How well pictures follow the prompts they were made from, by a classifier that was trained apart from the maker.

category: how many pictures are of their prompt's category, by the judge. nearest_is_target: to how many the prompted
picture is the nearest of all that are judged by, in the judge's features. The same of captions held out of all
training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import data, zoo
from glasswork.data import captions, emoji_captions
from glasswork.data.emoji_captions import Shown
from glasswork.generation import Plan, TextToImage

AT_ONCE = 25
TRAINED, HELD_OUT = 200, 100


@dataclass(frozen=True)
class Judgement:
    """How pictures are made to be judged.

    Attributes:
        steps, guidance, sampler: see generation.Plan.
        seeds: of each trained caption's pictures.
        most: prompts of each kind, at most; 0 for all.
    """

    steps: int = 30
    guidance: float = 3.0
    sampler: str = "ddim"
    seeds: tuple[int, ...] = (0, 1)
    most: int = 0

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
    features_of_real = _features(judge_.module, real)
    right, nearest = [], []
    for seed in how.seeds:
        pictures = make(maker, [captions.spoken(one) for one in trained], how, seed)
        right.append(_right(judge_.module, pictures, trained))
        features = _features(judge_.module, pictures)
        nearest.append(_cosine(features, features_of_real).argmax(1) == torch.arange(len(trained)))
    pictures = make(maker, [captions.spoken(one) for one in held_out], how, seed=0)
    return {
        "category": float(torch.cat(right).float().mean()),
        "nearest_is_target": float(torch.cat(nearest).float().mean()),
        "category_held_out": float(_right(judge_.module, pictures, held_out).float().mean()),
    }


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


def _features(module: nn.Module, pictures: Tensor) -> Tensor:
    """What the last layer of a classifier sees of each picture, (N, F)."""
    *_, last = (part for part in module.modules() if isinstance(part, nn.Linear))
    seen: list[Tensor] = []
    hook = last.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        with torch.inference_mode():
            for part in pictures.split(64):
                module(part)
    finally:
        hook.remove()
    return torch.cat(seen)


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    return F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
