"""The measures of one step of a laboratory, each with its address."""

from __future__ import annotations

import numpy as np

from glasswork.measuring import divergences as d
from glasswork.scenes import messages as m
from glasswork.scenes.messages import gan as g
from glasswork.training.duelling import ACTIVATIONS, JUDGING, Numbers, Player
from glasswork.training.laboratory import Laboratory

FLOOR, AGAIN = 51, 52  # streams of the seed


def passed(player: Player, row: Numbers, x: Numbers) -> Numbers:
    """What a player with these weights answers; nothing of the player itself is touched."""
    weights, biases = player.split(row)
    last = len(weights) - 1
    for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
        x = x @ w.T + b
        if i < last:
            x = ACTIVATIONS[player.activations[i]](x)
    return x


def measured(request: g.MeasureLab, lab: Laboratory, rows: tuple[Numbers, Numbers], source: str) -> g.LabMeasured:
    """All measures of two players with these weights."""
    looking, data, seed = lab.looking, lab.data, lab.duel.seed
    real = looking.real
    seen = passed(lab.generator, rows[0], looking.noise)
    made = data.back(seen)
    counts = looking.grid.count(made)
    again = data.draws(np.random.default_rng([seed, FLOOR]), len(real))
    js, kl = d.deviations(looking.counts, counts, np.random.default_rng([seed, AGAIN]))
    precision, recall = d.precision_recall(real, made)
    shares = d.mode_shares(made, data.modes, data.spread) if len(data.modes) else np.empty(0)
    said = [passed(lab.discriminator, rows[1], x) for x in (data.seen(real), seen)]
    best = d.best_loss(lab.duel.loss, looking.counts, counts)

    def number(name: str, value: float, what: str = "value") -> m.Number:
        return m.Number(f"{source}#{name}@{what}", float(value))

    return g.LabMeasured(
        request=request.request,
        source=source,
        step=request.step,
        js=number("js", d.js_bits(looking.counts, counts)),
        js_error=number("js", d.APART * js, "error"),
        js_floor=number("js", d.js_bits(looking.counts, looking.grid.count(again)), "floor"),
        kl=number("kl", d.kl_bits(looking.counts, counts)),
        kl_error=number("kl", d.APART * kl, "error"),
        wasserstein=number("wasserstein", d.sliced_wasserstein(real, made)),
        wasserstein_floor=number("wasserstein", d.sliced_wasserstein(real, again), "floor"),
        precision=number("precision", precision),
        recall=number("recall", recall),
        outside=number("outside", counts[-1] / len(made)),
        loss=number("measuredloss", JUDGING[lab.duel.loss](said[0], said[1])[0]),
        best=None if best is None else number("measuredloss", best, "best"),
        clusters=[
            g.Cluster(data.seen(middle[None])[0].tolist(), m.Number(f"{source}#clusters[{i}]@value", float(share)))
            for i, (middle, share) in enumerate(zip(data.modes, shares, strict=True))
        ],
        on_clusters=number("clusters", float(shares.sum()), "sum") if len(shares) else None,
        count=len(real),
    )
