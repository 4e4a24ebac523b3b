"""Measured scores of a trained network on pictures that its training never saw."""

from __future__ import annotations

from typing import TypedDict

import torch

from glasswork import data as datasets
from glasswork import measuring, zoo
from glasswork.errors import GlassworkError


class Evaluation(TypedDict):
    """What `glasswork eval --json` prints."""

    recipe: str
    data: str
    n: int
    scores: dict[str, float]


def evaluate(target: str, data: str | None = None) -> Evaluation:
    """Score a classifier on the test split of a data set, each picture through the network's own preprocessing.

    Args:
        target: any TARGET whose labels are those of the data set, in their order.
        data: one of glasswork.data.names(); None for what the network was trained for.

    Returns:
        n: how many pictures; scores: see measuring.classification_scores.

    Raises:
        GlassworkError: the network or data set can't be loaded, or they don't fit each other.
    """
    network = zoo.load(target)
    data = data or (network.card.data if network.card else None)
    if data is None or network.preprocess is None:
        raise GlassworkError(
            f"{target} can't be scored",
            why="nothing says what it was trained on" if data is None else "nothing says what pictures it expects",
            todo=f"Name a data set with --data: {', '.join(datasets.names())}.",
        )
    examples = datasets.load(data, "test")
    if network.labels != examples.classes:
        raise GlassworkError(
            f"{target} can't be scored on {data}",
            why=f"it names {', '.join(network.labels) or 'nothing'}; the data has {', '.join(examples.classes)}",
            todo="Choose the data set that it was trained for.",
        )
    pictures = datasets.on_white(examples.pictures)
    inputs = torch.cat([network.preprocess(picture).inputs[0] for picture in pictures])  # (N, C, H, W)
    logits = measuring.predict(network.module, inputs)
    scores = measuring.classification_scores(logits, torch.tensor(examples.labels))
    return {
        "recipe": network.card.recipe if network.card else target,
        "data": data,
        "n": len(examples),
        "scores": scores,
    }
