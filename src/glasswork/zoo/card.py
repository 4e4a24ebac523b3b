"""What is known of trained weights: where from, on what, how well. A JSON file beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from glasswork.errors import GlassworkError


class OverSeeds(msgspec.Struct, frozen=True, kw_only=True):
    """One score of runs that differ in nothing but their seed.

    Attributes:
        score: its name.
        seeds: of the runs; the weights are those of one of them.
        each: the score of each.
        mean: of them.
        spread: their standard deviation (N - 1).
    """

    score: str
    seeds: tuple[int, ...]
    each: tuple[float, ...]
    mean: float
    spread: float


class Card(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A model card.

    Attributes:
        name: the trained network's name, which is its recipe's.
        title: the same for people.
        network: the architecture, a name in glasswork.networks; never an import path.
        sizes: the architecture's sizes.
        data: the data set's name.
        split: how its pictures were divided, in one sentence.
        trained_on: how many pictures the weights were fitted to.
        validated_on: how many training pictures chose the checkpoint; 0 when the last one was kept.
        tested_on: how many pictures the scores are measured on; training never saw them.
        labels: the classes, in the order of the logits; none where the outputs have no names.
        light_on_dark: whether the training pictures were white on black.
        picture: what it expects of a picture beside size and channels, as the fields of Preprocessing; empty for
            networks that take 0..1.
        text: of a language model: tokens (characters or bytes), letters, window (the tokens that it was trained to
            see at once) and sample, a text that it was not trained on.
        table: of a network that reads a table's rows, the fields of zoo.Rows.
        forecast: of a network that tells a series' future, the fields of zoo.Forecast.
        utterance: of a network that reads sequences of many numbers, the fields of zoo.Utterance.
        translation: of a network that translates, the fields of zoo.Translation.
        diffusion: of a part of a text-to-image model: which part, and of the denoiser the names of the others and the
            schedule of its noise.
        makes: of a network with a generator, the fields of zoo.Makes.
        steps: the step of the checkpoint.
        planned_steps: how many the run was to take.
        seconds: how long it took, on one thread.
        scores: measured on the test pictures.
        over_seeds: of a score that was measured on runs from several seeds: which score, the seeds, each run's, their
            mean and standard deviation.
        settings: the recipe's other settings, as they were.
        parameters: how many numbers were learned.
        macs: multiply-adds for one picture.
        licence: of the weights.
        torch: PyTorch's version.
        trained: the day, as YYYY-MM-DD.
        sha256: of the weights' file, which has `bytes` bytes.
    """

    name: str
    title: str
    recipe: str
    network: str
    sizes: dict[str, int | float | str]
    data: str
    split: str
    trained_on: int
    validated_on: int
    tested_on: int
    seed: int
    steps: int
    planned_steps: int
    seconds: float
    scores: dict[str, float]
    settings: dict[str, str | int | float | bool]
    parameters: int
    macs: int
    licence: str
    torch: str
    trained: str
    over_seeds: OverSeeds | None = None
    labels: tuple[str, ...] = ()
    light_on_dark: bool = False
    picture: dict[str, Any] = {}
    text: dict[str, Any] = {}
    table: dict[str, Any] = {}
    forecast: dict[str, Any] = {}
    utterance: dict[str, Any] = {}
    translation: dict[str, Any] = {}
    diffusion: dict[str, Any] = {}
    makes: dict[str, Any] = {}
    sha256: str = ""
    bytes: int = 0


def read_card(path: Path) -> Card:
    """Read a model card.

    Raises:
        GlassworkError: the file is missing, is no JSON, or lacks a field.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Card)
    except OSError as error:
        raise GlassworkError(
            "a model card is missing",
            where=str(path),
            why=error.strerror or str(error),
            todo="Every weight file has a card beside it; install Glasswork again, or train the recipe again.",
        ) from error
    except msgspec.MsgspecError as error:
        raise GlassworkError(
            "a model card can't be read", where=str(path), why=str(error), todo="Train the recipe again."
        ) from error


def encode_card(card: Card) -> bytes:
    """The card as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(card), indent=2) + b"\n"
