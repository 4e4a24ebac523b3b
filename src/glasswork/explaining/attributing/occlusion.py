"""Occlusion: what a score loses when a square of the picture is covered.

M. D. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", 2013, https://arxiv.org/abs/1311.2901,
section 4.2, the logit in place of the probability, so that a sure answer's loss can be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor, nn

from glasswork.explaining.attributing.batches import at_once

GRIDS = (4, 7, 14)
"""Cells along a side, coarse first."""
WIDE = 7
"""A square is as wide as a cell, and at least this fraction of the picture: one pixel hides nothing."""


@dataclass(frozen=True)
class Covers:
    """The squares of one pass: around each cell of a grid.

    Attributes:
        cell: pixels along the side of a cell; those at the right and lower edge may be smaller.
        margin: pixels by which a square reaches over its cell on each side, as far as the picture goes.
        rows, columns: of the grid.
    """

    cell: int
    margin: int
    rows: int
    columns: int

    def of(self, row: int, column: int) -> tuple[slice, slice]:
        """Rows and columns of the picture under one square."""
        spans = []
        for at in (row, column):
            start = at * self.cell
            spans.append(slice(max(0, start - self.margin), start + self.cell + self.margin))
        return spans[0], spans[1]


def covers(height: int, width: int, grid: int) -> Covers:
    """The squares around a grid of about so many cells along the longer side."""
    side = max(height, width)
    cell = max(1, ceil(side / grid))
    margin = max(0, round((side / WIDE - cell) / 2))
    return Covers(cell, margin, ceil(height / cell), ceil(width / cell))


@dataclass(frozen=True)
class Occluded:
    """What was lost.

    Attributes:
        squares: where.
        scores: (rows, columns), fp64: the score with each square covered.
        score: of the whole picture.
    """

    squares: Covers
    scores: Tensor
    score: float

    @property
    def lost(self) -> Tensor:
        """(rows, columns), fp64; below zero where the score rises."""
        return self.score - self.scores


def occlusion(
    module: nn.Module,
    x: Tensor,
    score: int,
    fill: Tensor,
    grids: tuple[int, ...] = GRIDS,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Occluded]:
    """Cover a picture square by square, with a coarse grid first.

    Args:
        module: (1, C, H, W) -> (1, K), in evaluation mode.
        x: (1, C, H, W).
        score: which of the K.
        fill: of the shape of x, or one that becomes it: what stands in the squares.
        grids: cells along a side of each pass.
        stop: asked between two batches whether to end.
    """
    height, width = x.shape[-2:]
    fill = fill.expand_as(x)
    whole = None
    for grid in grids:
        squares = covers(height, width, grid)
        places = [(row, column) for row in range(squares.rows) for column in range(squares.columns)]
        scores: list[float] = []
        together = at_once(x)
        for first in range(0, len(places), together):
            if stop():
                return
            some = places[first : first + together]
            covered = x.repeat(len(some), 1, 1, 1)
            for i, place in enumerate(some):
                rows, columns = squares.of(*place)
                covered[i, :, rows, columns] = fill[0, :, rows, columns]
            with torch.inference_mode():
                whole = module(x)[0, score].item() if whole is None else whole
                scores += module(covered)[:, score].tolist()
        assert whole is not None
        yield Occluded(squares, torch.tensor(scores, dtype=torch.float64).view(squares.rows, squares.columns), whole)
