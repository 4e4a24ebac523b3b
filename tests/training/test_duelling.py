"""A GAN's step written out, against autograd and torch's optimisers; the penalty against finite differences."""

import numpy as np
import pytest
import torch
from torch import nn

from glasswork.data.distributions import distribution
from glasswork.errors import GlassworkError
from glasswork.training.adversarial import GENERATES, AdversarialConfig, discriminator_loss
from glasswork.training.duelling import ACTIVATIONS, LOSSES, OPTIMISERS, Duel, Player, Rule, fool_step, judge_step
from glasswork.training.laboratory import Laboratory, Shape

MODULES = {"leaky_relu": nn.LeakyReLU(0.2), "relu": nn.ReLU(), "tanh": nn.Tanh(), "sigmoid": nn.Sigmoid()}
B, Z = 7, 3


def player(outputs: int, inputs: int, activation: str, seed: int, rule: Rule | None = None) -> Player:
    random = np.random.default_rng(seed)
    return Player((inputs, 5, 4, outputs), (activation, activation), random, rule or Rule())


def module(of: Player) -> nn.Sequential:
    """The same network as torch has it."""
    layers: list[nn.Module] = []
    for i, (w, b) in enumerate(zip(of.weights, of.biases, strict=True)):
        linear = nn.Linear(w.shape[1], w.shape[0]).double()
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(w))
            linear.bias.copy_(torch.tensor(b))
        layers += [linear] + ([MODULES[of.activations[i]]] if i < len(of.activations) else [])
    return nn.Sequential(*layers)


def gradient(of: nn.Module) -> np.ndarray:
    return torch.cat([p.grad.flatten() for p in of.parameters() if p.grad is not None]).numpy()


def config(duel: Duel) -> AdversarialConfig:
    return AdversarialConfig(
        title="t", network="gan", sizes={"noise": Z}, data="ring", licence="", steps=1, learning_rate=1e-3,
        loss=duel.loss, penalty=duel.penalty, zero_centred=duel.zero_centred,
    )  # fmt: skip


def batch(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    return random.normal(size=(B, 2)), random.normal(size=(B, Z)), random.random((B, 1))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("zero_centred", [0.0, 0.3])
def test_every_gradient_is_autograds(loss: str, activation: str, zero_centred: float) -> None:
    duel = Duel(loss=loss, penalty=0.7, zero_centred=zero_centred, batch=B)
    generator, critic = player(2, Z, activation, 1), player(1, 2, activation, 2)
    g, d = module(generator), module(critic)
    real, noise, mix = batch(3)
    judged = judge_step(duel, generator, critic, real, noise, mix)
    made = g(torch.tensor(noise))
    told = discriminator_loss(config(duel), d, torch.tensor(real), made, torch.tensor(mix))
    told.backward()
    assert judged == pytest.approx(told.item(), abs=1e-9)
    np.testing.assert_allclose(critic.slope, gradient(d), atol=1e-9)
    fooled = fool_step(duel, generator, critic, noise)
    wish = GENERATES[loss](d(g(torch.tensor(noise))))
    g.zero_grad()
    wish.backward()
    assert fooled == pytest.approx(wish.item(), abs=1e-9)
    np.testing.assert_allclose(generator.slope, gradient(g), atol=1e-9)


def test_wassersteins_penalty_is_that_of_finite_differences() -> None:
    duel = Duel(loss="wasserstein", penalty=2.0, batch=B)
    generator, critic = player(2, Z, "tanh", 1), player(1, 2, "tanh", 2)
    real, noise, mix = batch(5)

    def loss() -> float:
        made = generator.forward(noise)
        points = mix * real + (1 - mix) * made
        value = float(critic.forward(made).mean() - critic.forward(real).mean())
        steps = np.eye(2) * 1e-5
        slopes = [(critic.forward(points + one) - critic.forward(points - one)) / 2e-5 for one in steps]
        return value + 2.0 * float(((np.sqrt(sum(one**2 for one in slopes)) - 1) ** 2).mean())

    assert judge_step(duel, generator, critic, real, noise, mix) == pytest.approx(loss(), abs=1e-7)
    slope = critic.slope.copy()
    for place in range(0, len(critic.row), 5):
        sides = []
        for way in (1e-4, -1e-4):
            critic.row[place] += way
            sides.append(loss())
            critic.row[place] -= way
        assert slope[place] == pytest.approx((sides[0] - sides[1]) / 2e-4, abs=1e-5)


KINDS = {"SGD": "SGD", "momentum": "SGD", "RMSprop": "RMSprop", "Adam": "Adam"}


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_every_update_is_torchs(optimiser: str) -> None:
    rule = Rule(optimiser, 0.03, 0.6, 0.9)
    mine = player(1, 2, "tanh", 1, rule)
    settings = {"momentum": {"momentum": 0.6}, "RMSprop": {"alpha": 0.9}, "Adam": {"betas": (0.6, 0.9)}}
    row = torch.tensor(mine.row, requires_grad=True)
    other: torch.optim.Optimizer = getattr(torch.optim, KINDS[optimiser])([row], lr=0.03, **settings.get(optimiser, {}))
    random = np.random.default_rng(0)
    for _ in range(5):
        mine.slope[:] = random.normal(size=len(mine.row))
        row.grad = torch.tensor(mine.slope)
        mine.update()
        other.step()
        np.testing.assert_allclose(mine.row, row.detach().numpy(), rtol=1e-12)


def laboratory(**more: object) -> Laboratory:
    shape = Shape((6,), ("tanh",))
    duel = Duel(batch=20, **more)  # pyright: ignore[reportArgumentType]
    return Laboratory(distribution("ring"), shape, shape, 2, duel, (Rule(), Rule()))


def test_going_back_and_forth_comes_to_the_same_numbers() -> None:
    one, other = laboratory(seed=3), laboratory(seed=3)
    one.go(300)
    other.go(220)
    there = other.generator.row.copy()
    other.go(300)
    other.go(37)
    other.go(300)
    np.testing.assert_array_equal(one.generator.row, other.generator.row)
    other.go(220)
    np.testing.assert_array_equal(there, other.generator.row)
    assert one.losses == {step: one.losses[step] for step in range(1, 301)}


def test_a_long_run_keeps_a_bounded_course() -> None:
    one = laboratory(seed=1)
    one.go(1_300)
    assert len(one.losses) <= 1_000
    assert set(one.losses) == set(range(2, 1_301, 2))
    there = one.latest
    one.go(3)
    one.go(1_300)
    assert one.latest == there


def test_one_actor_alone_leaves_the_other_where_it_is() -> None:
    plain = laboratory()
    plain.go(4)
    judged = laboratory(acts={4: "discriminator"})
    judged.go(4)
    before = judged.generator.row.copy(), judged.discriminator.row.copy()
    judged.go(5)
    np.testing.assert_array_equal(judged.generator.row, before[0])
    assert not np.array_equal(judged.discriminator.row, before[1])
    fooled = laboratory(acts={4: "generator"})
    fooled.take_over(plain, 4)
    fooled.go(5)
    assert not np.array_equal(fooled.generator.row, before[0])
    np.testing.assert_array_equal(fooled.discriminator.row, before[1])


@pytest.mark.parametrize("wrong", [{"loss": "loss"}, {"noise": "grey"}, {"critic_steps": 0}])
def test_what_cannot_be_fought_says_why(wrong: dict[str, object]) -> None:
    with pytest.raises(GlassworkError):
        laboratory(**wrong)
