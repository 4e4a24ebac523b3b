"""The learning rate's course: ours by its formula, torch's by torch itself."""

import copy
import dataclasses

import pytest
import torch
from torch.optim import lr_scheduler

from glasswork import recipes
from glasswork.errors import GlassworkError
from glasswork.training.optimising import course, make_optimiser, optimiser_names, schedule_names, tables

CONFIG = dataclasses.replace(recipes.config("tiny-vgg-digits"), steps=100, warmup=0.2, learning_rate=1.0)


def test_the_rate_rises_in_a_line_and_falls_to_nothing_as_a_cosine() -> None:
    rate = course(CONFIG)
    rates = [rate(step) for step in range(101)]
    assert rates[:20] == pytest.approx([(i + 1) / 20 for i in range(20)])
    assert rates[20] == pytest.approx(1)
    assert rates[60] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0)


def test_linear_and_constant() -> None:
    assert course(CONFIG.changed({"schedule": "linear"}))(60) == pytest.approx(0.5)
    assert course(CONFIG.changed({"schedule": "constant"}))(99) == 1


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("StepLR", {"step_size": 7, "gamma": 0.5}),
        ("ExponentialLR", {"gamma": 0.9}),
        ("OneCycleLR", {"total_steps": 50, "max_lr": 1.0}),
        ("CosineAnnealingWarmRestarts", {"T_0": 10}),
    ],
)
def test_torchs_own_are_torchs_own(name: str, settings: dict[str, float]) -> None:
    config = CONFIG.changed({"schedule": name, "warmup": 0, "steps": 50})
    config = config.changed({f"schedule_settings.{key}": value for key, value in settings.items()})
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = getattr(lr_scheduler, name)(optimiser, **settings)
    rate, expected = course(config), []
    for _ in range(50):
        expected.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    assert [rate(step) for step in range(50)] == pytest.approx(expected)
    assert rate(10) == pytest.approx(expected[10])  # a resumed run asks for any step


def test_what_is_missing_is_named() -> None:
    with pytest.raises(GlassworkError, match=r"StepLR can't be made.*step_size"):
        course(CONFIG.changed({"schedule": "steplr"}))
    with pytest.raises(GlassworkError, match="no setting of ExponentialLR"):
        course(CONFIG.changed({"schedule": "ExponentialLR", "schedule_settings.speed": 2}))


def test_the_names_are_torchs() -> None:
    assert {"AdamW", "SGD", "Muon", "RAdam"} <= set(optimiser_names())
    assert {"cosine", "OneCycleLR", "CosineAnnealingLR"} <= set(schedule_names())
    assert "ReduceLROnPlateau" not in schedule_names()


def test_muon_is_torchs_for_matrices_and_adamw_for_all_else() -> None:
    torch.manual_seed(0)
    ours = torch.nn.Sequential(torch.nn.Embedding(5, 4), torch.nn.Linear(4, 6))
    theirs = copy.deepcopy(ours)
    config = CONFIG.changed({"optimiser": "MuonAdamW", "learning_rate": 0.01, "weight_decay": 0.1})
    made = make_optimiser(config, dict(ours.named_parameters()), 1.0, tables(ours))
    table, matrix, bias = theirs.parameters()
    muon = torch.optim.Muon([matrix], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    groups = [{"params": [table], "weight_decay": 0.1}, {"params": [bias], "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups, lr=0.01, betas=(0.9, 0.95))
    for _ in range(3):
        for module, optimisers in ((ours, [made]), (theirs, [muon, adamw])):
            module.zero_grad()
            module(torch.tensor([0, 3])).square().sum().backward()
            for each in optimisers:
                each.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=0, rtol=0)
    with pytest.raises(GlassworkError, match="no setting of MuonAdamW"):
        make_optimiser(config.changed({"optimiser_settings.speed": 2}), dict(ours.named_parameters()))
