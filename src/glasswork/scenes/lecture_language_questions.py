"""Questions of lessons that networks of language answer as they run here: what comes next, and what it is in French."""

from __future__ import annotations

import math
from collections.abc import Callable
from urllib.parse import quote

import torch

from glasswork import zoo
from glasswork.errors import GlassworkError
from glasswork.generation import likeliest, reader
from glasswork.generation.beams import path
from glasswork.generation.translation import beams_of
from glasswork.scenes.anatomy import anatomy
from glasswork.scenes.language_models import most_tokens
from glasswork.scenes.lecture_choices import Found
from glasswork.scenes.lecture_runs import LessonRuns
from glasswork.scenes.messages.base import Number
from glasswork.scenes.pairs import PairRun, after
from glasswork.scenes.spoke import Spoke


def next_token(runs: LessonRuns, network: str, text: str) -> Found:
    """next NETWORK TEXT: the token that a language model thinks likeliest."""
    loaded = runs.networks.speaker(network)
    words, parts = zoo.tokenizer(loaded), anatomy(loaded)
    ids = words.encode(text)[-most_tokens(parts) :]
    id, trace = runs.traces.run(loaded, (torch.tensor([ids]),), None)
    spoke = Spoke(id, trace, loaded, parts, len(ids) - 1, words)
    token = likeliest(spoke.logits)
    return Found(said(words.decode([token])), (spoke.probability(token),), "sure")


def said(token: str) -> str:
    """A token as it can be read: a space has no ink."""
    return {" ": "space", "\n": "line end"}.get(token, token)


def tokens(runs: LessonRuns, network: str, text: str) -> Found:
    """tokens NETWORK TEXT: into how many tokens a text is cut."""
    loaded = runs.networks.load(network)
    words = loaded.translation or reader(loaded)[1]
    return Found(numbers=(Number(f"network:{network}#tokens/{quote(text, safe='')}@count", len(words.encode(text))),))


def translation(runs: LessonRuns, network: str, text: str) -> Found:
    """translation NETWORK TEXT: what a translator makes of it, by the likeliest token each time."""
    loaded = runs.networks.load(network)
    if loaded.translation is None:
        raise GlassworkError(f"{network} does not translate", where=network)
    words = loaded.translation
    ids = words.encode(text)
    nodes, best = beams_of(loaded.module, words, ids, 1)
    id, trace = runs.traces.run(loaded, (torch.tensor([ids]), torch.tensor([[words.start]])), None)
    *before, last = path(nodes, best[-1])
    run = PairRun(id, trace, loaded, words, 0)
    chance = Number(run.ref(f"chance/{after(before)}", last), math.exp(nodes[best[-1]].total))
    return Found(words.decode([*before, last]), (chance,), "sure")


LANGUAGE_QUESTIONS: dict[str, Callable[..., Found]] = {
    "next": next_token,
    "tokens": tokens,
    "translation": translation,
}
