"""The loop learns, repeats itself exactly for a seed, and keeps the right weights."""

import dataclasses

import numpy as np
import pytest
import torch

from glasswork import data, networks
from glasswork.data import Dataset
from glasswork.errors import GlassworkError
from glasswork.training import Augmentation, Config, Evaluated, Kept, Stepped, split_validation, train
from glasswork.training.loop import as_tensor, batch_indices, learning_rate

CONFIG = Config(
    title="test",
    network="tiny_vgg",
    sizes={"channels": 1, "size": 28, "width": 4, "classes": 10, "padding": 0},
    data="mnist",
    licence="Apache-2.0",
    steps=12,
    batch=16,
    learning_rate=3e-3,
    average=0.9,
    validation=50,
    evaluate_every=4,
    augmentation=Augmentation(rotate=5, shift=0.05),
)


def small() -> tuple[Dataset, Dataset]:
    everything = data.load("mnist", "train")
    return split_validation(everything.take(np.arange(0, 8000, 20)), CONFIG.validation, CONFIG.seed)


def events(config: Config = CONFIG) -> tuple[list[Stepped], list[Evaluated], Kept]:
    torch.manual_seed(config.seed)
    module, kept = networks.build(config.network, **config.sizes), Kept(0, {}, {})
    happened = list(train(module, *small(), config, kept))
    return [e for e in happened if isinstance(e, Stepped)], [e for e in happened if isinstance(e, Evaluated)], kept


def test_the_same_seed_gives_the_same_losses_and_weights_and_another_does_not() -> None:
    (first, _, kept), (second, _, again) = events(), events()
    assert [e.loss for e in first] == [e.loss for e in second]
    assert all(torch.equal(kept.weights[name], again.weights[name]) for name in kept.weights)
    other, _, _ = events(dataclasses.replace(CONFIG, seed=1))
    assert [e.loss for e in first] != [e.loss for e in other]


def test_it_learns() -> None:
    steps, looks, _ = events(dataclasses.replace(CONFIG, steps=150, evaluate_every=50, batch=32))
    assert np.mean([e.loss for e in steps[-10:]]) < 0.5 * steps[0].loss
    assert looks[-1].scores["accuracy"] > 0.6


def test_every_step_and_look_is_told_in_order() -> None:
    steps, looks, kept = events()
    assert [e.step for e in steps] == list(range(1, 13))
    assert [e.step for e in looks] == [4, 8, 12]
    best = min(looks, key=lambda e: e.scores["nats"])
    assert kept.step == best.step
    assert kept.scores == best.scores


def test_the_score_to_choose_by_decides_what_is_kept() -> None:
    _, looks, kept = events(dataclasses.replace(CONFIG, steps=60, choose_by="accuracy"))
    assert kept.scores["accuracy"] == max(look.scores["accuracy"] for look in looks)
    assert kept.step == max(look.step for look in looks if look.scores["accuracy"] == kept.scores["accuracy"])


def test_the_first_update_is_adamws() -> None:
    config = dataclasses.replace(
        CONFIG, steps=1, average=0.0, augmentation=Augmentation(), weight_decay=0.1, warmup=0.0
    )
    torch.manual_seed(0)
    module = networks.build("tiny_vgg", **config.sizes)
    before = {name: value.clone() for name, value in module.named_parameters()}
    examples, aside = small()
    index = batch_indices(examples.labels, config, 0)
    loss = torch.nn.functional.cross_entropy(
        module(as_tensor(examples.pictures[index])), torch.tensor(examples.labels[index])
    )
    loss.backward()
    gradients = {name: value.grad.clone() for name, value in module.named_parameters() if value.grad is not None}
    (step, _) = train(module, examples, aside, config, Kept(0, {}, {}))
    assert isinstance(step, Stepped)
    assert step.loss == pytest.approx(loss.item(), rel=1e-5)
    rate = config.learning_rate
    for name, value in module.named_parameters():
        decay = config.weight_decay if value.ndim > 1 else 0.0
        gradient = gradients[name]
        expected = before[name] * (1 - rate * decay) - rate * gradient / (gradient.abs() + 1e-8)
        sure = gradient.abs() > 1e-5  # elsewhere rounding decides the sign
        torch.testing.assert_close(value[sure], expected[sure], rtol=1e-4, atol=1e-5)


def test_without_pictures_aside_the_last_weights_are_kept() -> None:
    examples, _ = small()
    torch.manual_seed(0)
    kept = Kept(0, {}, {})
    happened = list(
        train(networks.build("tiny_vgg", **CONFIG.sizes), examples, examples.take(np.arange(0)), CONFIG, kept)
    )
    assert kept.step == 12
    assert isinstance(happened[-1], Evaluated)
    assert happened[-1].scores == {}


def test_a_time_limit_ends_the_run_with_weights_kept() -> None:
    examples, aside = small()
    kept = Kept(0, {}, {})
    happened = list(train(networks.build("tiny_vgg", **CONFIG.sizes), examples, aside, CONFIG, kept, seconds=0.0))
    assert [type(e) for e in happened] == [Stepped, Evaluated]
    assert kept.step == 1


def test_the_rate_rises_in_a_line_and_falls_to_nothing_as_a_cosine() -> None:
    config = dataclasses.replace(CONFIG, steps=100, warmup=0.2, learning_rate=1.0)
    rates = [learning_rate(step, config) for step in range(101)]
    assert rates[:20] == pytest.approx([(i + 1) / 20 for i in range(20)])
    assert rates[20] == pytest.approx(1)
    assert rates[60] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0)


def test_an_epoch_sees_every_picture_once_and_the_next_in_another_order() -> None:
    labels = np.zeros(64, int)
    epochs = [np.concatenate([batch_indices(labels, CONFIG, 4 * e + i) for i in range(4)]) for e in range(2)]
    assert all(sorted(epoch) == list(range(64)) for epoch in epochs)
    assert epochs[0].tolist() != epochs[1].tolist()


def test_balanced_batches_draw_every_class_alike() -> None:
    labels = np.array([0] * 990 + [1] * 10)
    config = dataclasses.replace(CONFIG, balance=True, batch=1000)
    assert 400 < (labels[batch_indices(labels, config, 0)] == 1).sum() < 600


def test_pictures_set_aside_take_their_whole_group_along() -> None:
    examples, aside = split_validation(data.load("emoji", "train"), 190, 0)
    assert not set(examples.groups) & set(aside.groups)
    assert 190 <= len(aside) <= 230
    assert len(examples) + len(aside) == len(data.load("emoji", "train"))
    assert aside.names == split_validation(data.load("emoji", "train"), 190, 0)[1].names


def test_a_loss_that_is_no_number_stops_the_run_and_says_where() -> None:
    module = networks.build("tiny_vgg", **CONFIG.sizes)
    with torch.no_grad():
        module.get_parameter("output.bias").fill_(float("nan"))
    with pytest.raises(GlassworkError, match="loss is nan at step 1"):
        list(train(module, *small(), CONFIG, Kept(0, {}, {})))


def test_nothing_to_train_on_is_an_error() -> None:
    examples, aside = small()
    with pytest.raises(GlassworkError, match="nothing to train on"):
        list(
            train(
                networks.build("tiny_vgg", **CONFIG.sizes), examples.take(np.arange(0)), aside, CONFIG, Kept(0, {}, {})
            )
        )
