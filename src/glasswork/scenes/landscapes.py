"""The cost over a plane through the weights: where training came from, where it is, and how high it is around.

The plane holds the way so far as well as two straight lines can: its first direction runs from the first to the present
weights, its second to that kept step which lies farthest beside this line. Before three steps, where there is no way,
both are drawn at random, each layer of them as large as that layer's own weights (Li et al. 2018,
https://arxiv.org/abs/1712.09913).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from glasswork.training.backpropagation import COSTS, Numbers, passed
from glasswork.training.dense import Dense

KEPT, ROWS = 12, 25
DIRECTIONS = 6  # the stream of the seed
BEYOND = 0.5  # how far the plane goes on past the way, by its length
FAINT = 1e-9


@dataclass(frozen=True)
class Plane:
    """Costs over a plane.

    Attributes:
        costs: (ROWS, ROWS), the first row at the lowest second coordinate.
        path: (P, 3): both coordinates of the kept steps, and the cost there, which may lie beside the plane.
        reach: low and high of the first coordinate, then of the second.
    """

    costs: Numbers
    path: Numbers
    reach: list[float]


def way(step: int) -> list[int]:
    """The steps whose weights mark the way, the first and the present one among them."""
    return sorted({round(step * i / KEPT) for i in range(KEPT + 1)})


def plane(
    path: list[Numbers], network: Dense, x: Numbers, y: Numbers, seed: int, cancelled: Callable[[], bool]
) -> Plane:
    """The plane through a way.

    Args:
        path: all weights and biases in a row, at each kept step; the last are the present ones.
        network: for its shapes.
        x: (N, I).
        y: (N, O).
        seed: of directions that are drawn.
        cancelled: asked between two rows.
    """
    here = path[-1]
    along, beside = directions(path, network, seed)
    points = np.array(
        [[(one - here) @ along / (along @ along), (one - here) @ beside / (beside @ beside)] for one in path]
    )
    reach = []
    for low, high in zip(points.min(0), points.max(0), strict=True):
        margin = BEYOND * max(high - low, 1.0)
        reach += [float(low - margin), float(high + margin)]
    across, up = np.linspace(reach[0], reach[1], ROWS), np.linspace(reach[2], reach[3], ROWS)
    costs = np.full((ROWS, ROWS), np.nan)
    for row, b in enumerate(up):
        if cancelled():
            break
        for column, a in enumerate(across):
            costs[row, column] = cost_at(here + a * along + b * beside, network, x, y)
    heights = [cost_at(one, network, x, y) for one in path]
    return Plane(costs, np.column_stack([points, heights]), reach)


def directions(path: list[Numbers], network: Dense, seed: int) -> tuple[Numbers, Numbers]:
    """Two directions at right angles, as long as the way, or as each layer's weights."""
    here = path[-1]
    along = here - path[0]
    size = float(along @ along)
    if len(path) > 2 and size > FAINT:
        others = [one - path[0] - ((one - path[0]) @ along / size) * along for one in path[1:-1]]
        beside = max(others, key=lambda one: float(one @ one))
        if beside @ beside > FAINT * size:
            return along, beside * (size / float(beside @ beside)) ** 0.5
    drawn = [_like(network, here, seed, number) for number in (0, 1)]
    if size <= FAINT:
        along = drawn[0]
    beside = drawn[1] - (drawn[1] @ along) / (along @ along) * along
    return along, beside


def _like(network: Dense, here: Numbers, seed: int, number: int) -> Numbers:
    random = np.random.default_rng([seed, DIRECTIONS, number])
    parts, place = [], 0
    for one in network.parameters:
        own = here[place : place + one.numel()]
        place += one.numel()
        drawn = random.standard_normal(one.numel())
        parts.append(drawn * (np.linalg.norm(own) / max(float(np.linalg.norm(drawn)), FAINT)))
    return np.concatenate(parts)


def cost_at(row: Numbers, network: Dense, x: Numbers, y: Numbers) -> float:
    """The sum of squares with these weights, mean over examples."""
    parts, place = list[Numbers](), 0
    for one in network.parameters:
        parts.append(row[place : place + one.numel()].reshape(tuple(one.shape)))
        place += one.numel()
    return COSTS["squares"](passed(parts[::2], parts[1::2], network.activations, x)[-1], y)[0]
