"""Backpropagation in slow motion: one digit through a dense network, back along every weight, and the step after it."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import cache

import msgspec
import numpy as np
import torch
from torch import Tensor

from glasswork import data, zoo
from glasswork.errors import GlassworkError, unknown
from glasswork.explaining.activations import FORMULAS
from glasswork.scenes import messages as m
from glasswork.scenes.landscapes import plane, way
from glasswork.scenes.messages import lessons as q
from glasswork.scenes.pictures import Picture, ReadInput, read_picture
from glasswork.scenes.updates import update_of
from glasswork.training.dense import ACTIVATIONS, Dense, Layer, first_weights, forward, slopes, squares
from glasswork.training.playing import ALL, Play, Player
from glasswork.training.retaking import Updated
from glasswork.training.sampling import epoch_batch

ARCHITECTURE = "perceptron"
FIRST = "sample:mnist-9608"
"""A nine that the network that ships reads as a four."""
MOST_LAYERS, MOST_UNITS, MOST_STEPS = 8, 256, 20_000
MOST_HELD = 4
MOVED = 1e-5
LARGE = 4096  # numbers from which on they are sent in single precision
COURSE = 240
SIDE = 28


class Lessons:
    """Answers about backpropagation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[bytes, Player] = OrderedDict()

    def answer(
        self, request: q.LessonRequest, read_input: ReadInput, cancelled: Callable[[], bool]
    ) -> Iterator[m.Answer | str | bytes]:
        """What a page asks of it."""
        with self._lock:
            match request:
                case q.OpenLesson():
                    yield self._lesson(request, read_input, cancelled)
                case q.OpenLandscape():
                    yield self._landscape(request, read_input, cancelled)

    def _lesson(self, request: q.OpenLesson, read_input: ReadInput, cancelled: Callable[[], bool]) -> str | bytes:
        lesson, picture, x = _checked(request.lesson, read_input)
        start = _start(lesson)
        x = x.double()
        if lesson.label is None:
            own = picture.label if picture.label in DIGITS else None
            said = int(forward(start, x).values[-1].argmax())
            lesson = msgspec.structs.replace(lesson, label=said if own is None else int(own))
        source = _source(lesson)
        label = lesson.label
        assert label is not None
        y = _target(label)
        player = self._player(lesson, start, x, y)
        player.go(lesson.step, stop=cancelled)
        network = player.network
        exploded = not all(torch.isfinite(one).all() for one in network.parameters)
        batch_x, batch_y = _batch(lesson, x, y)
        found = _Backward(network, x, y)
        whole = found if lesson.batch == 1 else _Backward(network, batch_x, batch_y)
        layer, unit, into = _chosen(request.weight, network, found)
        unseen_x, unseen_labels = _digits("test")

        def accuracy() -> float:
            return float((player.values(unseen_x.numpy())[-1].argmax(1) == unseen_labels).mean())

        before, course = accuracy(), _course(player)
        updates = player.slowly()
        optimiser, tensor, index = player.place(layer, unit, into)
        was, gradient, written, memory = updates[optimiser].parts[tensor]
        after = player.values(x.numpy())[-1]
        updated = Updated(updates[optimiser].optimiser, updates[optimiser].settings, memory, was, gradient, written)
        mean, accuracy_after = float(whole.cost), accuracy()
        player.go(lesson.step)
        layers = [q.LayerOf(len(b), name) for b, name in zip(network.biases, network.activations, strict=True)]
        entries, arrays = _arrays(source, network, found, after)
        names = list(dict.fromkeys(network.activations))
        for name in names:
            entries.append(m.Array(ref=f"{source}#curve/{name}@value", shape=[3, CURVE], dtype="float64"))
            arrays.append(_curve(name))
        moved = _moved(network, x, y, layer, unit, into)
        place = f"{source}#w{layer + 1}[{unit},{into}]"
        values = found.values[layer][0]
        weight = q.WeightOf(
            layer=layer + 1,
            unit=unit,
            source=into,
            weight=m.Number(f"{place}@value", float(network.weights[layer][unit, into])),
            value=m.Number(_value_ref(source, layer, into), float(values[into])),
            slope=m.Number(f"{source}#z{layer + 1}[{unit}]@slope", float(found.slopes[layer][0, unit])),
            wish=m.Number(f"{source}#a{layer + 1}[{unit}]@grad", float(found.of_values[layer][0, unit])),
            gradient=m.Number(f"{place}@grad", float(found.of_weights[layer][unit, into])),
            mean=m.Number(f"{place}@mean", float(whole.of_weights[layer][unit, into])),
            above=m.Number(f"{place}@above", moved[0]),
            below=m.Number(f"{place}@below", moved[1]),
            moved=MOVED,
            difference=m.Number(f"{place}@difference", (moved[0] - moved[1]) / (2 * MOVED)),
            update=update_of(
                updated, f"w{layer + 1}", index, source, (unit, into), "grad" if lesson.batch == 1 else "mean"
            ),
        )
        answer = q.LessonOf(
            request=request.request,
            source=source,
            lesson=lesson,
            title=_title(lesson, layers),
            layers=layers,
            card=lesson.network,
            input=picture.id,
            name=picture.name,
            picture=picture.given,
            label=label,
            said=int(found.values[-1].argmax()),
            said_after=int(after.argmax()),
            cost=m.Number(f"{source}#cost@value", found.cost),
            after=m.Number(f"{source}#cost@after", float(squares(torch.from_numpy(after), y))),
            mean=m.Number(f"{source}#cost@mean", mean),
            accuracy=m.Number(f"{source}#accuracy@value", before),
            accuracy_after=m.Number(f"{source}#accuracy@after", accuracy_after),
            unseen=len(unseen_labels),
            norms=[
                q.LayerNorm(m.Number(f"{source}#w{i + 1}@norm", float(g.norm())), g.numel())
                for i, g in enumerate(found.of_weights)
            ],
            weight=weight,
            activations=[q.ActivationCard(name, *FORMULAS[name]) for name in names],
            choices=list(ACTIVATIONS),
            optimisers=["SGD", "momentum", *(name for name in ALL if name not in ("SGD", "LBFGS"))],
            course=course,
            exploded=exploded,
            arrays=entries,
        )
        return m.encode(answer, arrays)

    def _landscape(self, request: q.OpenLandscape, read_input: ReadInput, cancelled: Callable[[], bool]) -> str | bytes:
        lesson, _, x = _checked(request.lesson, read_input)
        if lesson.label is None:
            raise GlassworkError("a landscape is of one answer", why="no label is given", todo="Name the label.")
        source, x, y = _source(lesson), x.double(), _target(lesson.label)
        player = self._player(lesson, _start(lesson), x, y)
        steps = way(lesson.step)
        path = []
        for step in steps:
            player.go(step, stop=cancelled)
            path.append(np.concatenate([one.numpy().ravel() for one in player.network.parameters]))
        if lesson.batch > 1:
            all_x, all_y = _training()
            x, y = all_x[:PROBED], all_y[:PROBED]
        found = plane(path, player.network, x.numpy(), y.numpy(), lesson.seed, cancelled)
        return m.encode(
            q.Landscape(
                request=request.request,
                source=source,
                reach=found.reach,
                steps=steps,
                of="digit" if lesson.batch == 1 else "batch",
                examples=len(x),
                arrays=[
                    m.Array(ref=f"{source}#landscape@value", shape=list(found.costs.shape), dtype="float64"),
                    m.Array(ref=f"{source}#path@value", shape=list(found.path.shape), dtype="float64"),
                ],
            ),
            [found.costs, found.path],
        )

    def _player(self, lesson: q.Lesson, start: Dense, x: Tensor, y: Tensor) -> Player:
        """The lesson, wherever it stands; those asked for last are kept."""
        alone = lesson.batch == 1
        kept = msgspec.structs.replace(lesson, step=0, **({} if alone else {"input": "", "label": None}))
        key = msgspec.json.encode(kept) + (x.numpy().tobytes() if alone else b"")
        if key not in self._held:
            settings: dict[str, float] = {"lr": lesson.rate}
            if lesson.optimiser == "momentum":
                settings["momentum"] = 0.9
            name = "SGD" if lesson.optimiser == "momentum" else lesson.optimiser
            play = Play(cost="squares", optimiser=name, settings=settings, batch=lesson.batch, seed=lesson.seed)
            if alone:
                self._held[key] = Player(start, x, y, play, lambda _: np.zeros(1, np.intp))
            else:
                all_x, all_y = _training()
                self._held[key] = Player(start, all_x, all_y, play, lambda step: _index(lesson, step))
        self._held.move_to_end(key)
        while len(self._held) > MOST_HELD:
            self._held.popitem(last=False)
        return self._held[key]


