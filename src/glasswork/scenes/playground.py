"""The playground: small networks on points of the plane, trained a moment at a time while somebody looks."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import torch

from glasswork.data.points import REACH, Numbers, Points, points
from glasswork.errors import GlassworkError, unknown
from glasswork.scenes import messages as m
from glasswork.scenes.messages import playground as p
from glasswork.training.dense import ACTIVATIONS, Layer, first_weights
from glasswork.training.playing import ALL, Play, Player

MOST_LAYERS, MOST_UNITS, MOST_POINTS, MOST_STEPS = 8, 16, 2_000, 200_000
MOST_HELD, MOST_GIVEN, MOST_EDITS = 8, 16, 200
LONGEST = 8_000.0  # milliseconds of one request
PLACES, STRIDE = 64, 2  # rows of the answer's picture; of every neuron's, each second one
SPLIT = 7  # the stream of the seed
FEATURES: dict[str, Callable[[Numbers, Numbers], Numbers]] = {
    "x": lambda x, y: x,
    "y": lambda x, y: y,
    "x2": lambda x, y: x * x,
    "y2": lambda x, y: y * y,
    "xy": lambda x, y: x * y,
    "sinx": lambda x, y: np.sin(x),
    "siny": lambda x, y: np.sin(y),
}


class Playground:
    """Answers about networks of the playground."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[bytes, _Table] = OrderedDict()
        self._given: OrderedDict[str, Points] = OrderedDict()

    def answer(self, request: p.PlayRequest, cancelled: Callable[[], bool]) -> Iterator[m.Answer | str | bytes]:
        """What a page asks of it."""
        with self._lock:
            match request:
                case p.PlayOn():
                    yield self._play(request, cancelled)
                case p.GivePoints():
                    yield self._give(request)

    def _give(self, request: p.GivePoints) -> p.PointsGiven:
        made = given_points(request.points)
        id = hashlib.sha256(made.x.tobytes() + made.y.tobytes()).hexdigest()[:16]
        self._given[id] = made
        while len(self._given) > MOST_GIVEN:
            self._given.popitem(last=False)
        return p.PointsGiven(request=request.request, id=id, classes=made.classes)

    def _play(self, request: p.PlayOn, cancelled: Callable[[], bool]) -> str | bytes:
        play = request.play
        _check(play)
        if not 0 <= request.step <= MOST_STEPS:
            raise GlassworkError("so many steps can't be played", why=f"{request.step:,} of at most {MOST_STEPS:,}")
        table = self._table(play)
        player = table.player
        milliseconds = request.milliseconds if math.isfinite(request.milliseconds) else LONGEST
        until = time.monotonic() + min(max(milliseconds, 0.0), LONGEST) / 1000
        player.go(request.step, until, cancelled)
        return self._shown(request, table)

    def _shown(self, request: p.PlayOn, table: _Table) -> str | bytes:
        player = table.player
        source = f"play:{name_of(request.play)}@{player.step}"
        entries, arrays = list[m.Array](), list[np.ndarray]()

        def add(path: str, values: Numbers, kind: str = "float32") -> None:
            dtype = "float64" if kind == "float64" else "float32"
            entries.append(m.Array(ref=f"{source}#{path}@value", shape=list(values.shape), dtype=dtype))
            arrays.append(np.ascontiguousarray(values, dtype))

        with np.errstate(all="ignore"):
            layers = [GRID[request.play.features], *player.values(GRID[request.play.features])]
            for number, values in enumerate(layers):
                square = values.T.reshape(-1, PLACES, PLACES)
                add(f"f{number}", square if number == len(layers) - 1 else square[:, ::STRIDE, ::STRIDE])
        for i, (w, b) in enumerate(zip(player.weights, player.biases, strict=True)):
            add(f"w{i + 1}", w, "float64")
            add(f"b{i + 1}", b, "float64")
        if request.points:
            tested = np.zeros((len(table.points.x), 1))
            tested[table.tested] = 1
            add("points", np.concatenate([table.points.x, table.points.y, tested], 1))
        train, right_trained = table.measured(player.x, player.y)
        test, right = table.measured(table.test_x, table.test_y) if len(table.tested) else (None, right_trained)
        told = p.Played(
            request=request.request,
            source=source,
            step=player.step,
            epoch=player.step / player.each,
            each=player.each,
            wanted=request.step,
            train=m.Number(f"{source}#loss@train", train),
            test=None if test is None else m.Number(f"{source}#loss@test", test),
            right=None
            if right is None
            else m.Number(f"{source}#accuracy@{'test' if test is not None else 'train'}", right),
            right_trained=None if right_trained is None else m.Number(f"{source}#accuracy@train", right_trained),
            classes=table.points.classes,
            exploded=not math.isfinite(train),
            reach=REACH,
            optimisers=list(ALL),
            activations=list(ACTIVATIONS),
            arrays=entries,
        )
        return m.encode(told, arrays)

    def _table(self, play: p.PlayOf) -> _Table:
        key = msgspec.json.encode(play)
        if key not in self._held:
            before = self._held.get(msgspec.json.encode(msgspec.structs.replace(play, edits=play.edits[:-1])))
            table = _Table(play, self._points(play))
            if before is not None and play.edits:
                table.player.take_over(before.player, play.edits[-1].step)
            self._held[key] = table
        self._held.move_to_end(key)
        while len(self._held) > MOST_HELD:
            self._held.popitem(last=False)
        return self._held[key]

    def _points(self, play: p.PlayOf) -> Points:
        kind, _, id = play.data.partition(":")
        if kind != "given":
            return points(play.data, play.count, play.noise, play.seed)
        if id not in self._given:
            raise GlassworkError(
                "these points are not here any more", why="the program was started anew", todo="Give them again."
            )
        return self._given[id]


