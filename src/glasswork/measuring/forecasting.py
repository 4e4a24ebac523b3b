"""How far told futures are from what came, beside what can be told without a network."""

from __future__ import annotations

import numpy as np


def autoregression(values: np.ndarray, fit_to: int, order: int, horizon: int) -> np.ndarray:
    """The weights of a linear autoregression that tells `horizon` steps ahead at once, by least squares.

    Args:
        values: (N,).
        fit_to: only targets before this step are fitted.
        order: how many of the last values it reads.
        horizon: steps ahead.

    Returns:
        its constant, then the weight of the last value, of the one before it, ...: (1 + order,).
    """
    targets = np.arange(order + horizon - 1, fit_to)
    rows = lagged(values, targets - horizon, order)
    return np.linalg.lstsq(rows, values[targets], rcond=None)[0]


def lagged(values: np.ndarray, last: np.ndarray, order: int) -> np.ndarray:
    """1, and the `order` values up to each step of `last`, newest first: (M, 1 + order)."""
    return np.concatenate([np.ones((len(last), 1)), values[last[:, None] - np.arange(order)]], axis=1)


def baseline_scores(
    values: np.ndarray, targets: np.ndarray, fit_to: int, order: int, season: int, horizon: int
) -> dict[str, float]:
    """The mean absolute errors of three tellers without a network.

    mae_last: that nothing changes; mae_seasonal: what was a season (of those, the newest one known) before the target;
    mae_ar: a linear autoregression, fitted by least squares before step `fit_to`.

    Args:
        values: (N,).
        targets: the steps that are told, each `horizon` after the last one known.
        fit_to, order, season, horizon: in steps.
    """
    last = targets - horizon
    back = season * -(-horizon // season)
    weights = autoregression(values, fit_to, order, horizon)
    tellers = {
        "mae_last": values[last],
        "mae_seasonal": values[targets - back],
        "mae_ar": lagged(values, last, order) @ weights,
    }
    return {name: float(np.abs(told - values[targets]).mean()) for name, told in tellers.items()}
