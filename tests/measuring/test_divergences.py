"""Divergences, against cases worked out by hand and against what is known of normal distributions."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from glasswork.measuring import divergences as d


def test_points_are_counted_in_their_cells_and_outside() -> None:
    grid = d.grid_over(np.array([[0.0, 0.0], [10.0, 20.0]]), cells=2)
    np.testing.assert_allclose([grid.low, grid.high], [[-0.5, -1], [10.5, 21]])
    counts = grid.count(np.array([[1, 1], [1, 11], [9, 2], [9, 12], [9, 20], [11, 3], [np.nan, 1], [-1e300, 0]]))
    assert counts.tolist() == [1, 1, 1, 2, 3]


def test_js_and_kl_are_those_worked_out_by_hand() -> None:
    same, apart = np.array([4, 4, 0, 0, 0]), np.array([0, 0, 6, 1, 1])
    assert d.js_bits(same, same) == 0
    assert d.js_bits(same, apart) == 1
    half = np.array([8, 0, 0, 0, 0])
    # M = (3/4, 1/4): 1/2 (1/2 log2(2/3) + 1/2 log2 2) + 1/2 log2(4/3)
    assert d.js_bits(same, half) == pytest.approx(0.5 * (0.5 * math.log2(2 / 3) + 0.5) + 0.5 * math.log2(4 / 3))
    p, q = np.array([3.5, 1.5]) / 5, np.array([1.5, 3.5]) / 5
    assert d.kl_bits(np.array([3, 1]), np.array([1, 3])) == pytest.approx(float((p * np.log2(p / q)).sum()))


def test_what_falls_outside_counts() -> None:
    random = np.random.default_rng(0)
    real = random.random((5000, 2))
    grid = d.grid_over(real)
    far = random.random((5000, 2)) + 5
    assert d.js_bits(grid.count(real), grid.count(far)) == 1


def test_the_deviation_is_that_of_measuring_anew() -> None:
    random = np.random.default_rng(1)
    draws = [(random.normal(0, 1, (4000, 2)), random.normal(0.3, 1, (4000, 2))) for _ in range(60)]
    grid = d.Grid(np.full(2, -4.0), np.full(2, 4.0))
    anew = float(np.std([d.js_bits(grid.count(a), grid.count(b)) for a, b in draws]))
    told = d.deviations(grid.count(draws[0][0]), grid.count(draws[0][1]), random)[0]
    assert told == pytest.approx(anew, rel=0.35)


def test_sliced_wasserstein_of_a_shift_is_its_mean_shadow() -> None:
    points = np.random.default_rng(2).normal(size=(2000, 2))
    found = d.sliced_wasserstein(points, points + np.array([3.0, 0.0]), directions=400)
    assert found == pytest.approx(3 * 2 / math.pi, rel=1e-3)  # the mean of |cos|


def test_precision_falls_with_strays_and_recall_with_what_is_missing() -> None:
    random = np.random.default_rng(3)
    left, right = random.normal(0, 1, (500, 2)), random.normal(0, 1, (500, 2)) + 50
    both = np.concatenate([left, right])[random.permutation(1000)]
    precision, recall = d.precision_recall(both, random.normal(0, 1, (1000, 2)))
    assert precision > 0.9
    assert recall == pytest.approx(0.5, abs=0.05)
    precision, recall = d.precision_recall(random.normal(0, 1, (1000, 2)), both)
    assert precision == pytest.approx(0.5, abs=0.05)
    assert recall > 0.9


def test_shares_of_clusters_count_what_lies_within_three_deviations() -> None:
    modes, spread = np.array([[0.0, 0.0], [10.0, 0.0]]), np.array([[1.0, 1.0], [1.0, 2.0]])
    made = np.array([[0, 2.9], [0, 3.1], [10, 5.9], [10, 6.1], [np.nan, 0]])
    np.testing.assert_allclose(d.mode_shares(made, modes, spread), [0.2, 0.2])


@pytest.mark.parametrize(("loss", "form"), [
    ("saturating", lambda p, q, a: -(p * np.log(a) + q * np.log(1 - a)) / 2),
    ("least_squares", lambda p, q, a: (p * (a - 1) ** 2 + q * a**2) / 2),
    ("hinge", lambda p, q, a: (p * np.maximum(0, 1 - a) + q * np.maximum(0, 1 + a)) / 2),
])  # fmt: skip
def test_the_best_loss_is_the_least_over_all_answers(loss: str, form: Callable[..., np.ndarray]) -> None:
    p, q = np.array([5, 3, 2, 7]), np.array([2, 8, 1, 1])
    answers = np.linspace(-1, 1, 4001) if loss == "hinge" else np.linspace(0.0005, 0.9995, 4001)
    least = sum(form(a, b, answers).min() for a, b in zip(p / p.sum(), q / q.sum(), strict=True))
    assert d.best_loss(loss, p, q) == pytest.approx(least, abs=1e-5)
    assert d.best_loss("wasserstein", p, q) is None