class _Table:
    """Points, parted, and the network that is trained on them."""

    def __init__(self, play: p.PlayOf, drawn: Points) -> None:
        self.points = drawn
        order = np.random.default_rng([play.seed, SPLIT]).permutation(len(drawn.x))
        self.tested = order[: round(play.test * len(order))]
        trained = order[len(self.tested) :]
        x = features(play.features, drawn.x)
        self.test_x, self.test_y = x[self.tested], drawn.y[self.tested]
        layers = [Layer(one.units, one.activation) for one in play.hidden]
        network = first_weights(x.shape[1], [*layers, Layer(1, "identity")], play.seed)
        settings: dict[str, Any] = {"lr": play.rate}
        if play.momentum and play.optimiser in ("SGD", "RMSprop", "Muon"):
            settings["momentum"] = play.momentum
        how = Play(
            cost="binary" if drawn.classes else "half_squares",
            optimiser=play.optimiser,
            settings=settings,
            batch=play.batch,
            l1=play.l1,
            l2=play.l2,
            dropout=play.dropout,
            seed=play.seed,
        )
        edits = dict[int, list[tuple[int, int, float]]]()
        for one in play.edits:
            width = network.weights[one.layer - 1].shape[1]
            bias = one.source < 0
            place = one.unit if bias else one.unit * width + one.source
            edits.setdefault(one.step, []).append((2 * (one.layer - 1) + bias, place, one.value))
        self.player = Player(
            network, torch.from_numpy(x[trained]), torch.from_numpy(drawn.y[trained]), how, edits=edits
        )

    def measured(self, x: Numbers, y: Numbers) -> tuple[float, float | None]:
        """The cost of these points, without penalties; and of classes which share is told rightly."""
        with np.errstate(all="ignore"):
            answer = self.player.values(x)[-1]
            cost = self.player.cost(x, y)
        return cost, float(((answer > 0) == (y > 0.5)).mean()) if self.points.classes else None


def features(names: list[str], x: Numbers) -> Numbers:
    """What the network is given of each point: (N, 2) -> (N, len(names))."""
    return np.stack([FEATURES[name](x[:, 0], x[:, 1]) for name in names], 1)


class _Grid(dict[tuple[str, ...], Numbers]):
    """The features at the middle of each place of the plane, from its upper left, (PLACES^2, F)."""

    def __getitem__(self, names: Any) -> Numbers:
        key = tuple(names)
        if key not in self:
            ticks = (np.arange(PLACES) + 0.5) / PLACES * 2 * REACH - REACH
            across, up = np.meshgrid(ticks, -ticks)
            self[key] = features(list(key), np.stack([across.ravel(), up.ravel()], 1))
        return super().__getitem__(key)


GRID = _Grid()


def name_of(play: p.PlayOf) -> str:
    """All settings in a line."""
    hidden = "-".join(f"{one.units}.{one.activation}" for one in play.hidden) or "none"
    edits = "-".join(f"{e.step}.{e.layer}.{e.unit}.{e.source}.{e.value!r}" for e in play.edits) or "none"
    parts = (
        play.data, play.count, play.test, play.noise, "-".join(play.features), hidden, play.optimiser, play.rate,
        play.momentum, play.batch, play.l1, play.l2, play.dropout, play.seed, edits,
    )  # fmt: skip
    return "/".join(map(str, parts))


