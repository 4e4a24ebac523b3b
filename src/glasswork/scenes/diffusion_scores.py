"""How well a text-to-image model follows its words: what its card says, and prompts that no training has seen."""

from __future__ import annotations

from functools import cache

from glasswork.data import emoji_captions
from glasswork.scenes.messages import diffusion as d
from glasswork.scenes.messages.base import Number
from glasswork.scenes.text_to_image_models import Opened, card_of
from glasswork.training import combinations

AT = "category_at_"


def scored(request: d.OpenPromptScores, opened: Opened) -> d.PromptScores:
    """The scores of a model's card, and the prompts of its combinations; none of a model without a card."""
    card = card_of(opened.target)
    scores = card.scores if card else {}
    numbers = {name: Number(f"measure:{opened.name}#{name}@value", value) for name, value in scores.items()}
    emoji = card is not None and card.data == emoji_captions.NAME
    return d.PromptScores(
        request=request.request,
        title=opened.title,
        by_guidance=[
            d.AtGuidance(float(name.removeprefix(AT)), value) for name, value in numbers.items() if name.startswith(AT)
        ],
        scores=[d.Scored(name, value) for name, value in numbers.items() if not name.startswith(AT)],
        prompts=_prompts(int(card.settings.get("copies", 0))) if card and emoji else [],
        trained_on=card.trained_on if card else 0,
        steps=card.steps if card else 0,
    )


@cache
def _prompts(copies: int) -> list[str]:
    return [prompt for prompt, _, _ in combinations(copies)]
