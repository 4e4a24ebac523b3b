"""One look at two players: what the diagnoses and the curves are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from glasswork.measuring.divergences import Grid, grid_over, js_bits, mode_shares
from glasswork.measuring.duels import Look, entropy_cells
from glasswork.training.duelling import FOOLING, Numbers, Player

if TYPE_CHECKING:
    from glasswork.training.laboratory import Laboratory

MEASURED = 12_000
ASKED = 1_000  # points that the discriminator is asked about
REAL, MADE = 31, 32  # streams of the seed


class Looking:
    """What stays the same from look to look: real points, their counts, and noise.

    Args:
        laboratory: whose players are looked at.
    """

    def __init__(self, laboratory: Laboratory) -> None:
        self.laboratory = laboratory
        seed = laboratory.duel.seed
        data = laboratory.data
        self.real = data.draws(np.random.default_rng([seed, REAL]), MEASURED)
        self.noise = laboratory.noise(np.random.default_rng([seed, MADE]), MEASURED)
        self.grid: Grid = grid_over(self.real)
        self.counts: NDArray[np.int64] = self.grid.count(self.real)
        self.cells = entropy_cells(self.counts)
        self.seen = data.seen(self.real[:ASKED])

    def look(self) -> Look:
        """At the players as they are now."""
        laboratory = self.laboratory
        generator, critic, data = laboratory.generator, laboratory.discriminator, laboratory.data
        seen = generator.forward(self.noise)
        hidden = [values[:ASKED] for values in generator.values[1:-1]]
        made = data.back(seen)
        counts = self.grid.count(made)
        asked = seen[:ASKED]
        said = critic.forward(np.concatenate([self.seen, asked]))
        believed = 0.5 * np.tanh(0.5 * said) + 0.5
        if laboratory.duel.loss == "least_squares":
            believed = said.clip(0, 1)
        dead = (_dead(generator, hidden), _dead(critic, critic.values[1:-1]))
        slopes = FOOLING[laboratory.duel.loss](critic.forward(asked))[1] * len(asked)
        push = critic.backward(slopes, inputs=True, weights=False)
        middle = asked.mean(0) / (data.scale * data.width)
        return Look(
            step=laboratory.step,
            js=js_bits(self.counts, counts),
            filled=entropy_cells(counts) / self.cells,
            shares=tuple(mode_shares(made, data.modes, data.spread).tolist()) if len(data.modes) else (),
            middle=(float(middle[0]), float(middle[1])),
            reach=float(np.median(np.linalg.norm(asked, axis=1))) / (data.scale * data.width),
            real=float(believed[:ASKED].mean()),
            made=float(believed[ASKED:].mean()),
            flat=float(said.std()),
            push=float(np.median(np.linalg.norm(push, axis=1))),
            dead=dead,
            finite=laboratory.finite,
        )


def _dead(player: Player, hidden: list[Numbers]) -> tuple[float | None, ...]:
    return tuple(
        float((values <= 0).all(0).mean()) if name == "relu" else None
        for name, values in zip(player.activations, hidden, strict=True)
    )
