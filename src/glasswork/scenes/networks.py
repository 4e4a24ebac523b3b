"""The networks that a page may open: those that ship, and the one that the reader named when starting the app."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from torch import nn

from glasswork import data, networks, recipes, zoo
from glasswork.data.phrases import phrase_names
from glasswork.data.texts import text_names
from glasswork.errors import GlassworkError, unknown
from glasswork.networks.lstm import Memory
from glasswork.networks.rnn import Elman
from glasswork.scenes.memory import check_room
from glasswork.scenes.messages import NetworkCard, Score
from glasswork.scenes.messages.speaking import SpokenNetwork
from glasswork.scenes.moments import PREFIXES, Moments
from glasswork.scenes.photo_networks import KEPT, PATCH_NETWORKS, PHOTO_NETWORKS, missing
from glasswork.scenes.pictures import IMAGENET
from glasswork.scenes.text_to_image_models import PARTS, TextToImageModels
from glasswork.scenes.workshop import is_workshop, network_of
from glasswork.zoo import Card, Network
from glasswork.zoo.packages import PACKAGED, is_here

RECURRENT = ("rnn", "gru", "lstm")
"""Those of ours are told of on a page together."""
REGISTRIES = ("torchvision:", "timm:")
"""Whose networks a page may name: all code in them is installed, and a name can't lead out of them."""
PAGES = {("tiny_vgg", ""): "cnn", ("perceptron", "mnist"): "perceptron", ("vit", ""): "vit", ("unet", ""): "unet"}
"""Architectures, on the data that they need, which have a page of their own; any other is drawn as a graph."""
SPEAKERS = {name: one for name, one in PACKAGED.items() if one.member.endswith(".gguf")}
"""Language models in packages: nothing of theirs is code."""
JUDGE = "emoji-judge"
OURS = "ours:"
MOST = 4
"""So many networks of registries are held."""


