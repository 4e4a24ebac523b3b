"""Diagnoses of two players: each on looks made up for it, and none where nothing is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glasswork.measuring.duels import Look, diagnose, entropy_cells

WELL = Look(
    step=0, js=0.1, filled=0.9, shares=(0.3, 0.3, 0.3), middle=(0.0, 0.0), reach=0.3, real=0.5, made=0.5, flat=0.3,
    push=0.3, dead=((None, 0.2), (0.0,)), finite=True,
)  # fmt: skip


def course(**last: object) -> list[Look]:
    """Ten looks of which the last three are changed."""
    looks = [replace(WELL, step=250 * (i + 1)) for i in range(10)]
    return looks[:7] + [replace(look, **last) for look in looks[7:]]


@pytest.mark.parametrize(("name", "last", "numbers"), [
    ("diverged", {"finite": False}, {"reach": 0.3}),
    ("diverged", {"reach": 11.0}, {"reach": 11.0}),
    ("dead", {"dead": ((None, 0.2), (0.5,))}, {"share": 0.5, "player": 1}),
    ("collapsed", {"filled": 0.2}, {"filled": 0.2}),
    ("dropped", {"shares": (0.5, 0.4, 0.03)}, {"clusters": 1, "of": 3, "share": 0.03}),
    ("sure", {"real": 0.96, "made": 0.04, "push": 0.05}, {"real": 0.96, "made": 0.04, "push": 0.05}),
    ("constant", {"js": 0.7, "flat": 0.01}, {"flat": 0.01, "js": 0.7}),
])  # fmt: skip
def test_each_is_named_with_its_evidence(name: str, last: dict[str, object], numbers: dict[str, float]) -> None:
    (found,) = diagnose(course(**last))
    assert (found.name, found.numbers) == (name, numbers)
    assert found.since == (2500 if name == "dead" else 2000)
    if name not in ("diverged", "dead"):
        looks = course(**last)
        assert diagnose([*looks[:8], WELL, looks[9]]) == []  # what is seen once may be chance


def test_nothing_is_found_where_nothing_is_wrong_or_too_early() -> None:
    assert diagnose([]) == []
    assert diagnose(course()) == []
    early = [replace(WELL, step=250 * (i + 1), filled=0.01) for i in range(4)]
    assert diagnose(early) == []
    near = course(real=0.97, made=0.02, push=0.5)  # sure, but the generator is still pushed
    assert diagnose(near) == []


def test_points_that_run_round_and_round_oscillate_and_those_that_travel_do_not() -> None:
    angles = np.arange(10) * 2.1
    round_ = [replace(one, middle=(0.2 * float(np.cos(a)), 0.2 * float(np.sin(a))))
              for one, a in zip(course(), angles, strict=True)]  # fmt: skip
    (found,) = diagnose(round_)
    assert found.name == "oscillating"
    assert found.numbers["way"] == pytest.approx(0.4 * np.sin(1.05), rel=1e-9)
    travel = [replace(one, middle=(0.1 * i, 0.0)) for i, one in enumerate(course())]
    assert diagnose(travel) == []


def test_cells_that_are_filled_evenly_are_counted() -> None:
    assert entropy_cells(np.array([5, 5, 5, 0, 99])) == pytest.approx(3)
    assert entropy_cells(np.array([0, 0, 7])) == 0
