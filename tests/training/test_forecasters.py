"""How a series is read and told: every column by its definition, and growth taken off and put back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from glasswork.zoo.sequences import Forecast


def test_a_window_is_read_beside_its_lags() -> None:
    how = Forecast(horizons=(1, 5), window=3, relative=True, lags=(2, 4), harmonics=1, std=2.0, scales=(1.0, 1.0))
    assert (how.reach, how.inputs) == (7, 6)
    values, phase = np.arange(8.0)[None] ** 2, np.linspace(0, 0.7, 8)[None]
    x = how.read(values, phase)[0]
    for row, t in enumerate((5, 6, 7)):
        wanted = [(t**2 - 49) / 2, (t**2 - (t - 1) ** 2) / 2, ((t - 2) ** 2 - 49) / 2, ((t - 4) ** 2 - 49) / 2]
        angle = 2 * math.pi * phase[0, t]
        assert x[row].tolist() == pytest.approx([*wanted, math.sin(angle), math.cos(angle)], rel=1e-6)


def test_growth_alone_is_read_as_nothing_and_told_rightly() -> None:
    how = Forecast(
        horizons=(1, 26), window=10, relative=True, lags=(50,), growth=0.01, floor=280.0, season=52, scales=(3.0, 3.0)
    )
    series = 280 + 30 * np.exp(0.01 * np.arange(100.0))
    windows, ahead = series[None, : how.reach + 1], np.array([[how.reach + 1, how.reach + 26]])
    assert how.read(windows, np.zeros_like(windows)).abs().max() <= 0.3  # the mean of a season stands for its middle
    said = how.told(windows, torch.zeros(1, 2))
    assert said == pytest.approx(series[ahead], abs=0.5)
    wanted = how.wanted(windows, series[ahead])
    assert how.told(windows, wanted) == pytest.approx(series[ahead], rel=1e-6)
