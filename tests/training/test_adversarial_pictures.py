"""GANs of pictures: what a step sees, when the penalty comes, that each turn moves its own player; and what ships."""

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from glasswork import data, recipes, zoo
from glasswork.errors import GlassworkError
from glasswork.training import PicturesConfig, PicturesTask, begin, train
from glasswork.training.task import Draw

here = pytest.mark.skipif(
    not next(e.available for e in data.catalogue() if (e.name, e.split) == ("fashion-mnist", "train")),
    reason="the training pictures of Fashion-MNIST are not on this machine",
)
SMALL = {"steps": 2, "batch": 8, "validation": 60, "sizes.width": 4, "penalise_every": 3, "zero_centred": 0.5}


def config(**more: Any) -> PicturesConfig:
    recipe = recipes.config("dcgan-fashion").changed({**SMALL, **more})
    assert isinstance(recipe, PicturesConfig)
    return recipe


@here
def test_the_penalty_comes_every_few_steps_and_is_so_many_times_as_strong() -> None:
    task = config().task()
    assert isinstance(task, PicturesTask)
    network: Any = begin(task).network
    for step, strength in ((0, 1.5), (1, 0.0), (2, 0.0), (3, 1.5)):
        batch = task.batch(Draw(step, task.indices(step), slice(None), torch.Generator().manual_seed(5)))
        real, noise, _, told, _ = batch
        assert told == strength
        assert real.shape == (8, 1, 28, 28)
        assert -1 <= real.min() < real.max() <= 1
        x = real.clone().requires_grad_()
        said = network.discriminator(x)
        (slope,) = torch.autograd.grad(said.sum(), x)
        plain = (F.softplus(-said).mean() + F.softplus(network.discriminator(network.generator(noise))).mean()) / 2
        wanted = plain + strength / 2 * slope.square().flatten(1).sum(1).mean()
        torch.testing.assert_close(task.judging(network, batch), wanted, rtol=1e-4, atol=1e-5)


@here
def test_the_generator_learns_from_fewer_and_fewer_that_fool_best() -> None:
    task = config(steps=8, learn_from=0.25).task()
    assert isinstance(task, PicturesTask)
    network: Any = begin(task).network
    for step, count in ((0, 8), (2, 5), (4, 2), (7, 2)):
        batch = task.batch(Draw(step, task.indices(step), slice(None), torch.Generator().manual_seed(5)))
        said = network.discriminator(network.generator(batch[1])).flatten()
        wanted = sum(F.softplus(-x) for x in sorted(said, reverse=True)[:count]) / count
        torch.testing.assert_close(task.loss(network, batch), wanted)


@here
def test_each_turn_moves_its_own_player_and_a_look_measures_pictures() -> None:
    task = config().task()
    state = begin(task)
    before = {name: value.clone() for name, value in state.network.state_dict().items()}
    list(train(task, state))
    assert all(not torch.equal(before[name], value) for name, value in state.network.named_parameters())
    assert state.kept.scores["frechet"] > 10


@here
@pytest.mark.parametrize(
    "wrong", [{"judge": "nobody"}, {"sizes.size": 32}, {"loss": "x"}, {"penalise_every": 0}, {"learn_from": 0}]
)
def test_what_cannot_be_trained_on_pictures_says_why(wrong: dict[str, Any]) -> None:
    with pytest.raises(GlassworkError):
        config(**wrong).task()


@pytest.mark.slow  # a thousand pictures and their judge
def test_what_ships_draws_clothes_of_every_class() -> None:
    found = recipes.evaluate("dcgan-fashion")
    scores, card = found["scores"], zoo.load("dcgan-fashion").card
    assert card is not None
    assert scores["frechet"] <= scores["frechet_untrained"] / 4
    assert scores["top_probability"] >= 0.80
    assert scores["classes"] == 10
    for name, value in card.scores.items():
        assert scores[name] == pytest.approx(value, abs=2e-2)
