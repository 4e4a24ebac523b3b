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
from glasswork.randomness import seeded
from glasswork.zoo.card import Card, read_card
from glasswork.zoo.libraries import build_from_library
from glasswork.zoo.makes import Makes
from glasswork.zoo.network import After, Network, softmax, softmax_of_maps
from glasswork.zoo.preprocessing import Preprocessing
from glasswork.zoo.rows import Rows
from glasswork.zoo.sequences import Forecast, Utterance
from glasswork.zoo.storing import check_fit, fill, read_weights
from glasswork.zoo.translating import Translation

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


def shipped_cards() -> list[Card]:
    """The cards of the trained networks that ship.

    Raises:
        GlassworkError: a card can't be read.
    """
    return [read_card(WEIGHTS / f"{name}.json") for name in shipped_names()]


def shipped() -> list[Shipped]:
    """What ships, with size, cost, data and measured score, from the cards.

    Raises:
        GlassworkError: a card can't be read.
    """
    cards = shipped_cards()
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
    reads = _reads(card, module)
    part = card.diffusion.get("part", "")  # of a text-to-image model: pictures are read by its autoencoder alone
    pictures = reads is None and part in ("", "autoencoder")
    if part:
        with seeded(0):
            example = networks.example(module)
        module.example_input_array = example  # pyright: ignore[reportArgumentType]
    return Network(
        target=target,
        name=card.name,
        title=card.title,
        module=module.eval(),
        preprocess=expected_picture(card) if pictures else None,
        labels=card.labels,
        card=card,
        samples=tuple(data.samples(card.data)) if pictures and card.data in data.names() and not part else (),
        after=_after(card, pictures),
        weights=source,
        vocabulary=reads if isinstance(reads, Vocabulary) else None,
        rows=reads if isinstance(reads, Rows) else None,
        forecast=reads if isinstance(reads, Forecast) else None,
        utterance=reads if isinstance(reads, Utterance) else None,
        translation=reads if isinstance(reads, Translation) else None,
        makes=reads if isinstance(reads, Makes) else None,
    )


def _after(card: Card, pictures: bool) -> After | None:
    """What makes probabilities of the outputs, where these are bare sums."""
    if card.network == "unet":
        return softmax_of_maps if card.labels else None
    gives_logits = card.sizes.get("output_activation", "identity") == "identity"
    named = bool(card.labels or pictures or card.text)
    return softmax if gives_logits and named and not card.diffusion.get("part", "") else None


Reads = Vocabulary | Rows | Forecast | Utterance | Translation | Makes
Example = torch.Tensor | tuple[torch.Tensor, ...] | None


def _reads(card: Card, module: nn.Module) -> Reads | None:
    """What a network of ours reads instead of pictures; its sample becomes the module's example.

    Raises:
        GlassworkError: the card says it in a way that means nothing.
    """
    try:
        reads, example = _told(card)
    except (msgspec.ValidationError, ValueError) as error:
        raise GlassworkError("a model card can't be read", where=card.name, why=str(error)) from error
    if example is not None and (isinstance(example, tuple) or example.numel()):
        module.example_input_array = example  # pyright: ignore[reportArgumentType]
    return reads


def _told(card: Card) -> tuple[Reads | None, Example]:
    if card.text:
        told = msgspec.convert(card.text, _Text)
        vocabulary = Vocabulary(told.tokens, told.letters)
        tokens = vocabulary.encode(told.sample[: told.window])[: told.window]
        return vocabulary, torch.from_numpy(tokens).long()[None]
    if card.table:
        rows = msgspec.convert(card.table, Rows)
        return rows, rows.read(", ".join(f"{name}={value}" for name, value in rows.sample.items()))
    if card.forecast:
        forecast = msgspec.convert(card.forecast, Forecast)
        return forecast, forecast.example
    if card.utterance:
        utterance = msgspec.convert(card.utterance, Utterance)
        return utterance, utterance.read(utterance.sample)
    if card.translation:
        translation = msgspec.convert(card.translation, Translation)
        if translation.tokens.size != card.sizes.get("vocabulary"):
            raise ValueError(f"{translation.tokens.size} tokens for a vocabulary of {card.sizes.get('vocabulary')}")
        source = torch.tensor([translation.encode(translation.sample)])
        return translation, (source, torch.tensor([[translation.start]]))
    if card.makes:
        makes = msgspec.convert(card.makes, Makes)
        return makes, torch.randn(1, makes.numbers, generator=torch.Generator().manual_seed(0))
    return None, None


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
