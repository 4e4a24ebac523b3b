"""The trained networks of ours: those that ship, and those in a run folder."""

from __future__ import annotations

from pathlib import Path

import msgspec
import torch

import glasswork
from glasswork import data, networks
from glasswork.zoo.card import Card, read_card
from glasswork.zoo.network import Network, softmax
from glasswork.zoo.preprocessing import Preprocessing
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
        check_fit(networks.build(card.network, **card.sizes), values, where=str(weights))
    module = networks.build(card.network, **card.sizes)
    fill(module, values, where=str(weights))
    return Network(
        target=target,
        name=card.name,
        title=card.title,
        module=module.eval(),
        preprocess=expected_picture(card),
        labels=card.labels,
        card=card,
        samples=tuple(data.samples(card.data)),
        after=softmax,
        weights=source,
    )


def expected_picture(card: Card) -> Preprocessing:
    """What a network of ours expects of a picture."""
    return Preprocessing(card.sizes["size"], card.sizes["channels"], light_on_dark=card.light_on_dark)