def given_points(rows: list[list[float]]) -> Points:
    """Points of the reader's, moved and scaled into the plane.

    Raises:
        GlassworkError: they can't be played with, and why.
    """
    if any(len(row) != 3 for row in rows):
        raise _unfit("each needs two coordinates and a class or value")
    if not 4 <= len(rows) <= MOST_POINTS:
        raise _unfit(f"there are {len(rows):,}; 4 to {MOST_POINTS:,} can be played with")
    values = np.array(rows, np.float64)
    if not np.isfinite(values).all():
        raise _unfit("some are no numbers")
    x, y = values[:, :2], values[:, 2]
    with np.errstate(all="ignore"):
        span = np.ptp(x, axis=0)
    if (span == 0).any():
        raise _unfit("a coordinate is the same for all of them")
    if np.ptp(y) == 0:
        raise _unfit("the last column is the same for all of them: there is nothing to learn")
    if np.abs(x).max() > REACH:
        with np.errstate(all="ignore"):
            x = ((x - x.min(0)) / span - 0.5) * 2 * (REACH - 1)
        if not np.isfinite(x).all():
            raise _unfit("the numbers are too large")
    levels = np.unique(y)
    if len(levels) == 2:
        return Points(x, (y == levels[1]).astype(np.float64)[:, None], True)
    low, high = levels[0], levels[-1]
    with np.errstate(all="ignore"):
        scaled = (y - low) / (high - low) * 2 - 1
    if not np.isfinite(scaled).all():
        raise _unfit("the numbers are too large")
    return Points(x, scaled[:, None], False)


def _unfit(why: str) -> GlassworkError:
    return GlassworkError("these points can't be played with", why=why, todo="Give rows of x, y, and a class or value.")


def _check(play: p.PlayOf) -> None:
    """Whether the settings can be played.

    Raises:
        GlassworkError: one of them is out of bounds.
    """
    numbers = (play.noise, play.rate, play.momentum, play.l1, play.l2, play.dropout, play.test)
    wrong = ""
    if not all(math.isfinite(one) and one >= 0 for one in (*numbers, play.seed)) or play.rate > 1e6:
        wrong = "a setting is no number from 0"
    elif not 4 <= play.count <= MOST_POINTS:
        wrong = f"{play.count:,} points; 4 to {MOST_POINTS:,} can be drawn"
    elif len(play.hidden) > MOST_LAYERS or any(not 1 <= one.units <= MOST_UNITS for one in play.hidden):
        wrong = f"at most {MOST_LAYERS} hidden layers of 1 to {MOST_UNITS} units"
    elif not play.features or len(set(play.features)) != len(play.features):
        wrong = "it needs features, each once"
    elif play.test > 0.9 or play.dropout > 0.9 or play.noise > 1 or play.momentum >= 1:
        wrong = "test and dropout are at most 0.9, noise 1, and momentum is below 1"
    elif not 1 <= play.batch <= MOST_POINTS or play.seed >= 1 << 31:
        wrong = f"a batch has 1 to {MOST_POINTS:,} points"
    elif len(play.edits) > MOST_EDITS or not all(_fits(one, play) for one in play.edits):
        wrong = "a weight that was set by hand is not there"
    if wrong:
        raise GlassworkError("this can't be played", why=wrong, todo="Choose other settings.")
    for name in play.features:
        if name not in FEATURES:
            raise unknown("feature", name, list(FEATURES))
    for one in play.hidden:
        if one.activation not in ACTIVATIONS:
            raise unknown("activation", one.activation, list(ACTIVATIONS))
    if play.optimiser not in ALL:
        raise unknown("optimiser", play.optimiser, list(ALL))


def _fits(edit: p.Dragged, play: p.PlayOf) -> bool:
    units = [len(play.features), *(one.units for one in play.hidden), 1]
    return (
        1 <= edit.layer < len(units)
        and 0 <= edit.unit < units[edit.layer]
        and -1 <= edit.source < units[edit.layer - 1]
        and 0 <= edit.step <= MOST_STEPS
        and math.isfinite(edit.value)
    )


def learned(play: p.PlayOf, step: int) -> tuple[str, float]:
    """The source of a network after so many steps, and which share of the points that it was not trained on it tells
    right.

    Raises:
        GlassworkError: it can't be played.
    """
    _check(play)
    table = _Table(play, points(play.data, play.count, play.noise, play.seed))
    table.player.go(step)
    right = table.measured(table.test_x, table.test_y)[1]
    if right is None:
        raise GlassworkError("these points have no classes", where=play.data, why="values are told of them")
    return f"play:{name_of(play)}@{step}", right
