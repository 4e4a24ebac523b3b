"""Every sampler's step as a sum that one can check by hand: each operand times its number."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from glasswork.generation import DRAWS, OPERANDS, SAMPLERS, Plan, Schedule, Step, coefficients, first_noise, run

SHAPE = (1, 3, 4, 4)


def steps_of(sampler: str, prediction: str, steps: int) -> list[Step]:
    def said(x: Tensor, time: Tensor, text: Tensor) -> Tensor:
        return torch.sin(1.3 * x + 0.002 * time.view(-1, 1, 1, 1)) + 0.1 * text.view(-1, 1, 1, 1)

    schedule = Schedule(kind="squaredcos_cap_v2", prediction=prediction, spacing="trailing", offset=0, to_one=True)
    plan = Plan(sampler=sampler, steps=steps, guidance=3.0, seed=5)
    return list(run(said, schedule, plan, first_noise(SHAPE, 5), [torch.ones(1, 1, 1)], [torch.zeros(1, 1, 1)]))


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_the_next_latent_is_the_sum_of_its_operands(sampler: str, prediction: str) -> None:
    for step in steps_of(sampler, prediction, 6):
        found = coefficients(
            sampler, step.at, step.to, step.index == step.steps - 1, step.past.at if step.past else None
        )
        assert set(found) == set(OPERANDS)
        zero = torch.zeros(SHAPE)
        operands = {
            "latent": step.latent,
            "clean": step.clean,
            "noise": step.noise,
            "past": step.past.clean if step.past else zero,
            "fresh": zero if step.fresh is None else step.fresh,
        }
        parts = torch.stack([found[name] * operands[name].double() for name in OPERANDS])
        # In between a sampler may work on x_t / alpha_t, whose rounding is larger by as much.
        rounding = 1e-6 * max(1.0, step.to.alpha / step.at.alpha) * float(parts.abs().max().clamp(min=1))
        assert (parts.sum(0) - step.next).abs().max() < rounding


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_new_noise_is_handed_out_where_it_was_drawn(sampler: str) -> None:
    steps = steps_of(sampler, "v_prediction", 5)
    drew = [step.fresh is not None for step in steps]
    assert drew == [sampler in DRAWS] * 4 + [False]
    assert steps[0].past is None
    for before, after in pairwise(steps):
        assert after.past is not None
        assert torch.equal(after.past.clean, before.clean)
    again = steps_of(sampler, "v_prediction", 5)
    assert all(torch.equal(one.next, other.next) for one, other in zip(steps, again, strict=True))
