"""Slopes by differences, in fp64: for the few functions that torch can't differentiate."""

from __future__ import annotations

from collections.abc import Callable

import torch

_SHARES = ((1, 3 / 4), (2, -3 / 20), (3, 1 / 60))  # central differences of sixth order


def slope_by_difference(
    function: Callable[[torch.Tensor], list[torch.Tensor]], x: torch.Tensor, index: tuple[int, ...]
) -> list[torch.Tensor]:
    """d(function(x))/d(x[index]) for each output, dense; exact up to rounding where the function is linear.

    Args:
        function: of an fp64 tensor; called six times.
    """
    step = 2e-3 * max(1.0, abs(x[index].item()))
    total: list[torch.Tensor] = []
    for distance, share in _SHARES:
        for sign in (1, -1):
            moved = x.clone()
            moved[index] += sign * distance * step
            parts = [y.double() * (sign * share / step) for y in function(moved)]
            total = [a + b for a, b in zip(total, parts, strict=True)] if total else parts
    for slopes in total:
        if slopes.numel():
            slopes[slopes.abs() < 1e-13 / step * max(1.0, slopes.abs().max().item())] = 0.0  # rounding alone
    return total
