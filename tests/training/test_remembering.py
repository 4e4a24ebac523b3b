"""Two memory problems: examples as the papers say, Adam and the cut as torch has them, and what each network learns."""

from __future__ import annotations

import math

import pytest
import torch

from glasswork.training.remembering import BLANK, Contest, Remember, Rememberer, cost, examples


def test_an_adding_example_is_the_sum_of_two_marked_numbers() -> None:
    x, y = examples(Remember(length=20), 7, 100)
    assert x.shape == (100, 20, 2)
    assert (x[:, :10, 1].sum(1) == 1).all()
    assert (x[:, 10:, 1].sum(1) == 1).all()
    for row, wanted in zip(x, y, strict=True):
        assert sum(value for value, mark in row.tolist() if mark) == pytest.approx(wanted.item(), abs=1e-6)
    assert torch.equal(x, examples(Remember(length=20), 7, 100)[0])
    assert not torch.equal(x, examples(Remember(length=20), 8, 100)[0])


def test_a_copy_example_is_said_again_after_the_call() -> None:
    x, y = examples(Remember(problem="copy", length=6), 0, 50)
    read = x.argmax(2)
    assert x.shape == (50, 16, 10)
    assert torch.equal(read[:, :5], y)
    assert (read[:, 10] == 9).all()
    assert (torch.cat([read[:, 5:10], read[:, 11:]], 1) == 8).all()


def test_who_remembers_nothing_pays_what_is_said() -> None:
    _, y = examples(Remember(), 3, 40_000)
    assert (1 - y).square().mean().item() == pytest.approx(BLANK["adding"], abs=0.005)
    _, y = examples(Remember(problem="copy"), 3, 100)
    assert cost(torch.zeros(100, 5, 8), y).item() == pytest.approx(math.log(8)) == BLANK["copy"]


@pytest.mark.parametrize("clip", [0.0, 0.05])
@pytest.mark.parametrize("kind", ["rnn", "lstm"])
def test_a_step_is_adams_on_the_cut_gradient(kind: str, clip: float) -> None:
    how = Remember(length=12, units=6, clip=clip, rate=0.01)
    contest, ours = Contest(how), Rememberer(kind, how)
    rule = torch.optim.Adam(ours.parameters(), 0.01)
    size = 0.0
    for step in range(3):
        x, y = examples(how, step, how.batch)
        rule.zero_grad()
        (ours(x)[:, 0] - y).square().mean().backward()
        size = math.sqrt(
            sum(one.grad.double().square().sum().item() for one in ours.parameters() if one.grad is not None)
        )
        for one in ours.parameters():
            if clip and one.grad is not None:
                one.grad *= min(1, clip / size)
        rule.step()
    contest.go(3)
    learner = contest.learners[0 if kind == "rnn" else 1]
    assert learner.lengths[-1] == pytest.approx(size, rel=1e-4)
    for one, other in zip(learner.network.parameters(), ours.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_larger_spectral_radius_makes_the_rnns_gradient_explode() -> None:
    longest = []
    for radius in (0.5, 3.0):
        contest = Contest(Remember(length=30, units=16, radius=radius, clip=1.0))
        matrix = contest.learners[0].network.core.get_parameter("weight_hh_l0").detach()
        assert torch.linalg.eigvals(matrix).abs().max().item() == pytest.approx(radius, rel=1e-4)
        contest.go(10)
        longest.append(max(contest.learners[0].lengths))
    assert longest[1] > 10 * longest[0]


@pytest.mark.slow
def test_the_lstm_learns_to_add_over_fifty_steps_and_the_rnn_does_not() -> None:
    contest = Contest(Remember())
    contest.go(1500)
    right = {learner.kind: learner.tested(*contest.test)[1] for learner in contest.learners}
    assert right["lstm"] >= 0.8
    assert right["rnn"] <= 0.3
