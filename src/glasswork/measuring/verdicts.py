"""The three sentences that a lecture draws from its table, each put to the test with figures and a verdict.

Each sentence falls into parts that a figure decides. A part is judged by the figure that weighs most: what was
measured here where that is possible, else what torchvision published (of each network its first weights, which were
all trained by the plain recipe of their time), never by what was claimed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from msgspec import Struct

from glasswork.measuring.record import Cost, Record

ABOUT = 0.25
"""A figure that is said to be about so much may differ by this share of it."""
FAR = 2.0
"""From this ratio on, something is far more."""
BATCH = 128
"""Pictures a step, for the memory of training: that of AlexNet's paper."""
COPIES = 3
"""Weights, their gradients, and the momentum of stochastic gradient descent."""
BYTES = 4

Judgement = Literal["holds", "holds in part", "does not hold"]


class Part(Struct, frozen=True):
    """One thing that a sentence says.

    Attributes:
        key: short, unique in its sentence.
        what: is compared, in words.
        unit: "points" (of percent), or "times".
        said: what the sentence makes of it.
        claimed, published, measured: the figure by each; None where it has none.
        holds: whether the sentence is right in this; None where the figure that decides is not in the record.
    """

    key: str
    what: str
    unit: Literal["points", "times"]
    said: str
    claimed: float | None
    published: float | None
    measured: float | None
    holds: bool | None


class Verdict(Struct, frozen=True):
    """A sentence and what becomes of it.

    Attributes:
        key: short.
        sentence: in our words.
        judgement: holds where all of its parts do, does not hold where none does.
        reason: which of them hold and which don't, with the deciding figures.
        parts: in the order in which it says them.
    """

    key: str
    sentence: str
    judgement: Judgement
    reason: str
    parts: list[Part]


def training_bytes(cost: Cost) -> int:
    """Memory that a step of training needs at BATCH pictures: weights, gradients, momentum, and what is kept."""
    return BYTES * COPIES * cost.parameters + BATCH * cost.kept_bytes


def verdicts(record: Record) -> list[Verdict]:
    """The three sentences, by a record with the costs of alexnet, vgg16, googlenet and resnet152."""
    table = {row.name: row for row in record.claimed}
    cards = {row.name: row for row in reversed(record.published)}  # the first weights of each come first
    costs = {cost.name: cost for cost in record.costs}
    names = {"AlexNet": "alexnet", "VGGNet": "vgg16", "Inception": "googlenet", "ResNet-152": "resnet152"}

    def ratio(key: str, what: str, said: str, one: str, other: str, holds: Callable[[float], bool]) -> Part:
        """One network's figure over the other's."""
        a, b = names[one], names[other]
        in_table, on_card, here = FIGURES[key]
        by = (
            getattr(table[one], in_table) / getattr(table[other], in_table) if in_table else None,
            getattr(cards[a], on_card) / getattr(cards[b], on_card) if on_card else None,
            here(costs[a]) / here(costs[b]) if a in costs and b in costs else None,
        )
        decides = by[1] if by[2] is None else by[2]
        return Part(key, what, "times", said, *by, holds=None if decides is None else holds(decides))

    def points(what: str, said: str, better: str, worse: str, holds: Callable[[float], bool]) -> Part:
        claim = table[better].top5 - table[worse].top5
        card = cards[names[better]].top5 - cards[names[worse]].top5
        return Part("points", what, "points", said, claim, card, None, holds=holds(card))

    def more(figure: float) -> bool:
        return figure > 1

    def far(figure: float) -> bool:
        return figure >= FAR

    alexnet, vgg, inception, resnet = names
    return [
        _judged(
            "equal_size",
            "AlexNet and ResNet-152 are equally large, yet some 10 points apart; ResNet-152 costs far more computation "
            "and so more time.",
            ratio("parameters", "parameters, ResNet-152 to AlexNet", "equal", resnet, alexnet, about(1)),
            points("top 5, ResNet-152 above AlexNet", "some 10", resnet, alexnet, about(10)),
            ratio("macs", "multiply-adds, ResNet-152 to AlexNet", "far more", resnet, alexnet, far),
            ratio("step", "time to learn a picture, ResNet-152 to AlexNet", "far more", resnet, alexnet, far),
        ),
        _judged(
            "larger_worse",
            "VGGNet has more parameters and operations than ResNet-152, takes longer to train, and is less accurate.",
            ratio("parameters", "parameters, VGG-16 to ResNet-152", "more", vgg, resnet, more),
            ratio("macs", "multiply-adds, VGG-16 to ResNet-152", "more", vgg, resnet, more),
            ratio("step", "time to learn a picture, VGG-16 to ResNet-152", "longer", vgg, resnet, more),
            points("top 5, ResNet-152 above VGG-16", "better", resnet, vgg, lambda figure: figure > 0),
        ),
        _judged(
            "same_time",
            "AlexNet takes about as long to train as Inception, which needs ten times less memory and is some 9 points "
            "better.",
            ratio("macs", "multiply-adds, GoogLeNet to AlexNet", "the same", inception, alexnet, about(1)),
            ratio("step", "time to learn a picture, GoogLeNet to AlexNet", "the same", inception, alexnet, about(1)),
            ratio("parameters", "parameters, AlexNet to GoogLeNet", "ten times", alexnet, inception, about(10)),
            ratio(
                "memory",
                f"memory to train at {BATCH} pictures a step, AlexNet to GoogLeNet",
                "ten times",
                alexnet,
                inception,
                about(10),
            ),
            points("top 5, GoogLeNet above AlexNet", "some 9", inception, alexnet, about(9)),
        ),
    ]


FIGURES: Mapping[str, tuple[str, str, Callable[[Cost], float]]] = {
    "parameters": ("parameters", "parameters", lambda cost: cost.parameters),
    "macs": ("operations", "gmacs", lambda cost: cost.macs),
    "step": ("", "", lambda cost: cost.batch_milliseconds),
    "memory": ("", "", training_bytes),
}
"""Where each figure stands: in the lecture's table, on torchvision's cards, among what was measured."""


def about(said: float) -> Callable[[float], bool]:
    """Whether a figure is about what was said."""
    return lambda figure: abs(figure - said) <= ABOUT * said


def figure(part: Part) -> float:
    """The figure that decides a part."""
    found = part.measured if part.measured is not None else part.published
    assert found is not None
    return found


def written(part: Part) -> str:
    """The deciding figure, to three digits."""
    return f"{figure(part):.1f} points" if part.unit == "points" else f"{figure(part):.3g} times"


def _judged(key: str, sentence: str, *parts: Part) -> Verdict:
    right = [part for part in parts if part.holds]
    wrong = [part for part in parts if part.holds is False]
    judgement: Judgement = "holds" if len(right) == len(parts) else "holds in part" if right else "does not hold"
    reasons = [f"{part.what}: said {part.said}, found {written(part)}" for part in wrong]
    reasons += [f"{part.what}: not measured" for part in parts if part.holds is None]
    reason = "; ".join(reasons)
    return Verdict(key, sentence, judgement, reason or "every part of it holds", list(parts))
