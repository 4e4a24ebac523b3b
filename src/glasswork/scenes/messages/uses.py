"""What the page of recurrent networks asks for and gets of their uses: futures, and who speaks or what is said."""

from __future__ import annotations

from msgspec import Struct

from glasswork.scenes.messages import base
from glasswork.scenes.messages.base import Array, Number


class OpenForecast(base.Request, tag="open_forecast", frozen=True):
    """What a network told of the end of its series, beside what can be told without one."""

    network: str
    horizon: int | None = None
    """How many steps ahead; None for the network's first."""


class OpenUtterance(base.Request, tag="open_utterance", frozen=True):
    """What a network makes of one utterance that it was not trained on, step by step."""

    network: str
    index: int
    """Of the test part."""


class Teller(Struct, frozen=True, kw_only=True):
    """One who tells the future. Its array: what it told of each step, (M,), fp64."""

    name: str
    """network, last, seasonal, ar or ar_root."""
    mae: Number
    """The mean absolute error over the measured steps."""


class Forecasts(Struct, tag_field="type", tag="forecasts", frozen=True, kw_only=True):
    """The held-out end of a series.

    Its arrays: what was measured, (M,), fp64, NaN where nothing was; then each teller's.
    """

    request: int
    network: str
    title: str
    data: str
    unit: str
    step: str
    """What passes between two numbers."""
    horizon: int
    horizons: list[int]
    begin: int
    """The first told step."""
    times: list[str]
    order: int
    """Of the autoregression."""
    season: int
    tellers: list[Teller]
    arrays: list[Array]


class Utterance(Struct, tag_field="type", tag="utterance", frozen=True, kw_only=True):
    """One utterance.

    Its arrays: what is read, standardised, (T, C); the shares of each class if it ended at each step, (T, K).
    """

    request: int
    network: str
    title: str
    index: int
    name: str
    """How it was spoken, where that is known; else empty."""
    source: str
    classes: list[str]
    label: int
    said: int
    share: Number
    """Of what it says in the end."""
    answers: list[int]
    """What it says of every utterance of the test part."""
    labels: list[int]
    accuracy: Number
    lookup: Number
    """How often the nearest utterance that it was trained on is right, on the same utterances, without a network."""
    kind: str
    """Its architecture."""
    arrays: list[Array]


UsesRequest = OpenForecast | OpenUtterance
UsesAnswer = Forecasts | Utterance
