"""The race as a page: the record that ships, and the verdicts that follow from it."""

from __future__ import annotations

from glasswork.measuring.record import read_record
from glasswork.measuring.verdicts import verdicts
from glasswork.scenes import messages as m

SEEDS = 3
ONCE = ("resnet-deep-slim", "plain-deep-slim")
"""Those that run for one comparison, with shortcuts and without: from one seed each."""


def race(request: int) -> m.Race:
    """The answer to a page that asks for the race.

    Raises:
        GlassworkError: the record can't be read.
    """
    record = read_record()
    return m.Race(
        request=request,
        machine=record.machine,
        claimed=record.claimed,
        published=record.published,
        costs=record.costs,
        racers=record.racers,
        baselines=record.baselines,
        verdicts=verdicts(record),
        wanted=sum(1 if racer.name in ONCE else SEEDS for racer in record.racers),
    )