DIGITS = tuple("0123456789")
CURVE = 121
PROBED = 100  # training digits that a landscape is averaged over


class _Backward:
    """One pass forward and back, by autograd, everything on the way kept."""

    def __init__(self, network: Dense, x: Tensor, y: Tensor) -> None:
        learning = network.learning()
        passed = forward(learning, x)
        for one in (*passed.sums, *passed.values[1:]):
            one.retain_grad()
        cost = squares(passed.values[-1], y)
        cost.backward()
        self.cost = float(cost.detach())
        self.sums = [z.detach() for z in passed.sums]
        self.values = [a.detach() for a in passed.values]
        self.of_sums = [_slope(z) for z in passed.sums]
        self.of_values = [_slope(a) for a in passed.values[1:]]
        self.of_weights = [_slope(w) for w in learning.weights]
        self.of_biases = [_slope(b) for b in learning.biases]
        self.slopes = [slopes(name, z) for name, z in zip(network.activations, self.sums, strict=True)]


def _slope(of: Tensor) -> Tensor:
    return torch.zeros_like(of) if of.grad is None else of.grad


def _checked(lesson: q.Lesson, read_input: ReadInput) -> tuple[q.Lesson, Picture, Tensor]:
    """The lesson, whole; its picture, and what the network sees of it, (1, 784).

    Raises:
        GlassworkError: something of it is out of bounds.
    """
    wrong = ""
    if not lesson.network:
        layers = lesson.layers
        if not 1 <= len(layers) <= MOST_LAYERS:
            wrong = f"it has {len(layers)} layers; 1 to {MOST_LAYERS} can be shown"
        elif any(not 1 <= one.units <= MOST_UNITS for one in layers):
            wrong = f"a layer has 1 to {MOST_UNITS} units"
        elif layers[-1].units != len(DIGITS):
            wrong = "the last layer has a unit for each of the ten digits"
    if not 0 <= lesson.step <= MOST_STEPS:
        wrong = f"{lesson.step} steps; 0 to {MOST_STEPS:,} can be followed"
    if not (math.isfinite(lesson.rate) and 0 <= lesson.rate <= 1e6):
        wrong = f"the rate is {lesson.rate}; it is a number from 0"
    if not 1 <= lesson.batch <= 1000:
        wrong = f"a batch of {lesson.batch}; 1 to 1,000 examples can be followed"
    if lesson.label is not None and lesson.label not in range(10):
        wrong = f"the label is {lesson.label}; it is a digit"
    if not 0 <= lesson.seed < 1 << 31:
        wrong = f"the seed is {lesson.seed}; it is a number from 0"
    if wrong:
        raise GlassworkError("this network can't be followed", why=wrong, todo="Choose other settings.")
    if lesson.optimiser not in ("momentum", *ALL) or lesson.optimiser == "LBFGS":
        raise unknown("optimiser", lesson.optimiser, ["momentum", *(one for one in ALL if one != "LBFGS")])
    lesson = msgspec.structs.replace(
        lesson, input=lesson.input or FIRST, layers=[] if lesson.network else lesson.layers
    )
    picture = read_picture(lesson.input, read_input)
    reader = zoo.Preprocessing(SIDE, 1, light_on_dark=True)
    return lesson, picture, reader(picture.pixels).inputs[0].reshape(1, -1)


