"""One step of two players in slow motion: every stage's numbers, with the sums that they come from.

Paths: in the discriminator's turn `judge.`, in the generator's `fool.`, then `noise[i,k]`, `made[i,c]`, `real[i,c]`,
`said[j]` (real ones first), `loss`, `gL[i,u]` and `dL[j,u]` (what units of layer L answer), `slope[j]` (dL/d(said)),
`deltaL[j,u]` (dL/dz of the discriminator's layer L), `gdeltaL[i,u]` (the generator's), `back[i,c]` (the slope that
reaches a made point); `@term` with one more index is a product of the sum, `@rest` what a sum doesn't list. Weights:
`d.wL[u,s]`, `g.wL[u,s]` with `@value`, `@gradient`, `@first`, `@second` (what Adam remembers, after) and `@after`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.messages import gan as g
from glasswork.training.duelling import FOOLING, JUDGING, SLOPES, Numbers, Player, judge_step
from glasswork.training.laboratory import Laboratory

Told = tuple[dict[str, m.Number], list[g.Sum]]
STAGES = ("noise", "generate", "judge", "loss", "gradient", "update", "fool", "through", "into", "learn")
LISTED = 5


@dataclass(frozen=True)
class Turn:
    """What one player's turn left behind.

    Attributes:
        generated: the values of the generator's layers, the noise first, (B, units) each.
        judged: the discriminator's, the points first.
        slope: dL/d(said), (N, 1).
        deltas: dL/dz of each layer of the discriminator, (N, units).
        back: dL/d(point), (N, 2).
        gdeltas: dL/dz of each layer of the generator; empty in the discriminator's turn.
        loss: of the player whose turn it is.
    """

    generated: list[Numbers]
    judged: list[Numbers]
    slope: Numbers
    deltas: list[Numbers]
    back: Numbers
    gdeltas: list[Numbers]
    loss: float


def slowed(request: g.SlowLab, lab: Laboratory, name: str) -> g.LabSlowed:
    """A stage of the step that is about to be taken; the laboratory is left as it was.

    Raises:
        GlassworkError: there is no such stage, sample or weight; or the laboratory did not get to the step.
    """
    if lab.step != request.step:
        raise GlassworkError("this step was not reached in time", why=f"it is at {lab.step:,} of {request.step:,}")
    player = lab.generator if request.actor == "generator" else lab.discriminator
    _check(request, lab, player)
    before = lab.moment()
    try:
        with np.errstate(all="ignore"):
            return _Slow(request, lab, f"gan:{name}@{lab.step}").told()
    finally:
        lab.take_up(before)


def _check(request: g.SlowLab, lab: Laboratory, player: Player) -> None:
    wrong = ""
    if not 0 <= request.stage < len(STAGES):
        wrong = f"there are {len(STAGES)} stages"
    elif not 0 <= request.sample < lab.duel.batch:
        wrong = f"a batch holds {lab.duel.batch} points"
    elif not 1 <= request.layer <= len(player.weights):
        wrong = f"the {request.actor} has {len(player.weights)} layers"
    else:
        units, sources = player.weights[request.layer - 1].shape
        if not (0 <= request.unit < units and 0 <= request.source < sources):
            wrong = f"its layer {request.layer} has {units} units with {sources} weights each"
    if wrong:
        raise GlassworkError("this number is not there", why=wrong, todo="Choose another.")


class _Slow:
    """The step, worked through once."""

    def __init__(self, request: g.SlowLab, lab: Laboratory, source: str) -> None:
        self.request, self.lab, self.source = request, lab, source
        self.count = lab.duel.batch
        self.real, self.noise, self.mix = lab.chance(lab.step)
        self.judge = _judging(lab, self.real[0], self.noise[0])
        critic = lab.discriminator
        self.before = lab.moment()
        self.judge_loss = judge_step(lab.duel, lab.generator, critic, self.real[0], self.noise[0], self.mix[0])
        self.critic_gradient = critic.slope.copy()
        critic.update()
        self.critic_after = critic.row.copy(), critic.memory.copy()
        for k in range(1, lab.duel.critic_steps):
            judge_step(lab.duel, lab.generator, critic, self.real[k], self.noise[k], self.mix[k])
            critic.update()
        self.fool = _fooling(lab, self.noise[lab.duel.critic_steps])
        self.generator_gradient = lab.generator.slope.copy()
        lab.generator.update()
        self.generator_after = lab.generator.row.copy(), lab.generator.memory.copy()
        self.i = request.sample
        self.judge_weights = lab.discriminator.split(self.before.rows[1])
        self.fool_weights = [w.copy() for w in lab.discriminator.weights]
        self.made_weights = lab.generator.split(self.before.rows[0])

    def number(self, path: str, value: float, what: str = "value") -> m.Number:
        return m.Number(f"{self.source}#{path}@{what}", float(value))

    def told(self) -> g.LabSlowed:
        stage = STAGES[self.request.stage]
        numbers, sums = getattr(self, f"_{stage}")()
        return g.LabSlowed(
            request=self.request.request,
            source=self.source,
            step=self.lab.step,
            stage=self.request.stage,
            numbers=numbers,
            sums=sums,
            points=self._points(),
        )

    def _points(self) -> list[m.Number]:
        i, turn = self.i, "fool" if self.request.stage >= STAGES.index("fool") else "judge"
        of = self.fool if turn == "fool" else self.judge
        made = of.judged[0][i + (self.count if turn == "judge" else 0)]
        found = [self.number(f"judge.real[{i},{c}]", self.real[0][i, c]) for c in range(2)]
        found += [self.number(f"{turn}.made[{i},{c}]", made[c]) for c in range(2)]
        if turn == "fool":
            found += [self.number(f"fool.back[{i},{c}]", self.fool.back[i, c]) for c in range(2)]
        return found

    def _noise(self) -> Told:
        i, z = self.i, self.judge.generated[0]
        return {f"z{k + 1}": self.number(f"judge.noise[{i},{k}]", z[i, k]) for k in range(z.shape[1])}, []

    def _generate(self) -> Told:
        i, layer = self.i, len(self.made_weights[0])
        values, (weights, biases) = self.judge.generated, self.made_weights
        sums = []
        for c, axis in enumerate("xy"):
            terms = [
                (f"h{s + 1}", self.number(f"g.w{layer}[{c},{s}]", weights[-1][c, s]),
                 self._of("judge.g", layer - 1, i, s, values),
                 weights[-1][c, s] * values[-2][i, s])
                for s in range(weights[-1].shape[1])
            ]  # fmt: skip
            path = f"judge.made[{i},{c}]"
            sums.append(self._sum(axis, path, values[-1][i, c], terms, self.number(f"g.b{layer}[{c}]", biases[-1][c])))
        return {}, sums

    def _of(self, path: str, layer: int, i: int, unit: int, values: list[Numbers]) -> m.Number:
        """A unit's answer; layer 0 of the generator is the noise."""
        turn, _, letter = path.partition(".")
        if layer == 0:
            named = f"{turn}.noise[{i},{unit}]" if letter == "g" else self._point(turn, i, unit)
            return self.number(named, values[0][i, unit])
        return self.number(f"{path}{layer}[{i},{unit}]", values[layer][i, unit])

    def _point(self, turn: str, j: int, axis: int) -> str:
        if turn == "judge":
            return f"judge.real[{j},{axis}]" if j < self.count else f"judge.made[{j - self.count},{axis}]"
        return f"fool.made[{j},{axis}]"

    def _judge(self) -> Told:
        weights, biases = self.judge_weights
        layer, values = len(weights), self.judge.judged
        sums = []
        for name, j in (("real", self.i), ("made", self.i + self.count)):
            terms = [
                (f"h{s + 1}", self.number(f"d.w{layer}[0,{s}]", weights[-1][0, s]),
                 self._of("judge.d", layer - 1, j, s, values),
                 weights[-1][0, s] * values[-2][j, s])
                for s in range(weights[-1].shape[1])
            ]  # fmt: skip
            bias = self.number(f"d.b{layer}[0]", biases[-1][0])
            sums.append(self._sum(name, f"judge.said[{j}]", values[-1][j, 0], terms, bias))
        return {}, sums

    def _loss(self) -> Told:
        said, i, count = self.judge.judged[-1], self.i, self.count
        return {
            "real": self.number(f"judge.said[{i}]", said[i, 0]),
            "made": self.number(f"judge.said[{i + count}]", said[i + count, 0]),
            "atReal": self.number(f"judge.slope[{i}]", self.judge.slope[i, 0]),
            "atMade": self.number(f"judge.slope[{i + count}]", self.judge.slope[i + count, 0]),
            "loss": self.number("judge.loss", self.judge_loss),
        }, []

    def _gradient(self) -> Told:
        layer, unit, source = self._place("discriminator")
        deltas, values = self.judge.deltas[layer - 1], self.judge.judged
        terms = [
            (str(j + 1), self.number(f"judge.delta{layer}[{j},{unit}]", deltas[j, unit]),
             self._of("judge.d", layer - 1, j, source, values), deltas[j, unit] * values[layer - 1][j, source])
            for j in range(len(deltas))
        ]  # fmt: skip
        told = float(self.lab.discriminator.split(self.critic_gradient)[0][layer - 1][unit, source])
        plain = sum(term[3] for term in terms)
        penalty = self.number(f"judge.penalty{layer}[{unit},{source}]", told - plain) if self._penalised else None
        return {}, [self._sum("weight", f"d.w{layer}[{unit},{source}]", told, terms, penalty, "gradient")]

    @property
    def _penalised(self) -> bool:
        return self.lab.duel.loss == "wasserstein" or bool(self.lab.duel.zero_centred)

    def _update(self) -> Told:
        return self._updated("discriminator", 1, self.critic_gradient, self.critic_after), []

    def _fool(self) -> Told:
        i = self.i
        return {
            **{f"z{k + 1}": self.number(f"fool.noise[{i},{k}]", z) for k, z in enumerate(self.fool.generated[0][i])},
            "x": self.number(f"fool.made[{i},0]", self.fool.judged[0][i, 0]),
            "y": self.number(f"fool.made[{i},1]", self.fool.judged[0][i, 1]),
            "made": self.number(f"fool.said[{i}]", self.fool.judged[-1][i, 0]),
            "slope": self.number(f"fool.slope[{i}]", self.fool.slope[i, 0]),
            "loss": self.number("fool.loss", self.fool.loss),
        }, []

    def _through(self) -> Told:
        """From the discriminator's answer back to the point, layer by layer, along its strongest units."""
        i, sums = self.i, list[g.Sum]()
        last = len(self.fool_weights)
        for layer in range(last - 1, 0, -1):  # dL/da of one unit of each hidden layer
            w, delta = self.fool_weights[layer], self.fool.deltas[layer]
            unit = int(np.abs(self.fool.deltas[layer - 1][i]).argmax())
            terms = [
                (f"h{k + 1}" if layer + 1 < last else "D", self.number(f"fool.d.w{layer + 1}[{k},{unit}]", w[k, unit]),
                 self.number(f"fool.delta{layer + 1}[{i},{k}]", delta[i, k]), w[k, unit] * delta[i, k])
                for k in range(len(w))
            ]  # fmt: skip
            arrived = float(delta[i] @ w[:, unit])
            sums.append(self._sum(f"{layer}:{unit + 1}", f"fool.arrived{layer}[{i},{unit}]", arrived, terms))
        w, delta = self.fool_weights[0], self.fool.deltas[0]
        for c, axis in enumerate("xy"):
            terms = [
                (f"h{k + 1}", self.number(f"fool.d.w1[{k},{c}]", w[k, c]),
                 self.number(f"fool.delta1[{i},{k}]", delta[i, k]), w[k, c] * delta[i, k])
                for k in range(len(w))
            ]  # fmt: skip
            sums.append(self._sum(axis, f"fool.back[{i},{c}]", self.fool.back[i, c], terms))
        return {"slope": self.number(f"fool.slope[{i}]", self.fool.slope[i, 0])}, sums

    def _into(self) -> Told:
        layer, unit, source = self._place("generator")
        deltas, values = self.fool.gdeltas[layer - 1], self.fool.generated
        terms = [
            (str(i + 1), self.number(f"fool.gdelta{layer}[{i},{unit}]", deltas[i, unit]),
             self._of("fool.g", layer - 1, i, source, values), deltas[i, unit] * values[layer - 1][i, source])
            for i in range(len(deltas))
        ]  # fmt: skip
        told = float(self.lab.generator.split(self.generator_gradient)[0][layer - 1][unit, source])
        return {}, [self._sum("weight", f"g.w{layer}[{unit},{source}]", told, terms, None, "gradient")]

    def _learn(self) -> Told:
        return self._updated("generator", 0, self.generator_gradient, self.generator_after), []

    def _place(self, actor: str) -> tuple[int, int, int]:
        """The weight that is followed; of the other player its first."""
        request = self.request
        return (request.layer, request.unit, request.source) if request.actor == actor else (1, 0, 0)

    def _updated(
        self, actor: str, which: int, gradient: Numbers, after: tuple[Numbers, Numbers]
    ) -> dict[str, m.Number]:
        layer, unit, source = self._place(actor)
        player = self.lab.players[which]

        def at(row: Numbers) -> float:
            return float(player.split(row)[0][layer - 1][unit, source])

        path = f"{actor[0]}.w{layer}[{unit},{source}]"
        found = {
            "value": self.number(path, at(self.before.rows[which])),
            "gradient": self.number(path, at(gradient), "gradient"),
            "after": self.number(path, at(after[0]), "after"),
        }
        if player.rule.optimiser in ("momentum", "Adam"):
            found["first"] = self.number(path, at(after[1][0]), "first")
        if player.rule.optimiser in ("RMSprop", "Adam"):
            found["second"] = self.number(path, at(after[1][1]), "second")
        return found

    def _sum(
        self,
        name: str,
        path: str,
        value: float,
        terms: list[tuple[str, m.Number, m.Number, float]],
        extra: m.Number | None = None,
        what: str = "value",
    ) -> g.Sum:
        """The largest terms, and the rest of them."""
        order = sorted(range(len(terms)), key=lambda k: -abs(terms[k][3]))
        bare, _, index = path.partition("[")
        index = index.rstrip("]")
        products = [
            g.Product(
                terms[k][0], terms[k][1], terms[k][2],
                self.number(f"{bare}[{index},{k}]", terms[k][3], "term" if what == "value" else "gradientterm"),
            )
            for k in order[:LISTED]
        ]  # fmt: skip
        left = order[LISTED:]
        rest = sum(terms[k][3] for k in left)
        return g.Sum(
            name=name,
            value=self.number(path, value, what),
            products=products,
            rest=self.number(path, rest, "rest" if what == "value" else "gradientrest") if left else None,
            left_out=len(left),
            extra=extra,
        )


