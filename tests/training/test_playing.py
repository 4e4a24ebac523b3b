"""A watched training is torch's own, and can be gone through forth and back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from glasswork.errors import GlassworkError
from glasswork.training.dense import Dense, Layer, first_weights, forward
from glasswork.training.playing import ALL, Play, Player

SETTINGS = {"SGD": {"lr": 0.1, "momentum": 0.9}, "LBFGS": {"lr": 0.5, "max_iter": 3}}


def points() -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(0)
    x = torch.rand(23, 2, generator=random, dtype=torch.float64) * 2 - 1
    return x, (x[:, :1] * x[:, 1:] > 0).double()


def network() -> Dense:
    return first_weights(2, [Layer(5, "tanh"), Layer(3, "relu"), Layer(1, "identity")], 4)


def by_torch(play: Play, steps: int) -> list[Tensor]:
    """The same by a plain loop: autograd, and torch's optimiser over single parameters."""
    x, y = points()
    learning = network().learning()
    kind = getattr(torch.optim, play.optimiser)
    groups = [learning.parameters]
    rules = [kind(groups[0], **play.settings)] if play.optimiser != "Muon" else [
        kind(learning.weights, **play.settings), torch.optim.AdamW(learning.biases, **play.settings)]  # fmt: skip
    each = math.ceil(len(x) / play.batch)
    for step in range(steps):
        epoch, place = divmod(step, each)
        order = np.random.default_rng([play.seed, 3, epoch]).permutation(len(x))
        index = torch.from_numpy(order[place * play.batch : (place + 1) * play.batch])

        def closure(index: Tensor = index) -> Tensor:
            for one in learning.parameters:
                one.grad = None
            found = F.binary_cross_entropy_with_logits(forward(learning, x[index]).values[-1], y[index])
            found = found + play.l1 * sum(w.abs().sum() for w in learning.weights)
            found = found + play.l2 / 2 * sum(w.square().sum() for w in learning.weights)
            found.backward()
            return found

        if play.optimiser == "LBFGS":
            rules[0].step(closure)
        else:
            closure()
            for rule in rules:
                rule.step()
    return [one.detach() for one in learning.parameters]


@pytest.mark.parametrize("optimiser", ALL)
def test_every_optimiser_moves_the_weights_as_torch_does(optimiser: str) -> None:
    settings = SETTINGS.get(optimiser, {"lr": 0.01})
    play = Play(cost="binary", optimiser=optimiser, settings=settings, batch=5, l1=0.001, l2=0.01)
    player = Player(network(), *points(), play)
    player.go(12)
    for ours, theirs in zip(player.network.parameters, by_torch(play, 12), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("optimiser", ["SGD", "Adam", "Muon"])
def test_to_go_back_and_on_again_changes_nothing(optimiser: str) -> None:
    play = Play(cost="binary", optimiser=optimiser, settings={"lr": 0.05}, batch=4, dropout=0.3)
    player = Player(network(), *points(), play)
    player.go(300)
    last, costs = player.network, dict(player.costs)
    for step in (117, 0, 299, 300):
        player.go(step)
        assert player.step == step
    for one, other in zip(player.network.parameters, last.parameters, strict=True):
        assert torch.equal(one, other)
    assert player.costs == costs


def test_what_is_set_by_hand_holds_from_its_step_on() -> None:
    play = Play(cost="binary", settings={"lr": 0.1}, batch=23)
    plain = Player(network(), *points(), play)
    edited = Player(network(), *points(), play, edits={5: [(0, 3, 2.5)]})
    for step, same in ((4, True), (5, False), (20, False)):
        plain.go(step)
        edited.go(step)
        assert np.array_equal(plain.weights[0], edited.weights[0]) == same
    edited.go(5)
    assert edited.weights[0].reshape(-1)[3] == 2.5


def test_slow_motion_tells_what_the_optimiser_had_and_wrote() -> None:
    player = Player(network(), *points(), Play(cost="binary", optimiser="Adam", settings={"lr": 0.1}, batch=6))
    player.go(3)
    before = player.weights[1].copy()
    (update,) = player.slowly()
    optimiser, tensor, index = player.place(1, 2, 4)
    was, gradient, written, memory = update.parts[tensor]
    assert optimiser == 0
    assert was[index].item() == before[2, 4]
    assert written[index].item() == player.weights[1][2, 4]
    assert memory["step"].item() == 3
    m = 0.9 * memory["exp_avg"][index] + 0.1 * gradient[index]
    v = 0.999 * memory["exp_avg_sq"][index] + 0.001 * gradient[index] ** 2
    by_hand = was[index] - 0.1 * (m / (1 - 0.9**4)) / ((v / (1 - 0.999**4)).sqrt() + 1e-8)
    assert written[index].item() == pytest.approx(by_hand.item(), rel=1e-12)


def test_a_half_of_the_hidden_values_is_dropped_and_the_rest_doubled() -> None:
    player = Player(network(), *points(), Play(dropout=0.5))
    (mask, _) = player._masks(4000)
    assert set(np.unique(mask)) == {0.0, 2.0}
    assert mask.mean() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"optimiser": "Newton"}, "no optimiser called 'Newton'"),
        ({"settings": {"lr": 0.1, "speed": 3}}, "setting of SGD called 'speed'"),
        ({"settings": {"lr": -1.0}}, "SGD can't be made"),
        ({"cost": "hinge"}, "no cost called 'hinge'"),
    ],
)
def test_what_cannot_be_trained_is_said(given: dict, said: str) -> None:
    with pytest.raises(GlassworkError, match=said):
        Player(network(), *points(), Play(**given))
