"""A lesson in backpropagation: what is refused, and what an exploding rate is shown as."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from glasswork.errors import GlassworkError
from glasswork.scenes.lessons import Lessons
from glasswork.scenes.messages import lessons as q

TEN = q.LayerOf(10, "sigmoid")


def opened(weight: list[int] | None = None, **given: Any) -> dict[str, Any]:
    request = q.OpenLesson(request=1, lesson=q.Lesson(**given), weight=weight or [])
    (answer,) = Lessons().answer(request, lambda _: b"", lambda: False)
    if isinstance(answer, bytes):
        (length,) = struct.unpack("<I", answer[:4])
        return json.loads(answer[4 : 4 + length])
    return json.loads(str(answer))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"network": "resnet"}, "no dense network of digits called 'resnet'"),
        ({"network": "", "layers": []}, "it has 0 layers"),
        ({"network": "", "layers": [TEN] * 9}, "it has 9 layers"),
        ({"network": "", "layers": [q.LayerOf(999, "relu"), TEN]}, "1 to 256 units"),
        ({"network": "", "layers": [q.LayerOf(5, "relu")]}, "each of the ten digits"),
        ({"network": "", "layers": [q.LayerOf(5, "wave"), TEN]}, "no activation called 'wave'"),
        ({"step": 10**9}, "steps"),
        ({"step": -1}, "steps"),
        ({"rate": float("nan")}, "the rate is nan"),
        ({"batch": 0}, "a batch of 0"),
        ({"label": 12}, "the label is 12"),
        ({"optimiser": "LBFGS"}, "no optimiser called 'LBFGS'"),
        ({"input": "sample:nothing"}, "no sample called"),
        ({"weight": [3, 10, 0]}, "no such weight"),
        ({"weight": [4, 0, 0]}, "no such weight"),
    ],
)
def test_a_lesson_out_of_bounds_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(GlassworkError, match=said):
        opened(**given)


def test_a_rate_that_explodes_is_told_and_still_answered() -> None:
    told = opened(network="", layers=[q.LayerOf(8, "relu"), q.LayerOf(10, "identity")], rate=1e3, step=400)
    assert told["exploded"]
    assert told["cost"]["value"] is None
    assert not opened(rate=0.2, step=2)["exploded"]


@pytest.mark.parametrize("optimiser", ["SGD", "momentum", "RMSprop", "Adam"])
def test_the_cards_formula_gives_the_optimisers_own_weight(optimiser: str) -> None:
    update = opened(optimiser=optimiser, rate=0.01, step=4, weight=[2, 3, 7])["weight"]["update"]
    assert update["lines"][-1]["result"]["number"]["value"] == pytest.approx(update["after"]["value"], rel=1e-6)
    assert update["error"] <= 1e-6


def test_a_finite_difference_stands_beside_the_slope() -> None:
    for weight in ([1, 4, 406], [2, 0, 15], [3, 9, 2]):
        found = opened(weight=weight)["weight"]
        assert found["difference"]["value"] == pytest.approx(found["gradient"]["value"], rel=1e-6, abs=1e-10)
        value, slope, wish = (found[name]["value"] for name in ("value", "slope", "wish"))
        assert value * slope * wish == pytest.approx(found["gradient"]["value"], rel=1e-9, abs=1e-15)
