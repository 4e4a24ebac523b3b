"""The trained networks of ours: those that ship, and those in a run folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import torch
from torch import nn

import glasswork
from glasswork import data, networks
from glasswork.data.tokens import Vocabulary
from glasswork.errors import GlassworkError
from glasswork.zoo.card import Card, read_card
from glasswork.zoo.libraries import build_from_library
from glasswork.zoo.network import Network, softmax
from glasswork.zoo.preprocessing import Preprocessing
from glasswork.zoo.rows import Rows
from glasswork.zoo.storing import check_fit, fill, read_weights

WEIGHTS = Path(glasswork.__file__).parent / "weights"
RUN_WEIGHTS, RUN_CARD = "model.safetensors", "card.json"


class Shipped(msgspec.Struct, frozen=True):
    """One row of `glasswork networks`."""

    name: str
    recipe: str
    parameters: int
    macs: int
    data: str
    scores: dict[str, float]
    bytes: int
    licence: str
    title: str


def shipped_names() -> list[str]:
    """The names of the trained networks that ship."""
    return sorted(path.stem for path in WEIGHTS.glob("*.json"))


def shipped() -> list[Shipped]:
    """What ships, with size, cost, data and measured score, from the cards.

    Raises:
        GlassworkError: a card can't be read.
    """
    cards = [read_card(WEIGHTS / f"{name}.json") for name in shipped_names()]
    return [
        Shipped(c.name, c.recipe, c.parameters, c.macs, c.data, c.scores, c.bytes, c.licence, c.title) for c in cards
    ]


def load_shipped(name: str) -> Network:
    """Load a trained network that ships.

    Raises:
        GlassworkError: its weights or card are missing, damaged, or don't fit the network.
    """
    return from_card(name, read_card(WEIGHTS / f"{name}.json"), WEIGHTS / f"{name}.safetensors", "shipped")


def load_run(folder: Path) -> Network:
    """Load the checkpoint of a run folder; errors as in load_shipped."""
    return from_card(str(folder), read_card(folder / RUN_CARD), folder / RUN_WEIGHTS, "run")


def from_card(target: str, card: Card, weights: Path, source: str) -> Network:
    """Build the network that a card describes, and fill it with the weights that the card vouches for."""
    values = read_weights(weights, card)
    with torch.device("meta"):
        check_fit(build(card.network, card.sizes), values, where=str(weights))
    module = build(card.network, card.sizes)
    fill(module, values, where=str(weights))
    return described(target, card, module, source)


def described(target: str, card: Card, module: nn.Module, source: str) -> Network:
    """A network of ours, from its card and the module that holds its weights.

    Raises:
        GlassworkError: the card says in a way that means nothing what it reads.
    """
    vocabulary, rows = _reads(card, module)
    return Network(
        target=target,
        name=card.name,
        title=card.title,
        module=module.eval(),
        preprocess=None if vocabulary or rows else expected_picture(card),
        labels=card.labels,
        card=card,
        samples=tuple(data.samples(card.data)) if card.data in data.names() else (),
        after=softmax if _gives_logits(card) and (card.labels or not (vocabulary or rows)) else None,
        weights=source,
        vocabulary=vocabulary,
        rows=rows,
    )


def _gives_logits(card: Card) -> bool:
    """Whether the outputs are bare sums, of which a softmax makes probabilities."""
    return card.sizes.get("output_activation", "identity") == "identity"


def _reads(card: Card, module: nn.Module) -> tuple[Vocabulary | None, Rows | None]:
    """What a network of ours reads instead of pictures; its sample becomes the module's example.

    Raises:
        GlassworkError: the card says it in a way that means nothing.
    """
    example: torch.Tensor | None = None
    vocabulary = rows = None
    try:
        if card.text:
            told = msgspec.convert(card.text, _Text)
            vocabulary = Vocabulary(told.tokens, told.letters)
            example = torch.from_numpy(vocabulary.encode(told.sample[: told.window])[: told.window]).long()[None]
        elif card.table:
            rows = msgspec.convert(card.table, Rows)
            example = rows.read(", ".join(f"{name}={value}" for name, value in rows.sample.items()))
    except msgspec.ValidationError as error:
        raise GlassworkError("a model card can't be read", where=card.name, why=str(error)) from error
    if example is not None and example.numel():
        module.example_input_array = example
    return vocabulary, rows


class _Text(msgspec.Struct, frozen=True):
    tokens: Literal["characters", "bytes"]
    window: int
    letters: str = ""
    sample: str = ""


def build(network: str, sizes: Mapping[str, Any]) -> nn.Module:
    """A bare network with random weights (torch's global generator).

    Args:
        network: a name of glasswork.networks, or torchvision:NAME or timm:NAME, whose only size is `classes`.
        sizes: its sizes.

    Raises:
        GlassworkError: there is no such network.
    """
    if network.startswith(("torchvision:", "timm:")):
        return build_from_library(network, int(sizes["classes"]))
    return networks.build(network, **sizes)


def expected_picture(card: Card) -> Preprocessing:
    """What a network of ours, or one that began from a library's, expects of a picture.

    Raises:
        GlassworkError: the card says it in a way that means nothing.
    """
    try:
        told = msgspec.convert(card.picture, _Picture)
    except msgspec.ValidationError as error:
        raise GlassworkError("a model card can't be read", where=card.name, why=f"picture: {error}") from error
    return Preprocessing(
        int(card.sizes.get("size", told.size)),
        int(card.sizes.get("channels", told.channels)),
        light_on_dark=card.light_on_dark,
        shorter_side=told.shorter_side,
        filter=told.filter,
        mean=told.mean,
        std=told.std,
    )


class _Picture(msgspec.Struct, frozen=True):
    size: int = 0
    channels: int = 0
    shorter_side: int = 0
    filter: Literal["bilinear", "bicubic"] = "bilinear"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
