"""The next token: what may be drawn, with what probability, and what the seed draws."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from glasswork import generation
from glasswork.scenes.messages import speaking as s
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.spoke import Spoke
from glasswork.zoo import Tokenizer

OUTLINE = 160
"""Ranks at which the outline of all shares is given."""
MOST = 50
"""Tokens that are listed."""


def next_tokens(spoke: Spoke, sampled: s.Sampled, most: int, request: int) -> tuple[s.Nexts, list[np.ndarray]]:
    """The table of next tokens after the run's position.

    Args:
        spoke: the run.
        sampled: how one is drawn.
        most: how many are listed.
        request: whose answer it is.

    Raises:
        GlassworkError: a setting is out of its range.
    """
    how = sampling(sampled)
    logits = spoke.logits.double()
    tempered = torch.softmax(logits / (how.temperature or 1.0), 0)
    free = without(logits, spoke.words)
    drawn_at = generation.shares(free, how)
    token = generation.drawn(drawn_at, generation.uniform(sampled.seed, spoke.tokens[: spoke.at + 1]))
    listed = logits.topk(min(max(1, most), MOST, len(logits))).indices.tolist()
    listed = listed if token in listed else [*listed[:-1], token]
    t = f"{how.temperature:g}"
    cut = f"{t}/{how.top_k}/{how.top_p:g}/{how.min_p:g}"
    choices = []
    for one in listed:
        scaled = None
        if how.temperature:
            scaled = Number(spoke.ref(f"scaled/{t}/{spoke.at}", one), logits[one].item() / how.temperature)
        choices.append(
            s.Choice(
                word=spoke.word(one),
                logit=spoke.number("lm_head", 0, spoke.at, one),
                scaled=scaled,
                share=Number(spoke.ref(f"share/{t if how.temperature else '1'}/{spoke.at}", one), tempered[one].item()),
                drawn_at=Number(spoke.ref(f"drawn/{cut}/{spoke.at}", one), drawn_at[one].item()),
                kept=bool(drawn_at[one] > 0),
            )
        )
    falling = tempered.sort(descending=True).values
    count = len(falling)
    places = np.unique(np.round(np.geomspace(1, count, min(OUTLINE, count))).astype(int)) - 1
    outline = torch.stack([torch.from_numpy(places + 1.0), falling[torch.from_numpy(places)]])
    entry = Array(
        ref=f"text:{spoke.id}#ranked/{t if how.temperature else '1'}/{spoke.at}@value",
        shape=list(outline.shape),
        dtype="float32",
    )
    answer = s.Nexts(
        request=request,
        choices=choices,
        kept=int((drawn_at > 0).sum()),
        drawn=spoke.word(token),
        arrays=[entry],
    )
    return answer, [outline.float().numpy()]


def sampling(how: s.Sampled) -> generation.Sampling:
    """How a token is drawn.

    Raises:
        GlassworkError: a setting is out of its range.
    """
    return generation.Sampling(how.temperature, how.top_k, how.top_p, how.min_p)


def unwritten(words: Tokenizer) -> frozenset[int]:
    """Tokens that are never drawn: nobody can read what stands for unknown characters."""
    return frozenset({0}) if words.kind == "characters" else frozenset()


def without(logits: Tensor, words: Tokenizer) -> Tensor:
    """Logits (V) with those that are never drawn at -infinity."""
    never = sorted(unwritten(words))
    if not never:
        return logits
    free = logits.clone()
    free[never] = -torch.inf
    return free
