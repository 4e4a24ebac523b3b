"""Questions of lessons that were answered before: what was claimed, published and measured stands in the record."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean
from typing import Any

from glasswork.errors import unknown
from glasswork.measuring.augmentation import read_comparison
from glasswork.measuring.record import read_record
from glasswork.measuring.verdicts import verdicts
from glasswork.scenes.lecture_choices import Found
from glasswork.scenes.lecture_runs import LessonRuns
from glasswork.scenes.messages.base import Number


def claimed(runs: LessonRuns, name: str, field: str) -> Found:
    """claimed NAME FIELD: a figure of the lecture's table."""
    return _recorded("claimed", read_record().claimed, "name", name, field)


def published(runs: LessonRuns, weights: str, field: str) -> Found:
    """published WEIGHTS FIELD: a figure of torchvision's weight cards."""
    return _recorded("published", read_record().published, "weights", weights, field)


def measured(runs: LessonRuns, name: str, field: str) -> Found:
    """measured NAME FIELD: a cost that was measured here."""
    return _recorded("measured", read_record().costs, "name", name, field)


def baseline(runs: LessonRuns, name: str) -> Found:
    """baseline NAME: how often a method from before deep networks is right on clothes."""
    return _recorded("baseline", read_record().baselines, "name", name, "accuracy")


def slim(runs: LessonRuns, name: str) -> Found:
    """slim NAME: how often a slim network of the race is right on clothes, the mean of its runs."""
    found = {
        racer.name: [run.accuracy for run in racer.runs if run.accuracy is not None] for racer in read_record().racers
    }
    if not found.get(name):
        raise unknown("slim network", name, [racer for racer, right in found.items() if right])
    return Found(numbers=(Number(f"race:slim/{name}#mean@value", mean(found[name])),))


def verdict(runs: LessonRuns, key: str) -> Found:
    """verdict KEY: what became of one of the lecture's three conclusions."""
    found = {one.key: one for one in verdicts(read_record())}
    if key not in found:
        raise unknown("conclusion", key, list(found))
    parts = found[key].parts
    counts = {"holding": sum(part.holds is True for part in parts), "parts": len(parts)}
    numbers = tuple(Number(f"race:verdict/{key}#{name}@value", count) for name, count in counts.items())
    return Found(found[key].judgement, numbers, "parts")


def augmentation(runs: LessonRuns, how: str) -> Found:
    """augmentation augmented|plain: how often a small network that learned from few pictures is right, the mean."""
    means = read_comparison().means
    if how not in means:
        raise unknown("way of training", how, list(means))
    return Found(numbers=(Number(f"augmentation:{how}#mean@value", means[how]),))


def _recorded(layer: str, rows: list[Any], by: str, name: str, field: str) -> Found:
    found = {getattr(row, by): row for row in rows}
    if name not in found:
        raise unknown("row", name, list(found))
    number = getattr(found[name], field, None)
    if not isinstance(number, (int, float)):
        raise unknown("figure", field, list(found[name].__struct_fields__))
    return Found(numbers=(Number(f"race:{layer}/{name}#{field}@value", float(number)),))


RECORD_QUESTIONS: dict[str, Callable[..., Found]] = {
    "claimed": claimed,
    "published": published,
    "measured": measured,
    "baseline": baseline,
    "slim": slim,
    "verdict": verdict,
    "augmentation": augmentation,
}
