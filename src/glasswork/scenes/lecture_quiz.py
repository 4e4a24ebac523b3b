"""Questions about the networks that ship, each drawn anew: of a seed there is one, of another another."""

from __future__ import annotations

import random
import shlex
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from glasswork import data
from glasswork.data.texts import load_text
from glasswork.generation import reader
from glasswork.measuring.record import read_record
from glasswork.scenes.lecture_answers import Answers
from glasswork.scenes.lecture_language_questions import said
from glasswork.scenes.messages import lecture as m
from glasswork.scenes.messages.base import Array
from glasswork.scenes.networks import Networks
from glasswork.scenes.pictures import prepare, read_picture

CHOICES = 4
SEERS = {"tiny-vgg-emoji": "cnn", "tiny-vgg-fashion": "cnn", "tiny-vgg-digits": "cnn", "vit-fashion": "vit"}
"""Networks that say what a picture shows, each with its page."""
FILTERED = ("tiny-vgg-emoji", "tiny-vgg-fashion", "tiny-vgg-digits")
BEGINNING = (24, 48)
"""Characters of a text whose next one is asked for."""
SUMMED = "output"


class Quiz:
    """Draws questions.

    Args:
        networks: what they are about.
        answers: what computes their answers.
    """

    def __init__(self, networks: Networks, answers: Answers) -> None:
        self.networks, self.answers = networks, answers

    def draw(self, request: int, seed: int) -> m.DrawnQuestion:
        """The question of a seed."""
        chance = random.Random(seed)
        kind = KINDS[seed % len(KINDS)]
        return kind(self, request, chance)

    def picture(self, request: int, chance: random.Random) -> m.DrawnQuestion:
        """Which class does a network give a picture that it never saw?"""
        name = chance.choice(list(SEERS))
        network = self.networks.load(name)
        assert network.card is not None
        unseen = data.load(network.card.data, "test")
        sample = unseen.names[chance.randrange(len(unseen))]
        prepared = prepare(network, read_picture(f"sample:{sample}", lambda _: b""))
        with torch.no_grad():
            ranks = network.module(*prepared.inputs)[0].argsort(descending=True).tolist()
        others = ranks[1:CHOICES]  # what it nearly says
        choices = [network.labels[i] for i in (ranks[0], *others)]
        chance.shuffle(choices)
        return _drawn(
            request=request,
            kind="picture",
            values={"network": network.title},
            choices=choices,
            answer=f"class {name} sample:{sample}",
            opens=m.Place(SEERS[name], {"network": name, "input": f"sample:{sample}"}),
            arrays=[pictured(sample)],
        )

    def window(self, request: int, chance: random.Random) -> m.DrawnQuestion:
        """What do the nine weights of a filter's window sum to?"""
        name = chance.choice(FILTERED)
        weight = self.networks.load(name).module.get_parameter("block1.conv1.weight").detach()
        filter, channel = chance.randrange(len(weight)), chance.randrange(weight.shape[1])
        window = weight[filter, channel].double()
        source, _ = self.answers.trace(name, f"sample:{self.networks.load(name).samples[0]}")
        right = float(window.sum())
        step = max(0.25, abs(right) / 2)
        place = chance.randrange(CHOICES)
        choices = [f"{right + (i - place) * step:.2f}".replace("-", "−") for i in range(CHOICES)]
        return _drawn(
            request=request,
            kind="window",
            values={"network": self.networks.load(name).title, "filter": str(filter), "channel": str(channel)},
            choices=choices,
            answer=f"window_sum {name} block1.conv1.weight[{filter},{channel}]",
            opens=m.Place("cnn", {"network": name, "at": f"block1.conv1[0,{filter},9,9]"}),
            rows=[[float(one) for one in row] for row in window],
            rows_of=f"{source}#block1.conv1.weight[{filter},{channel}",
        )

    def letter(self, request: int, chance: random.Random) -> m.DrawnQuestion:
        """Which character does a language model think comes next in a text that it never saw?"""
        name = "gpt-moby"
        network = self.networks.load(name)
        text = load_text("moby-dick").test
        begin = chance.randrange(len(text) - BEGINNING[1])
        part = " ".join(text[begin : begin + chance.randint(*BEGINNING)].split())
        reads, words = reader(network)
        logits = reads.next(torch.tensor(words.encode(part)), None)
        choices = [said(words.decode([int(i)])) for i in logits.argsort(descending=True)[:CHOICES]]
        chance.shuffle(choices)
        return _drawn(
            request=request,
            kind="letter",
            values={"network": network.title, "text": part},
            choices=choices,
            answer=f"next {name} {shlex.quote(part)}",
            opens=m.Place("transformer", {"network": name, "text": part}),
        )

    def share(self, request: int, chance: random.Random) -> m.DrawnQuestion:
        """How much of a picture does ReLU set to zero?"""
        name = chance.choice(FILTERED)
        network = self.networks.load(name)
        sample = chance.choice(network.samples)
        layer = chance.choice(("block1.relu1", "block1.relu2", "block2.relu1", "block2.relu2"))
        asked = f"zeros {name} sample:{sample} {layer}"
        number = self.answers.find(asked).number
        assert number is not None
        right = round(100 * number.value)
        choices = sorted({right, *((right + away) % 100 for away in (23, 47, 71))})
        return _drawn(
            request=request,
            kind="share",
            values={"network": network.title, "layer": layer},
            choices=[f"{one / 100:.2f}".removeprefix("0") for one in choices],
            answer=asked,
            opens=m.Place("cnn", {"network": name, "input": f"sample:{sample}"}),
            arrays=[pictured(sample)],
        )

    def sums(self, request: int, chance: random.Random) -> m.DrawnQuestion:
        """How many products are summed up into one number?"""
        name = chance.choice(FILTERED)
        network = self.networks.load(name)
        _, trace = self.answers.trace(name, f"sample:{network.samples[0]}")
        layer = chance.choice(("block1.conv1", "block1.conv2", "block2.conv1", SUMMED))
        shape = trace[layer].output.shape
        index = [0, chance.randrange(shape[1]), *(chance.randrange(4, size - 4) for size in shape[2:])]
        place = f"{layer}[{','.join(map(str, index))}]"
        asked = f"terms {name} sample:{network.samples[0]} {place}"
        number = self.answers.find(asked).number
        assert number is not None
        right = int(number.value)
        others = {9, 28, 91, 109, 491, 1691, 2029} - {right}
        choices = sorted([right, *chance.sample(sorted(others), CHOICES - 1)])
        return _drawn(
            request=request,
            kind="sums",
            values={"network": network.title, "place": place},
            choices=[f"{one:,}" for one in choices],
            answer=asked,
            opens=m.Place("cnn", {"network": name, "at": place}),
        )

    def race(self, request: int, chance: random.Random) -> m.DrawnQuestion:
        """Is one network larger, dearer, or better than another?"""
        one, other = chance.sample(read_record().published, 2)
        field = chance.choice(("parameters", "gmacs", "top5"))
        return _drawn(
            request=request,
            kind=f"race_{field}",
            values={"one": one.weights, "other": other.weights},
            choices=["yes", "no"],
            answer=f"published {one.weights} {field} > published {other.weights} {field}",
            opens=m.Place("race", {}),
        )


def _drawn(
    *, arrays: Sequence[Array] = (), rows: Sequence[list[float]] = (), rows_of: str = "", **about: Any
) -> m.DrawnQuestion:
    """A question; most are about no picture and no window."""
    return m.DrawnQuestion(arrays=list(arrays), rows=list(rows), rows_of=rows_of, **about)


def pictured(sample: str) -> Array:
    """What is sent of a picture, beside its pixels."""
    return Array(ref=f"data:{sample}#picture@value", shape=list(data.sample(sample).picture.shape), dtype="uint8")


def pixels(question: m.DrawnQuestion) -> list[np.ndarray]:
    """The pictures that a question is about."""
    return [data.sample(one.ref.removeprefix("data:").split("#")[0]).picture for one in question.arrays]


KINDS: tuple[Callable[[Quiz, int, random.Random], m.DrawnQuestion], ...] = (
    Quiz.picture,
    Quiz.window,
    Quiz.letter,
    Quiz.share,
    Quiz.race,
    Quiz.sums,
)
