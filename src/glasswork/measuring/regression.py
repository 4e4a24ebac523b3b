"""How far told numbers are from the true ones."""

from __future__ import annotations

import numpy as np


def regression_scores(told: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Scores of numbers that were told, in their own unit.

    mse = the mean of (told - true)^2; mae = the mean of |told - true|;
    r2 = 1 - mse / the true numbers' variance: 0 for always telling their mean, 1 for telling each (0 where they have
    no variance).

    Args:
        told: (N,).
        true: (N,).
    """
    apart = told.astype(np.float64) - true
    mse, spread = float((apart**2).mean()), float(np.var(true))
    return {"mse": mse, "mae": float(np.abs(apart).mean()), "r2": 1 - mse / spread if spread else 0.0}