class Networks:
    """Loads each network once. A page can name what is listed here, or in a registry: never a path or a module.

    Args:
        targets: what may be opened besides what ships.
        weights: files of weights to put into some of these.
        moments: the networks of runs, at their steps.
        text_to_image: text-to-image models, whose parts are networks.
    """

    def __init__(
        self,
        targets: tuple[str, ...] = (),
        weights: Mapping[str, Path] | None = None,
        moments: Moments | None = None,
        text_to_image: TextToImageModels | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._loaded: dict[str, Network] = {}
        self._ours: dict[str, Network] = {}
        pictures = data.names()  # networks that tell them come first, the one with most to see before the others
        shipped = sorted(
            zoo.shipped(), key=lambda row: (row.data not in pictures or "accuracy" not in row.scores, -row.macs)
        )
        self.targets = tuple(dict.fromkeys((*targets, *(row.name for row in shipped))))
        self._named = {shown(target): target for target in reversed(self.targets)}
        self._weights = dict(weights or {})
        self._moments = moments
        self._text_to_image = text_to_image

    def load(self, name: str) -> Network:
        """The network of a listed target, by that or by what pages call it.

        Raises:
            GlassworkError: it is not listed, or it can't be loaded.
        """
        if self._moments is not None and name.startswith(PREFIXES):
            return self._moments.load(name)
        if self._text_to_image is not None and name.startswith(PARTS):
            return self._text_to_image.part(name)
        if is_workshop(name):
            return network_of(name)
        if name.startswith(OURS):  # one of another library, in our form
            return self._converted(name.removeprefix(OURS))
        target = self._named.get(name, name)
        known = target in self.targets or target in SPEAKERS or target in KEPT
        if not known and not target.startswith(REGISTRIES):
            raise unknown("network", name, list(self._named))
        with self._lock:
            if target not in self._loaded:
                if target in KEPT and target not in self.targets:
                    if error := missing(target):
                        raise error
                    check_room(target, memory_of(target))
                network = zoo.load(target)
                if target in KEPT:
                    network = replace(network, title=KEPT[target])
                if target in self._weights:
                    zoo.load_weights(network.module, self._weights[target])
                self._loaded[target] = network
                extra = [name for name in self._loaded if name not in self.targets]
                if len(extra) > MOST:
                    del self._loaded[extra[0]]
            return self._loaded[target]

    def _converted(self, name: str) -> Network:
        network = self.load(name)
        with self._lock:
            if network.target not in self._ours:
                self._ours[network.target] = zoo.as_reference(network)
            return self._ours[network.target]

    def speaker(self, name: str) -> Network:
        """A language model as its page reads it: of another library in our form, so that every step is written out.

        Raises:
            GlassworkError: it is not listed, of another form, not on this machine, or larger than its free memory.
        """
        if name in SPEAKERS:
            if not is_here(SPEAKERS[name]):
                raise GlassworkError(
                    f"the weights of {name} are not on this machine",
                    where=name,
                    why=f"they are {SPEAKERS[name].bytes / 1e6:.0f} MB in the package {SPEAKERS[name].package}",
                    todo=f"glasswork data fetch {name} gets them, with progress.",
                )
            if name not in self._loaded:
                check_room(name, memory_of(name))
        network = self.load(name)
        return self._converted(name) if network.target.startswith("hf:") else network

    def vision(self, name: str) -> Network:
        """A Vision Transformer as its page reads it: of another library in our form, so that every step is written out.

        Raises:
            GlassworkError: it is not listed, or of another form.
        """
        network = self.load(name)
        return self._converted(name) if network.target.startswith(("hf:", "torchvision:")) else network

    def beside(self, network: Network) -> list[str]:
        """Convolutional networks that ship, or whose weights were fetched, and tell the same classes apart."""
        if not network.labels:
            return []
        pictures = [row.name for row in zoo.shipped() if row.data in data.names() and row.name in self.targets]
        found = [(name, self.load(name)) for name in pictures]
        kept = next((name for name in PHOTO_NETWORKS if missing(name) is None), None)
        if kept and len(network.labels) == IMAGENET:
            found.append((kept, self.load(kept)))
        return [name for name, other in found if page_of(other) == "cnn" and other.labels == network.labels]

    def twins(self, network: Network) -> list[str]:
        """Networks that ship and differ from this one in nothing but their skip connections."""
        own = network.card
        if own is None or "skips" not in own.sizes:
            return []
        other = {**own.sizes, "skips": 1 - int(own.sizes["skips"])}
        return [
            card.name
            for card in zoo.shipped_cards()
            if (card.network, card.data, card.labels, card.sizes) == (own.network, own.data, own.labels, other)
        ]

    def convolutional(self) -> list[tuple[Card, str]]:
        """Those that ship and tell pictures apart by convolutions, the smallest first: the card, and the page of each;
        none is loaded for that."""
        named = [card for card in zoo.shipped_cards() if card.data in data.names() and card.name in self.targets]
        pages = [(card, page_of_card(card)) for card in named if "accuracy" in card.scores]
        return sorted((one for one in pages if one[1] in ("cnn", "race")), key=lambda one: (one[1], one[0].macs))

    def speakers(self, named: str | None = None) -> list[SpokenNetwork]:
        """Language models and translators: those that ship, those that were named, and those of packages.

        Args:
            named: that of a run at a step, where it can be loaded; when it is opened it says why not.
        """
        found: list[SpokenNetwork] = []
        shipped = {row.name for row in zoo.shipped() if row.data in (*text_names(), *phrase_names())}
        for target in self.targets:
            if target.startswith("hf:") or (target not in shipped and "/" in target) or target in shipped:
                try:
                    network = self.load(target)
                except GlassworkError:
                    continue
                gpt = network.card is not None and network.card.network == "gpt" and network.vocabulary is not None
                translates = reads_pairs(network)
                if gpt or translates or target.startswith("hf:"):
                    name, title = shown(target), network.title
                    found.append(
                        SpokenNetwork(name=name, title=title, here=True, todo="", bytes=0, translates=translates)
                    )
        for name, one in SPEAKERS.items():
            here = is_here(one)
            todo = "" if here else f"glasswork data fetch {name}"
            found.append(SpokenNetwork(name=name, title="SmolLM2 135M", here=here, todo=todo, bytes=memory_of(name)))
        if named and named.startswith(PREFIXES) and named not in {one.name for one in found}:
            with contextlib.suppress(GlassworkError):
                other = self.load(named)
                translates = reads_pairs(other)
                one = SpokenNetwork(name=named, title=other.title, here=True, todo="", bytes=0, translates=translates)
                found.append(one)
        return found

    def cards(self) -> list[NetworkCard]:
        """Every network that can be loaded; one that can't says why when it is opened.

        Raises:
            GlassworkError: none can be loaded.
        """
        found, failed = [], []
        for target in self.targets:
            try:
                network = self.load(target)
                if not is_part(network):
                    found.append(network_card(network))
            except GlassworkError as error:
                failed.append(error)
        if failed and not found:
            raise failed[0]
        return found


@cache
def memory_of(name: str) -> int:
    """Bytes of a reference network's weights in memory, counted without making one."""
    with torch.device("meta"):
        module = networks.build(name)
    return sum(value.numel() * value.element_size() for value in module.parameters())


def shown(target: str) -> str:
    """A target as pages name it: without the folders that lead to it on this machine."""
    library, separator, place = target.partition("hf:") if target.startswith("hf:") else ("", "", target)
    if not re.match(r"[/\\~]|[A-Za-z]:[/\\]", place):
        return target
    return f"{library}{separator}{Path(place.rstrip('/')).name}"


def is_part(network: Network) -> bool:
    """Whether it ships for another's sake, and is seen with that: parts of the text-to-image model, and its judge."""
    card = network.card
    if card is None or network.weights != "shipped":
        return False
    return card.diffusion.get("part", "denoiser") != "denoiser" or card.recipe == JUDGE


def reads_pairs(network: Network) -> bool:
    """Whether it is a Transformer that translates: what /transformer looks into."""
    return network.translation is not None and network.card is not None and network.card.network == "transformer"


def page_of(network: Network) -> str:
    """The page that shows a network best."""
    card = network.card
    if card is None:
        if network.weights != "random" and network.target in KEPT:
            return "vit" if network.target in PATCH_NETWORKS else "cnn"
        return "open"
    if card.diffusion.get("part") == "denoiser":
        return "diffusion"
    if reads_pairs(network) or (card.network == "gpt" and network.vocabulary is not None):
        return "transformer"
    if card.network == "lstm" and network.vocabulary is not None:
        return "lstm"
    if network.makes is not None and (not network.makes.width or network.weights == "shipped"):
        return "gan"
    if card.network in RECURRENT and network.weights == "shipped":
        return "rnn"
    return page_of_card(card)


def page_of_card(card: Card) -> str:
    """The page of a network that tells things apart, by its card alone."""
    if card.recipe in recipes.RACERS:
        return "race"
    return PAGES.get((card.network, ""), PAGES.get((card.network, card.data), "open"))


def _recurrent(network: Network) -> str:
    """Which recurrent layers it has, where one can be seen over time."""
    for module in network.module.modules():
        if isinstance(module, (Memory, nn.LSTM)):
            return "lstm"
        if isinstance(module, (Elman, nn.RNN)):
            return "rnn"
    return ""


def network_card(network: Network) -> NetworkCard:
    """A network as the gallery and the menus name it."""
    card = network.card
    shape = network.preprocess
    scores = [] if card is None else [
        Score(name=name, value=value, data=card.data, count=card.tested_on) for name, value in card.scores.items()
    ]  # fmt: skip
    return NetworkCard(
        name=shown(network.target),
        title=network.title,
        page=page_of(network),
        parameters=network.parameters,
        classes=list(network.labels),
        channels=0 if shape is None else shape.channels,
        size=[] if shape is None or not shape.size else [shape.size, shape.size],
        data="" if card is None else card.data,
        licence="" if card is None else card.licence,
        scores=scores,
        steps=0 if card is None else card.steps,
        trained_on=0 if card is None else card.trained_on,
        draws=shape is not None and shape.channels == 1,
        light_on_dark=shape is not None and shape.light_on_dark,
        reads_text=zoo.reads_text(network),
        weights=network.weights,
        recurrent=_recurrent(network),
    )
