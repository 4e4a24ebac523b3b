"""The page of convolutional networks, beside its map: which there are, why they say what they say, what units want."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from glasswork.scenes.messages import seeing as e
from glasswork.scenes.networks import Networks
from glasswork.scenes.photo_networks import WeightsFetcher
from glasswork.scenes.pictures import ReadInput
from glasswork.scenes.traces import Traces
from glasswork.scenes.units import Units
from glasswork.scenes.why import why


class Seers:
    """Answers about networks that see.

    Args:
        networks: which may be opened.
        traces: where runs are kept.
    """

    def __init__(self, networks: Networks, traces: Traces) -> None:
        self._networks, self._traces = networks, traces
        self._units = Units(networks.load, traces)
        self._weights = WeightsFetcher()

    def answer(
        self, request: e.SeeingRequest, read_input: ReadInput, cancelled: threading.Event
    ) -> Iterator[e.SeeingAnswer | str | bytes]:
        """The answers to a request.

        Raises:
            GlassworkError: what was asked does not fit the network.
        """
        match request:
            case e.ListSeeing():
                yield e.Seeing(request.request, self._listed(request.page))
            case e.FetchWeights():
                self._weights.begin(request.network)
                yield e.Seeing(request.request, self._listed(request.page))
            case e.OpenWhy():
                yield from why(request, self._networks.load, self._traces, read_input, cancelled)
            case e.FindExciting():
                yield from self._units.exciting(request, cancelled)
            case e.ClimbOn():
                yield from self._units.climb(request, cancelled)

    def _listed(self, page: e.Page) -> list[e.SeeingNetwork]:
        """Those that ship, then those of photos whose weights others keep."""
        if page == "vit":
            return self._weights.listed(page)
        own = [
            e.SeeingNetwork(
                name=card.name,
                title=card.title,
                classes=len(card.labels),
                about=card.data,
                folded=page == "race",
                here=True,
                keeper="",
                bytes=0,
                fetched=-1,
                failed="",
                todo="",
            )
            for card, page in self._networks.convolutional()
        ]
        return [*own, *self._weights.listed(page)]
