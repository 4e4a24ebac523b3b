"""The playground: what may be given, and that what it shows is what the settings name."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest

from glasswork.data.points import NAMES, points
from glasswork.errors import GlassworkError
from glasswork.scenes.messages import playground as p
from glasswork.scenes.messages.lessons import LayerOf
from glasswork.scenes.playground import Playground

FOUR = [[0.0, 0.0, 0.0], [1.0, 2.0, 1.0], [2.0, 1.0, 1.0], [3.0, 5.0, 0.0]]


def told(answer: object) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    assert isinstance(answer, bytes)
    (length,) = struct.unpack("<I", answer[:4])
    found, place, arrays = json.loads(answer[4 : 4 + length]), 4 + length, {}
    for entry in found["arrays"]:
        size = int(np.prod(entry["shape"])) * np.dtype(entry["dtype"]).itemsize
        values = np.frombuffer(answer[place : place + size], entry["dtype"]).reshape(entry["shape"])
        arrays[entry["ref"].partition("#")[2]] = values
        place += size + -size % 8
    return found, arrays


def play(ground: Playground, step: int, **given: Any) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    request = p.PlayOn(request=1, play=p.PlayOf(**given), step=step, milliseconds=5000)
    (answer,) = ground.answer(request, lambda: False)
    return told(answer)


@pytest.mark.parametrize("name", NAMES)
def test_a_set_is_in_the_plane_and_the_same_each_time(name: str) -> None:
    one, again = points(name, 300, 0.1, 5), points(name, 300, 0.1, 5)
    assert np.array_equal(one.x, again.x)
    assert not np.array_equal(one.x, points(name, 300, 0.1, 6).x)
    assert np.abs(points(name, 300, 0, 5).x).max() <= 6.5
    if one.classes:
        assert 100 < one.y.sum() < 200
    else:
        assert -1 <= one.y.min() < -0.2
        assert 0.2 < one.y.max() <= 1


@pytest.mark.parametrize(
    ("name", "right"), [("circle", 0.95), ("xor", 0.95), ("gaussians", 0.97), ("spiral", 0.97), ("moons", 0.97)]
)
def test_every_set_of_two_classes_can_be_told_apart(name: str, right: float) -> None:
    hidden = [LayerOf(12, "sine" if name == "spiral" else "tanh")] * 2
    found, _ = play(Playground(), 600, data=name, hidden=hidden, optimiser="Adam", rate=0.03, batch=20)
    assert found["step"] == 600
    assert found["right"]["value"] >= right


def test_without_a_hidden_layer_xor_stays_a_coins_throw() -> None:
    found, _ = play(Playground(), 500, data="xor", hidden=[], optimiser="Adam", rate=0.03)
    assert 0.35 < found["right"]["value"] < 0.68


@pytest.mark.parametrize("name", ["plane", "multi_gaussian"])
def test_a_value_can_be_fitted(name: str) -> None:
    given = {"data": name, "hidden": [LayerOf(12, "tanh")] * 2, "optimiser": "Adam", "rate": 0.01}
    ground = Playground()
    first, last = play(ground, 0, **given)[0], play(ground, 1500, **given)[0]
    assert last["right"] is None
    assert last["test"]["value"] < 0.4 * first["test"]["value"]


def test_a_dragged_weight_holds_and_what_comes_after_follows() -> None:
    given = {"data": "circle", "hidden": [LayerOf(3, "tanh")]}
    edits = [p.Dragged(step=30, layer=1, unit=2, source=1, value=1.25)]
    ground = Playground()
    before = play(ground, 30, **given)[1]
    moved = play(ground, 30, **given, edits=edits)[1]
    assert moved["w1@value"][2, 1] == 1.25
    assert np.array_equal(moved["w1@value"][:2], before["w1@value"][:2])
    later, anew = (play(one, 60, **given, edits=edits)[1]["w1@value"] for one in (ground, Playground()))
    assert np.array_equal(later, anew)


def test_a_rate_that_explodes_is_shown_as_what_it_is() -> None:
    found, _ = play(Playground(), 300, data="plane", hidden=[LayerOf(4, "relu")] * 3, rate=100.0)
    assert found["exploded"]
    assert found["train"]["value"] is None


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "there are 0"),
        (FOUR * 600, "there are 2,400"),
        ([*FOUR, [1.0, 2.0]], "two coordinates"),
        ([*FOUR, [1.0, float("nan"), 0.0]], "some are no numbers"),
        ([[1.0, float(i), float(i % 2)] for i in range(5)], "the same for all"),
        ([[float(i), float(i), 3.0] for i in range(5)], "nothing to learn"),
        ([[i * 0.6e308, float(i), float(i % 2)] for i in range(-2, 3)], "too large"),
    ],
)
def test_points_that_cannot_be_played_with_are_refused(rows: list[list[float]], said: str) -> None:
    with pytest.raises(GlassworkError, match=said):
        next(iter(Playground().answer(p.GivePoints(request=1, points=rows), lambda: False)))


def test_given_points_are_played_with_until_they_are_forgotten() -> None:
    ground = Playground()
    (given,) = ground.answer(p.GivePoints(request=1, points=FOUR), lambda: False)
    assert isinstance(given, p.PointsGiven)
    assert given.classes
    found, arrays = play(ground, 10, data=f"given:{given.id}", test=0.0)
    assert found["test"] is None
    assert sorted(map(tuple, arrays["points@value"][:, :3])) == sorted(map(tuple, FOUR))
    with pytest.raises(GlassworkError, match="not here any more"):
        play(Playground(), 0, data=f"given:{given.id}")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"data": "torus"}, "no set of points called 'torus'"),
        ({"count": 10**6}, "1,000,000 points"),
        ({"features": []}, "it needs features"),
        ({"features": ["x", "z"]}, "no feature called 'z'"),
        ({"hidden": [LayerOf(99, "relu")]}, "at most 8 hidden layers"),
        ({"hidden": [LayerOf(4, "relu")] * 9}, "at most 8 hidden layers"),
        ({"hidden": [LayerOf(4, "wave")]}, "no activation called 'wave'"),
        ({"optimiser": "Newton"}, "no optimiser called 'Newton'"),
        ({"rate": float("inf")}, "no number from 0"),
        ({"dropout": 1.0}, "at most 0.9"),
        ({"edits": [p.Dragged(0, 1, 0, 7, 1.0)]}, "set by hand is not there"),
        ({"edits": [p.Dragged(0, 1, 0, 0, float("nan"))]}, "set by hand is not there"),
    ],
)
def test_settings_out_of_bounds_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(GlassworkError, match=said):
        play(Playground(), 0, **given)
