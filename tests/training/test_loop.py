"""The loop learns, repeats itself exactly for a seed, and keeps the right weights."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glasswork import data
from glasswork.data import Dataset
from glasswork.errors import GlassworkError
from glasswork.training import (
    Augmentation,
    Classification,
    ClassifierConfig,
    Evaluated,
    State,
    Stepped,
    begin,
    split_validation,
    train,
)
from glasswork.training.pictures import Held, as_tensor

CONFIG = ClassifierConfig(
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


def small() -> Dataset:
    return data.load("mnist", "train").take(np.arange(0, 8000, 20))


def task(config: ClassifierConfig = CONFIG, dataset: Dataset | None = None) -> Classification:
    dataset = dataset if dataset is not None else small()
    return Classification(config, {"train": dataset, "test": dataset})


def events(config: ClassifierConfig = CONFIG) -> tuple[list[Stepped], list[Evaluated], State]:
    trained = task(config)
    state = begin(trained)
    happened = list(train(trained, state))
    return [e for e in happened if isinstance(e, Stepped)], [e for e in happened if isinstance(e, Evaluated)], state


def test_the_same_seed_gives_the_same_losses_and_weights_and_another_does_not() -> None:
    (first, _, one), (second, _, two) = events(), events()
    assert [e.loss for e in first] == [e.loss for e in second]
    assert all(torch.equal(one.kept.weights[name], two.kept.weights[name]) for name in one.kept.weights)
    other, _, _ = events(dataclasses.replace(CONFIG, seed=1))
    assert [e.loss for e in first] != [e.loss for e in other]


def test_what_others_draw_in_between_changes_nothing() -> None:
    plain, _, _ = events()
    trained = task()
    losses = []
    for event in train(trained, begin(trained)):
        torch.manual_seed(len(losses))
        if isinstance(event, Stepped):
            losses.append(event.loss)
    assert losses == [e.loss for e in plain]


def test_it_learns() -> None:
    steps, looks, _ = events(dataclasses.replace(CONFIG, steps=150, evaluate_every=50, batch=32))
    assert np.mean([e.loss for e in steps[-10:]]) < 0.5 * steps[0].loss
    assert looks[-1].scores["accuracy"] > 0.6


def test_every_step_and_look_is_told_in_order() -> None:
    steps, looks, state = events()
    assert [e.step for e in steps] == list(range(1, 13))
    assert [e.step for e in looks] == [e.step for e in steps if e.looked] == [4, 8, 12]
    best = min(looks, key=lambda e: e.scores["nats"])
    assert (state.kept.step, state.kept.scores) == (best.step, best.scores)


def test_the_score_to_choose_by_decides_what_is_kept() -> None:
    _, looks, state = events(dataclasses.replace(CONFIG, steps=60, choose_by="accuracy"))
    best = max(look.scores["accuracy"] for look in looks)
    assert state.kept.scores["accuracy"] == best
    assert state.kept.step == max(look.step for look in looks if look.scores["accuracy"] == best)


def plain_torch(config: ClassifierConfig, optimiser: str, **settings: object) -> tuple[list[float], nn.Module]:
    """The same run, written by hand."""
    trained = task(config)
    module = begin(trained).network
    wide = [p for p in module.parameters() if p.ndim > 1]
    flat = [p for p in module.parameters() if p.ndim <= 1]
    groups = [{"params": wide, "weight_decay": config.weight_decay}, {"params": flat, "weight_decay": 0.0}]
    made = getattr(torch.optim, optimiser)(groups, lr=config.learning_rate, **settings)
    losses = []
    assert isinstance(trained.seen, Held)
    for step in range(config.steps):
        index = trained.indices(step)
        x, y = as_tensor(trained.seen.dataset.pictures[index]), torch.tensor(trained.seen.labels[index])
        loss = F.cross_entropy(module(x.contiguous(memory_format=torch.channels_last)), y)
        made.zero_grad()
        loss.backward()
        if config.clip:
            nn.utils.clip_grad_norm_(module.parameters(), config.clip)
        made.step()
        losses.append(loss.item())
    return losses, module


BARE = dataclasses.replace(CONFIG, augmentation=Augmentation(), average=0.0, warmup=0.0, schedule="constant", steps=6)


@pytest.mark.parametrize(
    ("name", "settings", "torchs"),
    [
        ("AdamW", {}, {}),
        ("adam", {"beta1": 0.5, "eps": 1e-6}, {"betas": (0.5, 0.999), "eps": 1e-6}),
        ("SGD", {"momentum": 0.9, "nesterov": 1}, {"momentum": 0.9, "nesterov": True}),
        ("rmsprop", {"alpha": 0.9}, {"alpha": 0.9}),
    ],
)
def test_it_is_what_one_writes_by_hand(name: str, settings: dict[str, float], torchs: dict[str, object]) -> None:
    config = dataclasses.replace(BARE, optimiser=name, optimiser_settings=settings, weight_decay=0.1, clip=0.5)
    known = {optimiser.lower(): optimiser for optimiser in vars(torch.optim)}
    losses, module = plain_torch(config, known[name.lower()], **torchs)
    steps, _, state = events(config)
    assert [e.loss for e in steps] == pytest.approx(losses, rel=1e-5)
    for name_, value in module.state_dict().items():
        torch.testing.assert_close(state.network.state_dict()[name_], value, rtol=1e-4, atol=1e-6)


def test_parts_of_a_batch_add_up_to_the_whole() -> None:
    whole, _, one = events(BARE)
    parts, _, two = events(dataclasses.replace(BARE, accumulate=4))
    assert [e.loss for e in parts] == pytest.approx([e.loss for e in whole], rel=1e-5)
    assert [e.gradient_norm for e in parts] == pytest.approx([e.gradient_norm for e in whole], rel=1e-4)
    for name, value in one.network.state_dict().items():
        torch.testing.assert_close(two.network.state_dict()[name], value, rtol=1e-3, atol=1e-5)


def test_the_average_of_the_weights_is_kept_and_the_network_goes_on_with_its_own() -> None:
    trained = task()
    state = begin(trained)
    mean = {name: value.clone() for name, value in state.network.state_dict().items()}
    last: dict[str, torch.Tensor] = {}
    for event in train(trained, state):
        if isinstance(event, Stepped):
            decay = min(CONFIG.average, event.step / (event.step + 10))
            for name, value in state.network.state_dict().items():
                mean[name] = decay * mean[name] + (1 - decay) * value
            last = {name: value.clone() for name, value in state.network.state_dict().items()}
    for name, value in mean.items():
        torch.testing.assert_close(state.averaged[name], value, rtol=1e-4, atol=1e-6)
        assert torch.equal(state.network.state_dict()[name], last[name])
    assert not torch.equal(state.averaged["output.weight"], state.network.state_dict()["output.weight"])


def test_half_precision_is_autocast_and_learns_nearly_the_same() -> None:
    full, _, _ = events(BARE)
    half, _, state = events(dataclasses.replace(BARE, precision="bfloat16"))
    losses = [e.loss for e in half]
    assert losses != [e.loss for e in full]
    assert losses == pytest.approx([e.loss for e in full], rel=0.03)
    assert all(value.dtype == torch.float32 for value in state.network.state_dict().values())


def test_without_better_scores_it_ends_early() -> None:
    config = dataclasses.replace(CONFIG, steps=400, evaluate_every=2, patience=3, learning_rate=1e-12, average=0.0)
    trained = task(dataclasses.replace(config, choose_by="nats"))
    state = begin(trained)
    looks = [e for e in train(trained, state) if isinstance(e, Evaluated)]
    assert state.ended == "patience"
    assert [look.kept for look in looks] == [True] * 4  # no worse, but not better
    assert state.step < 400


def test_without_pictures_aside_the_last_weights_are_kept() -> None:
    _, looks, state = events(dataclasses.replace(CONFIG, validation=0))
    assert state.kept.step == 12
    assert looks[-1].scores == {}


def test_a_time_limit_ends_the_run_with_weights_kept() -> None:
    trained = task()
    state = begin(trained)
    assert [type(e) for e in train(trained, state, seconds=0.0)] == [Stepped, Evaluated]
    assert state.kept.step == 1
    assert state.ended == "seconds"


def test_a_request_ends_it_after_the_step() -> None:
    trained = task()
    state = begin(trained)
    assert [type(e) for e in train(trained, state, stop=lambda: state.step == 2)] == [Stepped, Stepped]
    assert state.ended == "asked"


def test_pictures_set_aside_take_their_whole_group_along() -> None:
    examples, aside = split_validation(data.load("emoji", "train"), 190, 0)
    assert not set(examples.groups) & set(aside.groups)
    assert 190 <= len(aside) <= 230
    assert len(examples) + len(aside) == len(data.load("emoji", "train"))
    assert aside.names == split_validation(data.load("emoji", "train"), 190, 0)[1].names


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batch": 351}, "larger than the data.*350 examples"),
        ({"precision": "float8"}, "no precision called.*bfloat16"),
        ({"optimiser": "adamx"}, "no optimiser called.*AdamW"),
        ({"optimiser_settings": {"speed": 1}}, "no setting of AdamW called.*eps"),
        ({"schedule": "luck"}, "no schedule called.*OneCycleLR.*cosine"),
        ({"choose_by": "luck"}, "known: accuracy, balanced_accuracy, last, nats"),
        ({"accumulate": 5}, "can't be divided evenly.*batch=15"),
        ({"steps": 0}, "steps must be 1 or more"),
    ],
)
def test_settings_that_do_not_fit_are_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(GlassworkError, match=said):
        events(dataclasses.replace(CONFIG, **change))


def test_nothing_to_train_on_is_an_error() -> None:
    trained = task(dataset=small().take(np.arange(0)))
    with pytest.raises(GlassworkError, match="nothing to train on"):
        next(train(trained, begin(trained)))