def _start(lesson: q.Lesson) -> Dense:
    """The network before its first step.

    Raises:
        GlassworkError: there is no such network.
    """
    if not lesson.network:
        return first_weights(SIDE * SIDE, [Layer(one.units, one.activation) for one in lesson.layers], lesson.seed)
    known = _shipped()
    if lesson.network not in known:
        raise unknown("dense network of digits", lesson.network, list(known))
    return known[lesson.network].copy()


@cache
def _shipped() -> dict[str, Dense]:
    """Those that ship, the smallest first."""
    found = {}
    for row in sorted(zoo.shipped(), key=lambda row: row.parameters):
        if row.data != "mnist" or (card := zoo.load(row.name).card) is None or card.network != ARCHITECTURE:
            continue
        state = {name: value.double() for name, value in zoo.load(row.name).module.state_dict().items()}
        weights = [value for name, value in state.items() if name.endswith("weight")]
        biases = [value for name, value in state.items() if name.endswith("bias")]
        hidden = [str(card.sizes["activation"])] * (len(weights) - 1)
        found[row.name] = Dense(weights, biases, (*hidden, str(card.sizes["output_activation"])))
    return found


@cache
def _digits(split: str) -> tuple[Tensor, np.ndarray]:
    """(N, 784), 0 to 1, and labels (N,)."""
    found = data.load("mnist", split)
    return torch.from_numpy(found.pictures.reshape(len(found), -1) / 255), found.labels


