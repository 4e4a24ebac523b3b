"""GANs: two players on the points of a plane, or on pictures; each turn trains one of them.

The losses, all as means over the batch, D being the discriminator's number before any sigmoid, x real, y = G(z) made:

non_saturating  D: 1/2 (softplus(-D(x)) + softplus(D(y))), G: softplus(-D(y))      Goodfellow et al. 2014
saturating      D: the same, G: -softplus(D(y))                                    the same, its equation 1
least_squares   D: 1/2 ((D(x) - 1)^2 + D(y)^2), G: 1/2 (D(y) - 1)^2                 Mao et al. 2017
wasserstein     D: D(y) - D(x) + penalty (|dD/du| - 1)^2, G: -D(y)                  Gulrajani et al. 2017
hinge           D: 1/2 (max(0, 1 - D(x)) + max(0, 1 + D(y))), G: -D(y)              Lim and Ye 2017

u lies at a random place between a real and a made point. `zero_centred` adds 1/2 zero_centred |dD/dx|^2 at real points
to any of them (Mescheder et al. 2018, R1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import zoo
from glasswork.data.distributions import Distribution, distribution
from glasswork.errors import GlassworkError, unknown
from glasswork.generation.generators import draw_noise, made_points
from glasswork.measuring.divergences import grid_over, js_bits
from glasswork.networks.gan import GAN
from glasswork.training.config import Config
from glasswork.training.duelling import Duel, Player, fool_step, judge_step
from glasswork.training.task import About, Draw, Task, Turn

DISCRIMINATES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "non_saturating": lambda real, made: (F.softplus(-real).mean() + F.softplus(made).mean()) / 2,
    "saturating": lambda real, made: (F.softplus(-real).mean() + F.softplus(made).mean()) / 2,
    "least_squares": lambda real, made: ((real - 1).square().mean() + made.square().mean()) / 2,
    "wasserstein": lambda real, made: made.mean() - real.mean(),
    "hinge": lambda real, made: (F.relu(1 - real).mean() + F.relu(1 + made).mean()) / 2,
}
GENERATES: dict[str, Callable[[Tensor], Tensor]] = {
    "non_saturating": lambda made: F.softplus(-made).mean(),
    "saturating": lambda made: -F.softplus(made).mean(),
    "least_squares": lambda made: (made - 1).square().mean() / 2,
    "wasserstein": lambda made: -made.mean(),
    "hinge": lambda made: -made.mean(),
}
LOSSES = tuple(DISCRIMINATES)
EXAMPLES = 1 << 20  # nominal: each step draws points anew
CHOOSING, TESTING = 7_919, 104_729  # seeds of the points that choose a checkpoint, and that test it
MEASURED = 12_000


@dataclass(frozen=True, kw_only=True)
class AdversarialConfig(Config):
    """A run of two players; `data` is a distribution of the plane.

    Attributes:
        loss: of LOSSES.
        penalty: of Wasserstein's loss.
        zero_centred: weight of the penalty on the discriminator's slope at real points, for any loss; 0 for none.
        noise: gaussian, or uniform from -1 to 1.
        critic_steps: updates of the discriminator before each one of the generator.
        critic_rate: its learning rate, as a multiple of the generator's.
    """

    loss: str = "non_saturating"
    penalty: float = 0.1
    zero_centred: float = 0.0
    noise: str = "gaussian"
    critic_steps: int = 1
    critic_rate: float = 1.0

    def task(self) -> Task:
        """The two players on the distribution that is named."""
        return PointsTask(self)


def slope_size(discriminator: nn.Module, x: Tensor) -> Tensor:
    """|dD/dx| at each point, to be learned from, (B,)."""
    at = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(discriminator(at).sum(), at, create_graph=True)
    return slope.flatten(1).square().sum(1)


def discriminator_loss(
    config: AdversarialConfig, discriminator: nn.Module, real: Tensor, made: Tensor, mix: Tensor
) -> Tensor:
    """What the discriminator is to make small.

    Args:
        config: which loss.
        discriminator: from (B, ...) to (B, 1).
        real, made: (B, ...); `made` is taken as it is, whatever made it.
        mix: where between them Wasserstein's penalty looks, 0..1, (B, 1, ...).
    """
    made = made.detach()
    loss = DISCRIMINATES[config.loss](discriminator(real), discriminator(made))
    if config.loss == "wasserstein":
        sizes = (slope_size(discriminator, mix * real + (1 - mix) * made) + 1e-12).sqrt()
        loss = loss + config.penalty * (sizes - 1).square().mean()
    if config.zero_centred:
        loss = loss + config.zero_centred / 2 * slope_size(discriminator, real).mean()
    return loss


class Known(torch.autograd.Function):
    """A loss whose gradient was worked out already."""

    @staticmethod
    def forward(ctx: Any, value: float, slopes: list[np.ndarray], *parameters: Tensor) -> Tensor:  # noqa: D102
        ctx.slopes = slopes
        return parameters[0].new_tensor(value)

    @staticmethod
    def backward(ctx: Any, *wish: Tensor) -> Any:  # noqa: D102
        return None, None, *(wish[0] * torch.from_numpy(one) for one in ctx.slopes)


def written(network: nn.Module) -> tuple[Player, Player] | None:
    """Generator and discriminator over the network's own numbers; None where they are not ours, or not at hand."""
    if not isinstance(network, GAN) or next(network.parameters()).device.type != "cpu":
        return None
    players = []
    for part in (network.generator, network.discriminator):
        held = [one.detach().numpy() for one in part.parameters()]
        players.append(Player.over(held[::2], held[1::2], ["leaky_relu"] * (len(held) // 2 - 1)))
    return players[0], players[1]


class PointsTask(Task):
    """Two players on points of the plane.

    Raises:
        GlassworkError: no such loss, noise or distribution.
    """

    config: AdversarialConfig
    choices: Mapping[str, bool] = {"js_bits": False}

    def __init__(self, config: AdversarialConfig) -> None:
        super().__init__(config)
        check_players(config)
        self.data: Distribution = distribution(config.data)
        self.noise = int(config.sizes["noise"])
        self.duel = Duel(loss=config.loss, penalty=config.penalty, zero_centred=config.zero_centred)
        self.makes = zoo.Makes(config.noise, self.noise, self.data.centre, self.data.width)

    @property
    def examples(self) -> int:
        """As many as one likes: they are drawn anew at each step."""
        return EXAMPLES

    def indices(self, step: int) -> np.ndarray:
        """Points have no numbers: each step's are new, (batch,)."""
        begin = step * self.config.batch
        return np.arange(begin, begin + self.config.batch) % EXAMPLES

    def network(self) -> nn.Module:
        """Both players, untrained."""
        return zoo.build(self.config.network, self.config.sizes)

    def batch(self, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        """Real points as the network sees them (B, 2), noise (B, Z), and where the penalty looks (B, 1)."""
        seed = int(torch.randint(1 << 62, (1,), generator=draw.random))
        real = self.data.seen(self.data.draw(len(draw.index), seed)).astype(np.float32)
        noise = draw_noise(self.config.noise, len(draw.index), self.noise, draw.random)
        mix = torch.rand(len(draw.index), 1, generator=draw.random)
        return draw.mine(torch.from_numpy(real)), draw.mine(noise), draw.mine(mix)

    def loss(self, network: nn.Module, batch: Any) -> Tensor:
        """The generator's."""
        players: Any = network
        known = None if self.config.observe else written(network)
        if known:
            loss = fool_step(self.duel, *known, batch[1].numpy())
            return Known.apply(loss, known[0].slopes, *players.generator.parameters())
        return GENERATES[self.config.loss](players.discriminator(players.generator(batch[1])))

    def judging(self, network: nn.Module, batch: Any) -> Tensor:
        """The discriminator's."""
        real, noise, mix = batch
        players: Any = network
        known = None if self.config.observe else written(network)
        if known:
            loss = judge_step(self.duel, *known, real.numpy(), noise.numpy(), mix.numpy())
            return Known.apply(loss, known[1].slopes, *players.discriminator.parameters())
        with torch.no_grad():
            made = players.generator(noise)
        return discriminator_loss(self.config, players.discriminator, real, made, mix)

    def turns(self) -> Sequence[Turn]:
        """The discriminator's, as often as the settings say, then the generator's."""
        critic = Turn("discriminator", ("discriminator.",), self.judging, self.config.critic_rate)
        return [critic] * self.config.critic_steps + [Turn("generator", ("generator.",), self.loss)]

    def scores(self, network: nn.Module) -> dict[str, float]:
        """Jensen-Shannon divergence, with points of its own."""
        return self._measured(network, CHOOSING)

    def final(self, network: nn.Module) -> dict[str, float]:
        """The same with other points, and beside it what real points against real points get."""
        return score_points(network, self.makes, self.config.data)

    def _measured(self, network: nn.Module, seed: int) -> dict[str, float]:
        return {"js_bits": _divergence(network, self.makes, self.data, seed)}

    def about(self) -> About:
        """What the card says."""
        return About(
            examples=self.config.steps * self.config.batch * self.config.critic_steps,
            aside=MEASURED,
            held_out=MEASURED,
            split=f"points are drawn anew at each step; checkpoint chosen, and tested, by {MEASURED:,} others each",
            inputs=(torch.zeros(1, self.noise),),
            card={"makes": zoo.to_record(self.makes)},
        )


def score_points(network: nn.Module, makes: zoo.Makes, data: str) -> dict[str, float]:
    """How far made points are from real ones that no training saw, and how far real ones are from others.

    Args:
        network: two players.
        makes: how its generator is used.
        data: the distribution's name.
    """
    real = distribution(data)
    first, second = real.draw(MEASURED, TESTING), real.draw(MEASURED, TESTING + 1)
    grid = grid_over(first)
    floor = js_bits(grid.count(first), grid.count(second))
    return {"js_bits": _divergence(network, makes, real, TESTING), "js_floor": floor}


def _divergence(network: nn.Module, makes: zoo.Makes, data: Distribution, seed: int) -> float:
    real = data.draw(MEASURED, seed)
    grid = grid_over(real)
    return js_bits(grid.count(real), grid.count(made_points(network, makes, MEASURED, seed)))


def check_players(config: AdversarialConfig) -> None:
    """Whether two players can be trained like this.

    Raises:
        GlassworkError: no such loss or noise, or a number out of bounds.
    """
    if config.loss not in LOSSES:
        raise unknown("loss", config.loss, list(LOSSES))
    if config.noise not in zoo.NOISES:
        raise unknown("noise", config.noise, list(zoo.NOISES))
    if config.critic_steps < 1:
        raise GlassworkError("critic_steps must be 1 or more", where=config.title, why=f"it is {config.critic_steps}")
