"""GANs as runs of the loop: turns, what a run leaves, and settings that can't be."""

from pathlib import Path
from typing import Any

import pytest
import torch

from glasswork import recipes, zoo
from glasswork.errors import GlassworkError
from glasswork.training import AdversarialConfig, PointsTask, begin, train
from glasswork.training.duelling import LOSSES
from glasswork.training.task import Draw


def config(**more: Any) -> AdversarialConfig:
    recipe = recipes.config("gan-ring").changed({"steps": 4, "batch": 16})
    assert isinstance(recipe, AdversarialConfig)
    return recipe.changed(more)


def test_each_turn_moves_its_own_player_and_the_batch_is_a_function_of_the_step() -> None:
    task = config(critic_steps=2, critic_rate=2.0).task()
    assert isinstance(task, PointsTask)
    assert [(turn.name, turn.rate) for turn in task.turns()] == [
        ("discriminator", 2.0), ("discriminator", 2.0), ("generator", 1.0)
    ]  # fmt: skip
    draws = [task.batch(Draw(3, task.indices(3), slice(None), torch.Generator().manual_seed(5))) for _ in range(2)]
    for one, other in zip(*draws, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
    real = draws[0][0].double().numpy() / 4 + 0.5
    assert (abs((((real - [0.5, 0.45]) / [0.3, 0.25]) ** 2).sum(1) ** 0.5 - 1) < 0.5).all()
    state = begin(task)
    before = {name: value.clone() for name, value in state.network.state_dict().items()}
    next(iter(train(task, state)))
    assert all(not torch.equal(before[name], value) for name, value in state.network.state_dict().items())


@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradients_that_are_written_out_are_autograds(loss: str) -> None:
    found = []
    for observe in (False, True):  # who looks on needs torch's own pass
        task = config(loss=loss, zero_centred=0.2, observe=observe).task()
        assert isinstance(task, PointsTask)
        network = begin(task).network
        batch = task.batch(Draw(0, task.indices(0), slice(None), torch.Generator().manual_seed(1)))
        losses = []
        for turn in (task.judging, task.loss):
            made = turn(network, batch)
            made.backward()
            losses.append(made.item())
            part = "discriminator" if turn == task.judging else "generator"
            for name, one in network.named_parameters():
                if name.startswith(part) and one.grad is not None:
                    losses.append(one.grad.clone())
            network.zero_grad()
        found.append(losses)
    assert len(found[0]) == 2 + 2 * 8
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=2e-4, atol=1e-6)


def test_what_a_run_leaves_is_measured_again_by_eval(tmp_path: Path) -> None:
    *_, last = recipes.run("gan-line", out=tmp_path / "run", settings={"steps": 6, "keep": 0, "loss": "wasserstein"})
    network = zoo.load(str(tmp_path / "run"))
    assert network.makes == zoo.Makes("gaussian", 8, (0.5, 0.5), 1.0)
    scores = recipes.evaluate(str(tmp_path / "run"))["scores"]
    assert scores == getattr(last, "final")  # noqa: B009
    assert scores["js_floor"] < 0.02 < scores["js_bits"] <= 1


@pytest.mark.parametrize("wrong", [{"loss": "x"}, {"noise": "x"}, {"critic_steps": 0}, {"data": "rings"}])
def test_what_cannot_be_trained_says_why(wrong: dict[str, Any]) -> None:
    with pytest.raises(GlassworkError):
        config(**wrong).task()
