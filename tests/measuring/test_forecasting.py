"""Forecasts without a network, against their definitions written as loops."""

import numpy as np
import pytest

from glasswork import measuring
from glasswork.data.series import load_series


def test_an_autoregression_finds_the_weights_that_made_a_series() -> None:
    random = np.random.default_rng(0)
    values = [1.0, 2.0, 0.5]
    for _ in range(400):
        values.append(0.3 + 0.5 * values[-1] - 0.2 * values[-3] + 1e-6 * random.standard_normal())
    found = measuring.autoregression(np.array(values), 400, 3, 1)
    assert found == pytest.approx([0.3, 0.5, 0, -0.2], abs=1e-3)


def test_baselines_are_those_of_their_definitions() -> None:
    series = load_series("co2")
    begin, horizon, order = 2_000, 26, 9
    targets = np.arange(begin, begin + 40)
    y = series.values
    found = measuring.baseline_scores(y, targets, begin, order, 52, horizon)
    assert found["mae_last"] == pytest.approx(sum(abs(y[t] - y[t - 26]) for t in targets) / 40)
    assert found["mae_seasonal"] == pytest.approx(sum(abs(y[t] - y[t - 52]) for t in targets) / 40)
    rows = np.array([[1, *y[t - 26 - order + 1 : t - 26 + 1][::-1]] for t in range(order + 25, begin)])
    weights = np.linalg.pinv(rows) @ y[order + 25 : begin]
    told = [weights @ [1, *y[t - 26 - order + 1 : t - 26 + 1][::-1]] for t in targets]
    assert found["mae_ar"] == pytest.approx(np.abs(np.array(told) - y[targets]).mean(), rel=1e-6)
