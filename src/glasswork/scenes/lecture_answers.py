"""What can be asked of the networks that run here, so that no answer of a lesson has to be believed.

A lesson's file names one of these questions with its arguments (`class tiny-vgg-emoji sample:twitter-car`); the answer
is computed when somebody has chosen.
"""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from glasswork.data.points import points
from glasswork.errors import GlassworkError, unknown
from glasswork.explaining import explain
from glasswork.generation import Sampling, decode, reader
from glasswork.generation.translation import translate
from glasswork.measuring.augmentation import read_comparison
from glasswork.measuring.record import read_record
from glasswork.measuring.verdicts import verdicts
from glasswork.scenes.forgetting import lengths
from glasswork.scenes.messages.base import Number
from glasswork.scenes.messages.lessons import LayerOf
from glasswork.scenes.messages.playground import PlayOf
from glasswork.scenes.networks import Networks
from glasswork.scenes.pictures import prepare, read_picture
from glasswork.scenes.playground import learned
from glasswork.scenes.traces import Traces
from glasswork.tracing import Trace, rerun

PLACE = re.compile(r"([^\[\]]+)\[(\d+(?:,\d+)*)\]")
LONGEST = 300
MOST_STEPS = 2000


@dataclass(frozen=True)
class Found:
    """An answer: words, or a number; with words the number is how sure the network is of them."""

    words: str = ""
    number: Number | None = None


class Answers:
    """Finds answers.

    Args:
        networks: which may be asked.
        traces: where their runs are kept.
    """

    def __init__(self, networks: Networks, traces: Traces) -> None:
        self.networks, self.traces = networks, traces

    def find(self, asked: str) -> Found:
        """The answer to a question.

        Raises:
            GlassworkError: there is no such question, or what it is about is not here.
        """
        parts = check_answer(asked)
        if ">" in parts:
            at = parts.index(">")
            left, right = (self._find(one) for one in (parts[:at], parts[at + 1 :]))
            if left.number is None or right.number is None:
                raise GlassworkError("these can't be compared", where=asked[:80], why="both sides have to be numbers")
            return Found("yes" if left.number.value > right.number.value else "no")
        return self._find(parts)

    def _find(self, parts: list[str]) -> Found:
        name, *arguments = parts
        return QUESTIONS[name](self, *arguments)

    def trace(self, network: str, input: str) -> tuple[str, Trace]:
        """The run of a network on a picture: its source, and itself."""
        loaded = self.networks.load(network)
        prepared = prepare(loaded, read_picture(input, _nothing_given))
        with torch.no_grad():
            scores = loaded.module(*prepared.inputs)
        id, trace = self.traces.run(loaded, prepared.inputs, (0, int(scores[0].argmax())))
        return f"trace:{id}", trace

    def at(self, network: str, input: str, place: str, what: str = "value") -> Number:
        """One number of a run."""
        source, trace = self.trace(network, input)
        path, index = parse_place(place)
        found = explain(trace, path, index, of=what, limit=1)
        return Number(f"{source}#{found.op}[{','.join(map(str, found.index))}]@{what}", found.value)


def picture_class(answers: Answers, network: str, input: str) -> Found:
    """class NETWORK PICTURE: the class that the network prefers."""
    source, trace = answers.trace(network, input)
    return _preferred(answers, network, source, trace)


def probability(answers: Answers, network: str, input: str, label: str) -> Found:
    """probability NETWORK PICTURE CLASS: how sure the network is of a class."""
    labels = list(answers.networks.load(network).labels)
    if label not in labels:
        raise unknown("class", label, labels)
    return Found(number=answers.at(network, input, f":softmax[0,{labels.index(label)}]"))


def without(answers: Answers, network: str, input: str, operation: str) -> Found:
    """without NETWORK PICTURE OPERATION: the class that it prefers where the operation gives nothing but zeros."""
    _, trace = answers.trace(network, input)
    scores = rerun(trace, {operation: lambda y: y * 0}).ops[-1].output.tensor[0]
    return Found(answers.networks.load(network).labels[int(scores.argmax())])


def shape(answers: Answers, network: str, input: str, operation: str) -> Found:
    """shape NETWORK PICTURE OPERATION: the sizes of what an operation gives, without the batch."""
    _, trace = answers.trace(network, input)
    return Found("×".join(map(str, trace[operation].output.shape[1:])))


def value(answers: Answers, network: str, input: str, place: str) -> Found:
    """value NETWORK PICTURE OPERATION[INDEX]: one number."""
    return Found(number=answers.at(network, input, place))


def sign(answers: Answers, network: str, input: str, place: str) -> Found:
    """sign NETWORK PICTURE OPERATION[INDEX]: above zero, zero, or below zero."""
    number = answers.at(network, input, place)
    words = "above zero" if number.value > 0 else "below zero" if number.value < 0 else "zero"
    return Found(words, number)


