"""What the page of the race asks for and gets."""

from __future__ import annotations

from msgspec import Struct

from glasswork.measuring.record import Baseline, Claimed, Cost, Machine, Published, Racer
from glasswork.measuring.verdicts import Verdict
from glasswork.scenes.messages import base


class OpenRace(base.Request, tag="open_race", frozen=True):
    """Everything that is claimed, published and measured of the architectures."""


class Race(Struct, tag_field="type", tag="race", frozen=True, kw_only=True):
    """The race; each figure can be asked for as `race:LAYER/NAME#FIELD@value`."""

    request: int
    machine: Machine | None
    claimed: list[Claimed]
    published: list[Published]
    costs: list[Cost]
    racers: list[Racer]
    baselines: list[Baseline]
    verdicts: list[Verdict]
    wanted: int
    """How many runs there are to be of all racers."""
