"""Which of a classifier's scores is followed."""

from __future__ import annotations

import torch

from glasswork.errors import GlassworkError
from glasswork.zoo import Network


def chosen_score(network: Network, inputs: tuple[torch.Tensor, ...], wanted: int | None) -> int:
    """The score that is followed: the wanted one, or the network's own choice.

    Raises:
        GlassworkError: the module can't take the inputs, what it returns are no class scores, or there is no such one.
    """
    try:
        with torch.inference_mode():
            logits = network.module(*inputs)
    except Exception as error:  # whatever a reader's module raises
        raise GlassworkError(
            f"{network.title} can't take this picture",
            where=network.target,
            why=str(error)[:300] or type(error).__name__,
            todo="Give it a picture of the size that it was made for; glasswork trace shows how far it comes.",
        ) from error
    if not isinstance(logits, torch.Tensor) or logits.dim() != 2 or len(logits) != 1:
        found = list(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise GlassworkError(
            f"{network.title} is no classifier of pictures",
            where=network.target,
            why=f"this page reads one row of class scores, (1, K); it returned {found}",
            todo="Look at it with glasswork trace.",
        )
    chosen = int(logits[0].argmax()) if wanted is None else wanted
    if not 0 <= chosen < logits.shape[-1]:
        raise GlassworkError(
            f"there is no score {chosen}",
            where=network.title,
            why=f"it has {logits.shape[-1]} classes",
            todo="Choose one of them.",
        )
    return chosen
