"""The settings of two players, as a page names them: whether they can be played, and the laboratory that they make."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from glasswork import zoo
from glasswork.data.distributions import Distribution
from glasswork.errors import GlassworkError, unknown
from glasswork.scenes.messages import gan as g
from glasswork.training.adversarial import written
from glasswork.training.duelling import ACTIVATIONS, LOSSES, OPTIMISERS, Duel, Numbers, Player, Rule
from glasswork.training.laboratory import Laboratory, Shape

MOST_LAYERS, MOST_UNITS, MOST_BATCH, MOST_ACTS, MOST_STEPS = 5, 100, 2_000, 400, 500_000
MOST_UPDATES, MOST_RATE, MOST_NOISE = 10, 1e6, 16
ACTORS = ("generator", "discriminator")


def check(lab: g.LabOf) -> None:
    """Whether the settings can be played.

    Raises:
        GlassworkError: one of them is out of bounds.
    """
    numbers = [lab.penalty, lab.zero_centred]
    wrong = ""
    for name, actor in zip(ACTORS, (lab.generator, lab.discriminator), strict=True):
        numbers += [actor.rate, actor.beta1, actor.beta2]
        if len(actor.hidden) > MOST_LAYERS or any(not 1 <= one.units <= MOST_UNITS for one in actor.hidden):
            wrong = f"the {name} has at most {MOST_LAYERS} hidden layers, each of 1 to {MOST_UNITS} units"
        elif not 1 <= actor.steps <= MOST_UPDATES:
            wrong = f"the {name} is updated 1 to {MOST_UPDATES} times in a step"
        elif not (0 <= actor.beta1 < 1 and 0 <= actor.beta2 < 1):
            wrong = f"the {name}'s betas are from 0 to below 1"
        elif not 0 <= actor.rate <= MOST_RATE:
            wrong = f"the {name}'s learning rate is from 0 to {MOST_RATE:,.0f}"
    if not all(math.isfinite(one) and one >= 0 for one in numbers):
        wrong = wrong or "a setting is no number from 0"
    elif not 1 <= lab.numbers <= MOST_NOISE:
        wrong = f"noise of 1 to {MOST_NOISE} numbers"
    elif not 2 <= lab.batch <= MOST_BATCH:
        wrong = f"a batch has 2 to {MOST_BATCH:,} points"
    elif not 0 <= lab.seed < 1 << 31:
        wrong = "a seed is a whole number from 0"
    elif len(lab.acts) > MOST_ACTS or any(not 0 <= one.step <= MOST_STEPS for one in lab.acts):
        wrong = f"at most {MOST_ACTS} steps can be one player's alone"
    if wrong:
        raise GlassworkError("this can't be trained", why=wrong, todo="Choose other settings.")
    for kind, name, known in (
        ("loss", lab.loss, LOSSES),
        ("noise", lab.noise, ("gaussian", "uniform")),
        *(("optimiser", one.optimiser, OPTIMISERS) for one in (lab.generator, lab.discriminator)),
        *(
            ("activation", one.activation, tuple(ACTIVATIONS))
            for one in lab.generator.hidden + lab.discriminator.hidden
        ),
        *(("player", one.actor, ACTORS) for one in lab.acts),
    ):
        if name not in known:
            raise unknown(kind, name, list(known))


def laboratory(lab: g.LabOf, data: Distribution) -> Laboratory:
    """The players before their first step."""
    duel = Duel(
        loss=lab.loss,
        penalty=lab.penalty,
        zero_centred=lab.zero_centred,
        noise=lab.noise,
        batch=lab.batch,
        critic_steps=lab.discriminator.steps,
        generator_steps=lab.generator.steps,
        seed=lab.seed,
        acts={one.step: one.actor for one in lab.acts},
    )
    shapes = [
        Shape([one.units for one in actor.hidden], [one.activation for one in actor.hidden])
        for actor in (lab.generator, lab.discriminator)
    ]
    rules = [Rule(one.optimiser, one.rate, one.beta1, one.beta2) for one in (lab.generator, lab.discriminator)]
    made = Laboratory(data, shapes[0], shapes[1], lab.numbers, duel, (rules[0], rules[1]))
    if lab.start:
        made.begin(*_trained(lab.start, made.players))
    return made


def _trained(start: str, players: tuple[Player, Player]) -> tuple[Numbers, Numbers]:
    """The weights of a trained network that ships, a row for each player.

    Raises:
        GlassworkError: there is none of this name, or its layers are others.
    """
    if start not in trained_names():
        raise unknown("trained start", start, trained_names())
    found = written(zoo.load(start).module)
    assert found is not None
    for mine, other in zip(players, found, strict=True):
        shapes = [one.shape for one in other.weights]
        if [one.shape for one in mine.weights] != shapes or mine.activations != other.activations:
            layers = ", ".join(str(one[0]) for one in shapes[:-1])
            why = f"its players have hidden layers of {layers} leaky ReLUs; these are others"
            raise GlassworkError(f"the players can't begin with {start}", why=why, todo="Begin with random weights.")
    rows = [
        np.concatenate([part.ravel() for pair in zip(one.weights, one.biases, strict=True) for part in pair])
        for one in found
    ]
    return rows[0].astype(np.float64), rows[1].astype(np.float64)


@cache
def trained_names() -> list[str]:
    """The trained networks that players can begin with."""
    return [row.name for row in zoo.shipped() if row.name.startswith("gan-")]


def name_of(lab: g.LabOf) -> str:
    """All settings in a line."""
    acts = "-".join(f"{one.step}.{one.actor[0]}" for one in lab.acts) or "none"
    parts = (
        lab.data, lab.noise, lab.numbers, lab.loss, lab.penalty, lab.zero_centred, lab.batch, lab.seed,
        _actor(lab.generator), _actor(lab.discriminator), acts, lab.start or "random",
    )  # fmt: skip
    return "/".join(map(str, parts))


def _actor(actor: g.ActorOf) -> str:
    hidden = "-".join(f"{one.units}.{one.activation}" for one in actor.hidden) or "none"
    return f"{hidden}~{actor.optimiser}~{actor.rate}~{actor.beta1}~{actor.beta2}~{actor.steps}"