def slope(answers: Answers, network: str, input: str, place: str) -> Found:
    """slope NETWORK PICTURE OPERATION[INDEX]: above zero, zero, or below zero: how the score depends on a number."""
    number = answers.at(network, input, place, "grad")
    words = "above zero" if number.value > 0 else "below zero" if number.value < 0 else "zero"
    return Found(words, number)


def terms(answers: Answers, network: str, input: str, place: str) -> Found:
    """terms NETWORK PICTURE OPERATION[INDEX]: how many products and biases are summed up into a number."""
    _, trace = answers.trace(network, input)
    path, index = parse_place(place)
    return Found(number=Number("", explain(trace, path, index, limit=1).count))


def zeros(answers: Answers, network: str, input: str, operation: str) -> Found:
    """zeros NETWORK PICTURE OPERATION: which share of what it gives is zero."""
    _, trace = answers.trace(network, input)
    given = trace[operation].output.tensor
    return Found(number=Number("", float((given == 0).double().mean())))


def window_sum(answers: Answers, network: str, place: str) -> Found:
    """window_sum NETWORK PARAMETER[INDEX]: the sum of the weights there, such as of one window of a filter."""
    path, index = parse_place(place)
    weights = dict(answers.networks.load(network).module.named_parameters())
    if path not in weights:
        raise unknown("parameter", path, list(weights))
    return Found(number=Number("", float(weights[path].detach()[index].double().sum())))


def parameters(answers: Answers, network: str) -> Found:
    """parameters NETWORK: how many numbers it has learned."""
    return Found(number=Number("", answers.networks.load(network).parameters))


def layers(answers: Answers, network: str) -> Found:
    """layers NETWORK: how many of its layers have weights to multiply by."""
    module = answers.networks.load(network).module
    kinds = (torch.nn.Linear, torch.nn.modules.conv._ConvNd)
    return Found(number=Number("", sum(isinstance(one, kinds) for one in module.modules())))


def score(answers: Answers, network: str, name: str) -> Found:
    """score NETWORK NAME: what was measured of it on examples that it never saw, as its card says."""
    card = answers.networks.load(network).card
    if card is None or name not in card.scores:
        raise unknown("score", name, list(card.scores) if card else [])
    return Found(number=Number(f"measure:{network}#{name}@value", card.scores[name]))


def next_token(answers: Answers, network: str, text: str) -> Found:
    """next NETWORK TEXT: the token that a language model thinks likeliest."""
    reads, words = reader(answers.networks.load(network))
    (drawn,) = decode(reads, words.encode(text), 1, Sampling(temperature=0))
    return Found(said(words.decode([drawn.token])))


def said(token: str) -> str:
    """A token as it can be read: a space has no ink."""
    return {" ": "space", "\n": "line end"}.get(token, token)


def tokens(answers: Answers, network: str, text: str) -> Found:
    """tokens NETWORK TEXT: into how many tokens a text is cut."""
    loaded = answers.networks.load(network)
    if loaded.translation is not None:
        return Found(number=Number("", len(loaded.translation.encode(text))))
    _, words = reader(loaded)
    return Found(number=Number("", len(words.encode(text))))


def translation(answers: Answers, network: str, text: str) -> Found:
    """translation NETWORK TEXT: what a translator makes of it, by the likeliest token each time."""
    loaded = answers.networks.load(network)
    if loaded.translation is None:
        raise GlassworkError(f"{network} does not translate", where=network)
    return Found(translate(loaded.module, loaded.translation, [text])[0])


def claimed(answers: Answers, name: str, field: str) -> Found:
    """claimed NAME FIELD: a figure of the lecture's table."""
    return _recorded("claimed", read_record().claimed, "name", name, field)


def published(answers: Answers, weights: str, field: str) -> Found:
    """published WEIGHTS FIELD: a figure of torchvision's weight cards."""
    return _recorded("published", read_record().published, "weights", weights, field)


def measured(answers: Answers, name: str, field: str) -> Found:
    """measured NAME FIELD: a cost that was measured here."""
    return _recorded("measured", read_record().costs, "name", name, field)


def baseline(answers: Answers, name: str) -> Found:
    """baseline NAME: how often a method from before deep networks is right on clothes."""
    return _recorded("baseline", read_record().baselines, "name", name, "accuracy")


def verdict(answers: Answers, key: str) -> Found:
    """verdict KEY: what became of one of the lecture's three conclusions."""
    found = {one.key: one for one in verdicts(read_record())}
    if key not in found:
        raise unknown("conclusion", key, list(found))
    return Found(found[key].judgement)


def augmentation(answers: Answers, how: str) -> Found:
    """augmentation augmented|plain: how often a small network that learned from few pictures is right, the mean."""
    means = read_comparison().means
    if how not in means:
        raise unknown("way of training", how, list(means))
    return Found(number=Number("", means[how]))


def reach(answers: Answers, kind: str, distance: str) -> Found:
    """reach rnn|lstm DISTANCE: of the slope at a character, the share that is left so many characters earlier."""
    if kind not in ("rnn", "lstm"):
        raise unknown("kind", kind, ["rnn", "lstm"])
    return Found(number=Number("", float(lengths(kind, 1.0)[1][min(int(distance), 60)])))


