"""The networks that a page may open: those that ship, and the one that the reader named when starting the app."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from pathlib import Path

from torch import nn

from glasswork import data, zoo
from glasswork.errors import GlassworkError, unknown
from glasswork.networks.lstm import Memory
from glasswork.networks.rnn import Elman
from glasswork.scenes.messages import NetworkCard, Score
from glasswork.scenes.moments import PREFIXES, Moments
from glasswork.zoo import Network

RECURRENT = ("rnn", "gru", "lstm")
"""Those of ours are told of on a page together."""
REGISTRIES = ("torchvision:", "timm:")
"""Whose networks a page may name: all code in them is installed, and a name can't lead out of them."""
PAGES = {("tiny_vgg", ""): "cnn", ("perceptron", "mnist"): "perceptron"}
"""Architectures, on the data that they need, which have a page of their own; any other is drawn as a graph."""
MOST = 4
"""So many networks of registries are held."""


class Networks:
    """Loads each network once. A page can name what is listed here, or in a registry: never a path or a module.

    Args:
        targets: what may be opened besides what ships.
        weights: files of weights to put into some of these.
        moments: the networks of runs, at their steps.
    """

    def __init__(
        self,
        targets: tuple[str, ...] = (),
        weights: Mapping[str, Path] | None = None,
        moments: Moments | None = None,
    ) -> None:
        self._lock = threading.Lock()
        self._loaded: dict[str, Network] = {}
        pictures = data.names()  # networks that read them come first, the one with most to see before the others
        shipped = sorted(zoo.shipped(), key=lambda row: (row.data not in pictures, -row.macs))
        self.targets = tuple(dict.fromkeys((*targets, *(row.name for row in shipped))))
        self._named = {shown(target): target for target in reversed(self.targets)}
        self._weights = dict(weights or {})
        self._moments = moments

    def load(self, name: str) -> Network:
        """The network of a listed target, by that or by what pages call it.

        Raises:
            GlassworkError: it is not listed, or it can't be loaded.
        """
        if self._moments is not None and name.startswith(PREFIXES):
            return self._moments.load(name)
        target = self._named.get(name, name)
        if target not in self.targets and not target.startswith(REGISTRIES):
            raise unknown("network", name, list(self._named))
        with self._lock:
            if target not in self._loaded:
                network = zoo.load(target)
                if target in self._weights:
                    zoo.load_weights(network.module, self._weights[target])
                self._loaded[target] = network
                extra = [name for name in self._loaded if name not in self.targets]
                if len(extra) > MOST:
                    del self._loaded[extra[0]]
            return self._loaded[target]

    def cards(self) -> list[NetworkCard]:
        """Every network that can be loaded; one that can't says why when it is opened.

        Raises:
            GlassworkError: none can be loaded.
        """
        found, failed = [], []
        for target in self.targets:
            try:
                found.append(network_card(self.load(target)))
            except GlassworkError as error:
                failed.append(error)
        if failed and not found:
            raise failed[0]
        return found


def shown(target: str) -> str:
    """A target as pages name it: without the folders that lead to it on this machine."""
    library, separator, place = target.partition("hf:") if target.startswith("hf:") else ("", "", target)
    if not re.match(r"[/\\~]|[A-Za-z]:[/\\]", place):
        return target
    return f"{library}{separator}{Path(place.rstrip('/')).name}"


def _page(network: Network) -> str:
    """The page that shows a network best."""
    card = network.card
    if card is None:
        return "open"
    if card.network == "lstm" and network.vocabulary is not None:
        return "lstm"
    if card.network in RECURRENT and network.weights == "shipped":
        return "rnn"
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
        page=_page(network),
        parameters=network.parameters,
        classes=list(network.labels),
        channels=0 if shape is None else shape.channels,
        size=[] if shape is None else [shape.size, shape.size],
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