@cache
def _training() -> tuple[Tensor, Tensor]:
    x, labels = _digits("train")
    return x, torch.nn.functional.one_hot(torch.tensor(labels), 10).double()


def _index(lesson: q.Lesson, step: int) -> np.ndarray:
    return epoch_batch(len(_training()[0]), lesson.batch, lesson.seed, step)


def _batch(lesson: q.Lesson, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """What the next step is made for."""
    if lesson.batch == 1:
        return x, y
    index = torch.from_numpy(_index(lesson, lesson.step))
    all_x, all_y = _training()
    return all_x[index], all_y[index]


def _target(label: int) -> Tensor:
    return torch.nn.functional.one_hot(torch.tensor([label]), 10).double()


def _source(lesson: q.Lesson) -> str:
    net = lesson.network or "-".join(f"{one.units}.{one.activation}" for one in lesson.layers)
    settings = f"{lesson.optimiser}/{lesson.rate!r}/{lesson.batch}/{lesson.step}"
    return f"lesson:{net}/{lesson.seed}/{settings}/{lesson.input}/{lesson.label}"


def _title(lesson: q.Lesson, layers: list[q.LayerOf]) -> str:
    sizes = " · ".join(map(str, [SIDE * SIDE, *(one.units for one in layers)]))
    return f"Digits, {sizes}"


def _value_ref(source: str, layer: int, unit: int) -> str:
    return f"{source}#a{layer}[{unit}]@value" if layer else f"{source}#input[{unit}]@value"


def _chosen(wanted: list[int], network: Dense, found: _Backward) -> tuple[int, int, int]:
    """Layer from 0, unit, input; by itself the steepest of the last layer.

    Raises:
        GlassworkError: there is no such weight.
    """
    if not wanted:
        steepest = int(found.of_weights[-1].abs().argmax())
        return len(network.weights) - 1, *divmod(steepest, network.weights[-1].shape[1])
    layer, *rest = wanted
    if len(wanted) == 3 and 1 <= layer <= len(network.weights):
        units, inputs = network.weights[layer - 1].shape
        if 0 <= rest[0] < units and 0 <= rest[1] < inputs:
            return layer - 1, rest[0], rest[1]
    raise GlassworkError("there is no such weight", where=str(wanted)[:80], todo="Choose one from the picture.")


def _moved(network: Dense, x: Tensor, y: Tensor, layer: int, unit: int, into: int) -> tuple[float, float]:
    """The cost with one weight moved up, and down."""
    costs = []
    for way_ in (1, -1):
        other = network.copy()
        other.weights[layer][unit, into] += way_ * MOVED
        costs.append(float(squares(forward(other, x).values[-1], y)))
    return costs[0], costs[1]


def _arrays(source: str, network: Dense, found: _Backward, after: np.ndarray) -> tuple[list[m.Array], list[np.ndarray]]:
    entries, arrays = list[m.Array](), list[np.ndarray]()

    def add(path: str, what: str, values: Tensor) -> None:
        kind = "float64" if values.numel() < LARGE else "float32"
        entries.append(m.Array(ref=f"{source}#{path}@{what}", shape=list(values.shape), dtype=kind))
        arrays.append(values.contiguous().numpy().astype(kind))

    add("input", "value", found.values[0][0])
    for i in range(len(network.weights)):
        n = i + 1
        add(f"w{n}", "value", network.weights[i])
        add(f"w{n}", "grad", found.of_weights[i])
        add(f"b{n}", "value", network.biases[i])
        add(f"b{n}", "grad", found.of_biases[i])
        add(f"z{n}", "value", found.sums[i][0])
        add(f"z{n}", "slope", found.slopes[i][0])
        add(f"z{n}", "grad", found.of_sums[i][0])
        add(f"a{n}", "value", found.values[n][0])
        add(f"a{n}", "grad", found.of_values[i][0])
    add(f"a{len(network.weights)}", "after", torch.from_numpy(after[0]))
    return entries, arrays


@cache
def _curve(name: str) -> np.ndarray:
    """z, f(z), f'(z): (3, CURVE)."""
    z = torch.linspace(-6, 6, CURVE, dtype=torch.float64)
    return torch.stack([z, ACTIVATIONS[name](z), slopes(name, z)]).numpy()


def _course(player: Player) -> q.CourseOf:
    steps = sorted(player.costs)
    steps = steps[:: max(1, -(-len(steps) // COURSE))]
    costs = [player.costs[step] for step in steps]
    known = [(step, cost) for step, cost in zip(steps, costs, strict=True) if math.isfinite(cost)]
    return q.CourseOf([step for step, _ in known], [cost for _, cost in known])