def playground(answers: Answers, data: str, hidden: str, steps: str) -> Found:
    """playground DATA HIDDEN STEPS: which share of unseen points is told right after so much training.

    HIDDEN is as in an address, `4 tanh,2 tanh`, or `none`.
    """
    named = () if hidden == "none" else hidden.split(",")
    made = [LayerOf(int(units), activation) for units, activation in (one.split() for one in named)]
    play = PlayOf(data=data, noise=0.05 if data == "circle" else 0.0, hidden=made, optimiser="Adam", rate=0.01)
    points(data, 2, 0.0, 0)  # says what is wrong with the name
    source, right = learned(play, min(int(steps), MOST_STEPS))
    return Found(number=Number(f"{source}#accuracy@test", right))


def _preferred(answers: Answers, network: str, source: str, trace: Trace) -> Found:
    last = trace[":softmax"] if ":softmax" in trace else trace.ops[-1]
    shares = last.output.tensor[0]
    best = int(shares.argmax())
    label = answers.networks.load(network).labels[best]
    return Found(label, Number(f"{source}#{last.path}[0,{best}]@value", float(shares[best])))


def _recorded(layer: str, rows: list[Any], by: str, name: str, field: str) -> Found:
    found = {getattr(row, by): row for row in rows}
    if name not in found:
        raise unknown("row", name, list(found))
    number = getattr(found[name], field, None)
    if not isinstance(number, (int, float)):
        raise unknown("figure", field, list(found[name].__struct_fields__))
    return Found(number=Number(f"race:{layer}/{name}#{field}@value", float(number)))


def _nothing_given(id: str) -> bytes:
    raise GlassworkError("a lesson can't be about a picture that was given", where=f"upload:{id}"[:80])


QUESTIONS: dict[str, Callable[..., Found]] = {
    "class": picture_class,
    "probability": probability,
    "without": without,
    "shape": shape,
    "value": value,
    "sign": sign,
    "slope": slope,
    "terms": terms,
    "zeros": zeros,
    "window_sum": window_sum,
    "parameters": parameters,
    "layers": layers,
    "score": score,
    "next": next_token,
    "tokens": tokens,
    "translation": translation,
    "claimed": claimed,
    "published": published,
    "measured": measured,
    "baseline": baseline,
    "verdict": verdict,
    "augmentation": augmentation,
    "reach": reach,
    "playground": playground,
}


def check_answer(asked: str) -> list[str]:
    """The words of a question, if there is such a one and it has its arguments.

    Raises:
        GlassworkError: it can't be asked.
    """
    try:
        parts = shlex.split(asked[:LONGEST])
    except ValueError as error:
        raise GlassworkError("this question can't be read", where=asked[:80], why=str(error)) from error
    if ">" in parts:
        at = parts.index(">")
        for side in (parts[:at], parts[at + 1 :]):
            check_answer(shlex.join(side))
        return parts
    if not parts or parts[0] not in QUESTIONS:
        raise unknown("question", parts[0] if parts else "", list(QUESTIONS))
    wanted = list(inspect.signature(QUESTIONS[parts[0]]).parameters)[1:]
    if len(parts) - 1 != len(wanted):
        about = (QUESTIONS[parts[0]].__doc__ or "").split(":")[0]
        why = f"it has {len(parts) - 1} arguments; expected: {about}"
        raise GlassworkError(f"`{parts[0]}` can't be asked like this", why=why, todo="Put quotes around spaces.")
    return parts


def parse_place(words: str) -> tuple[str, tuple[int, ...]]:
    """`path[1,2]` as path and index."""
    found = PLACE.fullmatch(words)
    if found is None:
        raise GlassworkError("this names no number", where=words[:80], why="expected OPERATION[1,2,...]")
    return found[1], tuple(int(one) for one in found[2].split(","))


def right_choice(found: Found, choices: list[str]) -> int:
    """Which of the choices an answer is: the one of the same words, or the nearest number.

    Raises:
        GlassworkError: none is.
    """
    if found.words:
        same = [i for i, choice in enumerate(choices) if choice == found.words]
        same += [i for i, choice in enumerate(choices) if choice.strip().casefold() == found.words.strip().casefold()]
        if not same:
            why = f"the answer is {found.words!r}; choices: {', '.join(choices)}"
            raise GlassworkError("none of the choices is right", why=why, todo="Offer the right one, too.")
        return same[0]
    assert found.number is not None
    away = [abs(as_number(choice) - found.number.value) for choice in choices]
    return away.index(min(away))


def as_number(choice: str) -> float:
    """`1,690`, `about 3 %` and `−0.4` as numbers."""
    found = re.search(r"-?\d[\d,]*(?:\.\d+)?|-?\.\d+", choice.replace("−", "-"))
    if found is None:
        raise GlassworkError("this choice is no number", where=choice[:80], todo="Offer numbers: the answer is one.")
    return float(found[0].replace(",", ""))
