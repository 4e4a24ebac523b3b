"""Measured scores of a trained network on pictures that its training never saw."""

from __future__ import annotations

from typing import TypedDict

import torch

from glasswork import data as datasets
from glasswork import measuring, training, zoo
from glasswork.data import given
from glasswork.errors import GlassworkError

MOST = 20  # names in an error


class Evaluation(TypedDict):
    """What `glasswork eval --json` prints."""

    recipe: str
    data: str
    n: int
    scores: dict[str, float]


def evaluate(target: str, data: str | None = None) -> Evaluation:
    """Score a classifier on the held-out part of a data set, each picture through the network's own preprocessing.

    Args:
        target: any TARGET whose labels are those of the data set.
        data: one of glasswork.data.names(), or one's own (folder:DIR ...); None for what the network was trained for.

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
    if given.is_given(data):
        return _evaluate_given(target, network, network.preprocess, data)
    examples = datasets.load(data, "test")
    if network.labels != examples.classes:
        raise _no_fit(target, data, network.labels, examples.classes)
    pictures = datasets.on_white(examples.pictures)
    inputs = torch.cat([network.preprocess(picture).inputs[0] for picture in pictures])  # (N, C, H, W)
    logits = measuring.predict(network.module, inputs)
    return {
        "recipe": network.card.recipe if network.card else target,
        "data": data,
        "n": len(examples),
        "scores": measuring.classification_scores(logits, torch.tensor(examples.labels)),
    }


def _evaluate_given(target: str, network: zoo.Network, prepare: zoo.Preprocessing, data: str) -> Evaluation:
    """Scores on one's own pictures: those that were held out, where the network was trained on this data."""
    files = given.read_pictures(data)
    settings = network.card.settings if network.card and network.card.data == data else None
    if settings is not None:
        held_out, aside = float(settings["held_out"]), min(0.1, float(settings["validation"]) / len(files))
        files = training.held_out(files, held_out, aside)
    elif "test" in files.splits:
        files = files.take([i for i, part in enumerate(files.splits) if part == "test"])
    place = _places(network.labels, files.classes)
    if place is None:
        raise _no_fit(target, data, network.labels, files.classes)
    scores, count = training.score_files(network.module, files, prepare, place)
    return {"recipe": network.card.recipe if network.card else target, "data": data, "n": count, "scores": scores}


def _places(labels: tuple[str, ...], classes: tuple[str, ...]) -> list[int] | None:
    """Which output stands for each class: that of its name, or for folders named by numbers, that number."""
    if classes and all(name in labels for name in classes):
        return [labels.index(name) for name in classes]
    if classes and all(name.isdecimal() and int(name) < len(labels) for name in classes):
        return [int(name) for name in classes]
    return None


def _no_fit(target: str, data: str, labels: tuple[str, ...], classes: tuple[str, ...]) -> GlassworkError:
    def few(names: tuple[str, ...]) -> str:
        return ", ".join(names[:MOST]) + (f" and {len(names) - MOST:,} more" if len(names) > MOST else "")

    return GlassworkError(
        f"{target} can't be scored on {data}",
        why=f"it names {few(labels) or 'nothing'}; the data has {few(classes)}",
        todo="Choose the data set that it was trained for.",
    )
