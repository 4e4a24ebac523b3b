"""Questions of lessons that networks answer as they run here: what they see, what is inside, and what they learn."""

from __future__ import annotations

from collections.abc import Callable

import torch

from glasswork.data.points import points
from glasswork.errors import unknown
from glasswork.explaining import explain
from glasswork.scenes.forgetting import lengths
from glasswork.scenes.lecture_choices import Found
from glasswork.scenes.lecture_runs import LessonRuns, parse_place
from glasswork.scenes.messages import Edit
from glasswork.scenes.messages.base import Number
from glasswork.scenes.messages.lessons import LayerOf
from glasswork.scenes.messages.playground import PlayOf
from glasswork.scenes.playground import learned
from glasswork.tracing import Trace

MOST_STEPS = 2000
MEDIAN = 1
"""Among the three courses of forgetting."""


def picture_class(runs: LessonRuns, network: str, input: str) -> Found:
    """class NETWORK PICTURE: the class that the network prefers."""
    source, trace = runs.trace(network, input)
    return _preferred(runs, network, source, trace)


def probability(runs: LessonRuns, network: str, input: str, label: str) -> Found:
    """probability NETWORK PICTURE CLASS: how sure the network is of a class."""
    labels = list(runs.networks.load(network).labels)
    if label not in labels:
        raise unknown("class", label, labels)
    return Found(numbers=(runs.at(network, input, f":softmax[0,{labels.index(label)}]"),))


def without(runs: LessonRuns, network: str, input: str, operation: str) -> Found:
    """without NETWORK PICTURE OPERATION: the class that it prefers where the operation gives nothing but zeros."""
    source, trace = runs.trace(network, input)
    off = Edit(at=operation, index=[0] * len(trace[operation].output.shape), axis=0, action="off")
    id, changed = runs.traces.change(source.removeprefix("trace:"), [off])
    return _preferred(runs, network, f"trace:{id}", changed)


def shape(runs: LessonRuns, network: str, input: str, operation: str) -> Found:
    """shape NETWORK PICTURE OPERATION: the sizes of what an operation gives, without the batch."""
    source, trace = runs.trace(network, input)
    sizes = trace[operation].output.shape[1:]
    numbers = tuple(Number(f"{source}#{operation}@shape:{axis}", size) for axis, size in enumerate(sizes, 1))
    return Found("×".join(map(str, sizes)) if len(sizes) > 1 else "", numbers, "sizes")


def value(runs: LessonRuns, network: str, input: str, place: str) -> Found:
    """value NETWORK PICTURE OPERATION[INDEX]: one number."""
    return Found(numbers=(runs.at(network, input, place),))


def sign(runs: LessonRuns, network: str, input: str, place: str) -> Found:
    """sign NETWORK PICTURE OPERATION[INDEX]: above zero, zero, or below zero."""
    number = runs.at(network, input, place)
    words = "above zero" if number.value > 0 else "below zero" if number.value < 0 else "zero"
    return Found(words, (number,))


def slope(runs: LessonRuns, network: str, input: str, place: str) -> Found:
    """slope NETWORK PICTURE OPERATION[INDEX]: above zero, zero, or below zero: how the score depends on a number."""
    number = runs.at(network, input, place, "grad")
    words = "above zero" if number.value > 0 else "below zero" if number.value < 0 else "zero"
    return Found(words, (number,))


def terms(runs: LessonRuns, network: str, input: str, place: str) -> Found:
    """terms NETWORK PICTURE OPERATION[INDEX]: how many products and biases are summed up into a number."""
    source, trace = runs.trace(network, input)
    path, index = parse_place(place)
    found = explain(trace, path, index, limit=1)
    return Found(numbers=(Number(f"{source}#{found.op}[{','.join(map(str, index))}]@terms", found.count),))


def zeros(runs: LessonRuns, network: str, input: str, operation: str) -> Found:
    """zeros NETWORK PICTURE OPERATION: which share of what it gives is zero."""
    source, trace = runs.trace(network, input)
    given = trace[operation].output.tensor
    return Found(numbers=(Number(f"{source}#{operation}@zeros", float((given == 0).double().mean())),))


def window_sum(runs: LessonRuns, network: str, place: str) -> Found:
    """window_sum NETWORK PARAMETER[INDEX]: the sum of the weights there, such as of one window of a filter."""
    path, index = parse_place(place)
    weights = dict(runs.networks.load(network).module.named_parameters())
    if path not in weights:
        raise unknown("parameter", path, list(weights))
    ref = f"network:{network}#{path}[{','.join(map(str, index))}]@sum"
    return Found(numbers=(Number(ref, float(weights[path].detach()[index].double().sum())),))


def parameters(runs: LessonRuns, network: str) -> Found:
    """parameters NETWORK: how many numbers it has learned."""
    return Found(numbers=(Number(f"network:{network}#parameters@count", runs.networks.load(network).parameters),))


def layers(runs: LessonRuns, network: str) -> Found:
    """layers NETWORK: how many of its layers have weights to multiply by."""
    module = runs.networks.load(network).module
    kinds = (torch.nn.Linear, torch.nn.modules.conv._ConvNd)
    count = sum(isinstance(one, kinds) for one in module.modules())
    return Found(numbers=(Number(f"network:{network}#layers@count", count),))


def score(runs: LessonRuns, network: str, name: str) -> Found:
    """score NETWORK NAME: what was measured of it on examples that it never saw, as its card says."""
    card = runs.networks.load(network).card
    if card is None or name not in card.scores:
        raise unknown("score", name, list(card.scores) if card else [])
    return Found(numbers=(Number(f"measure:{network}#{name}@value", card.scores[name]),))


def reach(runs: LessonRuns, kind: str, distance: str) -> Found:
    """reach rnn|lstm DISTANCE: of the slope at a character, the share that is left so many characters earlier."""
    if kind not in ("rnn", "lstm"):
        raise unknown("kind", kind, ["rnn", "lstm"])
    at = min(int(distance), 60)
    left = float(lengths(kind, 1.0)[MEDIAN][at])
    return Found(numbers=(Number(f"forgetting:own#{kind}/course[{MEDIAN},{at}]@value", left),))


def playground(runs: LessonRuns, data: str, hidden: str, steps: str) -> Found:
    """playground DATA HIDDEN STEPS: which share of unseen points is told right after so much training.

    HIDDEN is as in an address, `4 tanh,2 tanh`, or `none`.
    """
    named = () if hidden == "none" else hidden.split(",")
    made = [LayerOf(int(units), activation) for units, activation in (one.split() for one in named)]
    play = PlayOf(data=data, noise=0.05 if data == "circle" else 0.0, hidden=made, optimiser="Adam", rate=0.01)
    points(data, 2, 0.0, 0)  # says what is wrong with the name
    source, right = learned(play, min(int(steps), MOST_STEPS))
    return Found(numbers=(Number(f"{source}#accuracy@test", right),))


def _preferred(runs: LessonRuns, network: str, source: str, trace: Trace) -> Found:
    last = trace[":softmax"] if ":softmax" in trace else trace.ops[-1]
    shares = last.output.tensor[0]
    best = int(shares.argmax())
    label = runs.networks.load(network).labels[best]
    return Found(label, (Number(f"{source}#{last.path}[0,{best}]@value", float(shares[best])),), "sure")


NETWORK_QUESTIONS: dict[str, Callable[..., Found]] = {
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
    "reach": reach,
    "playground": playground,
}
