"""Two players that are trained while one looks, and can be gone through forth and back.

What is at a step is a function of the settings alone: to go back is to take up a state that was kept before it and to
go on from there. Chance comes in blocks of steps from (seed, block), so that drawing it costs little.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from glasswork.data.distributions import Distribution
from glasswork.measuring.duels import Finding, Look, diagnose
from glasswork.training.duelling import Duel, Numbers, Player, Rule, check_duel, fool_step, judge_step
from glasswork.training.looking import Looking

BLOCK = 32  # steps whose chance is drawn at once
KEPT = 96  # states
LOOK = 250  # steps between two looks
COURSE = 1_000  # losses that are kept
FIRST, CHANCE = 21, 22  # streams of the seed


@dataclass(frozen=True)
class Shape:
    """A player's hidden layers.

    Attributes:
        hidden: units of each.
        activations: of each.
    """

    hidden: Sequence[int]
    activations: Sequence[str]


@dataclass
class Moment:
    """All that decides what comes next."""

    step: int
    rows: tuple[Numbers, Numbers]
    memories: tuple[Numbers, Numbers]
    updates: tuple[int, int]
    latest: tuple[float, float]


class Laboratory:
    """A generator and a discriminator, their training, and its course.

    Args:
        data: what is to be learned.
        generator, discriminator: their shapes.
        numbers: of noise.
        duel: how they are trained.
        rules: the generator's, and the discriminator's.

    Raises:
        GlassworkError: settings that mean nothing.
    """

    def __init__(
        self,
        data: Distribution,
        generator: Shape,
        discriminator: Shape,
        numbers: int,
        duel: Duel,
        rules: tuple[Rule, Rule],
    ) -> None:
        check_duel(duel)
        self.data, self.duel, self.numbers = data, duel, numbers
        random = np.random.default_rng([duel.seed, FIRST])
        self.generator = Player((numbers, *generator.hidden, 2), generator.activations, random, rules[0])
        self.discriminator = Player((2, *discriminator.hidden, 1), discriminator.activations, random, rules[1])
        self.players = (self.generator, self.discriminator)
        self.step = 0
        self.latest = (math.nan, math.nan)
        """The discriminator's loss and the generator's, where each was last trained."""
        self.losses: dict[int, tuple[float, float]] = {}
        """The same by step, from 1; of a long run every second, fourth, ... step."""
        self._every_loss = 1
        self.looks: dict[int, Look] = {}
        """By step, every LOOK steps."""
        self.looking = Looking(self)
        self._every = 1
        self._kept: dict[int, Moment] = {0: self.moment()}
        self._block = (-1, np.empty(0), np.empty(0), np.empty(0))

    def begin(self, generator: Numbers, discriminator: Numbers) -> None:
        """Begin with these weights instead of random ones, each player's in a row."""
        self.generator.row[:], self.discriminator.row[:] = generator, discriminator
        self._kept = {0: self.moment()}

    def moment(self) -> Moment:
        """As it is now, in numbers of its own."""
        g, d = self.players
        return Moment(
            self.step,
            (g.row.copy(), d.row.copy()),
            (g.memory.copy(), d.memory.copy()),
            (g.updates, d.updates),
            self.latest,
        )

    def take_up(self, moment: Moment) -> None:
        """Be as at a moment."""
        self.step, self.latest = moment.step, moment.latest
        for player, row, memory, updates in zip(
            self.players, moment.rows, moment.memories, moment.updates, strict=True
        ):
            player.row[:], player.memory[:], player.updates = row, memory, updates

    def take_over(self, other: Laboratory, step: int) -> None:
        """Take up what another one did before a step, up to which both are the same."""
        self._every, self._every_loss = other._every, other._every_loss
        self._kept |= {at: one for at, one in other._kept.items() if at <= step}
        self.losses |= {at: one for at, one in other.losses.items() if at <= step}
        self.looks |= {at: one for at, one in other.looks.items() if at <= step}
        self.take_up(self._kept[max(self._kept)])

    def go(self, step: int, until: float = math.inf, stop: Callable[[], bool] = lambda: False) -> None:
        """Be at a step, or, when time runs out before, on the way to it.

        Args:
            step: how many steps have been taken.
            until: of time.monotonic; looked at between two steps.
            stop: asked between two steps.
        """
        if step < self.step:
            self.take_up(self._kept[max(one for one in self._kept if one <= step)])
        with np.errstate(all="ignore"):  # numbers that run out are shown as what they are
            while self.step < step and time.monotonic() < until and not stop():
                self.take()

    def take(self) -> None:
        """One step: the discriminator's updates, then the generator's, but for those who are not to move."""
        duel, act = self.duel, self.duel.acts.get(self.step, "both")
        judged, fooled = self.latest
        real, noise, mix = self.chance(self.step)
        if act in ("both", "discriminator"):
            for k in range(duel.critic_steps):
                judged = judge_step(duel, self.generator, self.discriminator, real[k], noise[k], mix[k])
                self.discriminator.update()
        if act in ("both", "generator"):
            for k in range(duel.critic_steps, duel.critic_steps + duel.generator_steps):
                fooled = fool_step(duel, self.generator, self.discriminator, noise[k])
                self.generator.update()
        self.step += 1
        self.latest = (judged, fooled)
        self._record()
        if self.step % LOOK == 0 and self.step not in self.looks:
            self.looks[self.step] = self.looking.look()
        if self.step % self._every == 0:
            self._keep()

    def findings(self) -> list[Finding]:
        """What is wrong by the looks up to the present step."""
        return diagnose([self.looks[at] for at in sorted(self.looks) if at <= self.step])

    def chance(self, step: int) -> tuple[Numbers, Numbers, Numbers]:
        """What a step sees: real points as networks see them (K, B, 2), noise (K + L, B, Z), mixes (K, B, 1)."""
        block, place = divmod(step, BLOCK)
        if self._block[0] != block:
            duel = self.duel
            random = np.random.default_rng([duel.seed, CHANCE, block])
            critics, both = duel.critic_steps, duel.critic_steps + duel.generator_steps
            drawn = self.data.draws(random, BLOCK * critics * duel.batch)
            real = self.data.seen(drawn).reshape(BLOCK, critics, duel.batch, 2)
            noise = self.noise(random, BLOCK * both * duel.batch).reshape(BLOCK, both, duel.batch, self.numbers)
            mix = random.random((BLOCK, critics, duel.batch, 1)) if duel.loss == "wasserstein" else real
            self._block = (block, real, noise, mix)
        _, real, noise, mix = self._block
        return real[place], noise[place], mix[place]

    def noise(self, random: np.random.Generator, count: int) -> Numbers:
        """(count, Z)."""
        if self.duel.noise == "gaussian":
            return random.standard_normal((count, self.numbers))
        return random.random((count, self.numbers)) * 2 - 1

    def course(self, most: int) -> list[tuple[int, float, float]]:
        """The losses, at no more than so many steps."""
        every = max(1, -(-len(self.losses) // most))
        return [(at, *self.losses[at]) for at in sorted(self.losses) if at % every == 0]

    @property
    def kept(self) -> list[int]:
        """The steps whose state is at hand."""
        return list(self._kept)

    @property
    def finite(self) -> bool:
        """Whether all weights are numbers."""
        return bool(np.isfinite(self.generator.row).all() and np.isfinite(self.discriminator.row).all())

    def _record(self) -> None:
        if self.step % self._every_loss == 0:
            self.losses[self.step] = self.latest
            if len(self.losses) > COURSE:
                self._every_loss *= 2
                self.losses = {step: one for step, one in self.losses.items() if step % self._every_loss == 0}

    def _keep(self) -> None:
        if self.step in self._kept:
            return
        self._kept[self.step] = self.moment()
        if len(self._kept) > KEPT:
            self._every *= 2
            self._kept = {step: one for step, one in self._kept.items() if step % self._every == 0}