def _judging(lab: Laboratory, real: Numbers, noise: Numbers) -> Turn:
    generator, critic = lab.generator, lab.discriminator
    made = generator.forward(noise)
    generated = [one.copy() for one in generator.values]
    said = critic.forward(np.concatenate([real, made]))
    loss, at_real, at_made = JUDGING[lab.duel.loss](said[: len(real)], said[len(real) :])
    slope = np.concatenate([at_real, at_made])
    deltas, back = _deltas(critic, slope)
    return Turn(generated, [one.copy() for one in critic.values], slope, deltas, back, [], loss)


def _fooling(lab: Laboratory, noise: Numbers) -> Turn:
    generator, critic = lab.generator, lab.discriminator
    made = generator.forward(noise)
    said = critic.forward(made)
    loss, slope = FOOLING[lab.duel.loss](said)
    deltas, back = _deltas(critic, slope)
    judged = [one.copy() for one in critic.values]
    generator.backward(back)
    gdeltas, _ = _deltas(generator, back)
    return Turn([one.copy() for one in generator.values], judged, slope, deltas, back, gdeltas, loss)


def _deltas(player: Player, wish: Numbers) -> tuple[list[Numbers], Numbers]:
    """dL/dz of each layer, and dL/d(input)."""
    found = [wish]
    for i in range(len(player.weights) - 1, 0, -1):
        wish = (wish @ player.weights[i]) * SLOPES[player.activations[i - 1]](player.values[i])
        found.insert(0, wish)
    return found, wish @ player.weights[0]
