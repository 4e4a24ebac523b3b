"""Scores against their definitions, written out slowly."""

import math

import pytest
import torch
from torch import nn

from glasswork.measuring import classification_scores, predict


def test_scores_are_those_of_their_definitions() -> None:
    generator = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(500, 4, generator=generator) * 3, torch.randint(0, 4, (500,), generator=generator)
    scores = classification_scores(logits, labels, bins=5)
    p = [[math.exp(v) for v in row] for row in logits.double().tolist()]
    p = [[v / sum(row) for v in row] for row in p]
    guess = [row.index(max(row)) for row in p]
    right = [int(g == k) for g, k in zip(guess, labels.tolist(), strict=True)]
    assert scores["accuracy"] == pytest.approx(sum(right) / 500)
    of_class = [[r for r, k in zip(right, labels.tolist(), strict=True) if k == c] for c in range(4)]
    assert scores["balanced_accuracy"] == pytest.approx(sum(sum(r) / len(r) for r in of_class) / 4)
    assert scores["nats"] == pytest.approx(
        -sum(math.log(row[k]) for row, k in zip(p, labels.tolist(), strict=True)) / 500
    )
    error = 0.0
    for i in range(5):
        inside = [(max(row), r) for row, r in zip(p, right, strict=True) if i / 5 < max(row) <= (i + 1) / 5]
        error += abs(sum(r for _, r in inside) - sum(c for c, _ in inside)) / 500
    assert scores["calibration_error"] == pytest.approx(error)


def test_predicting_in_parts_is_predicting_at_once_and_leaves_the_mode() -> None:
    module = nn.Sequential(nn.Linear(3, 5), nn.Dropout(0.5)).train()
    inputs = torch.randn(7, 3)
    assert torch.allclose(predict(module, inputs, batch=2), module[0](inputs))
    assert module.training


def test_among_many_classes_the_five_best_count_too() -> None:
    logits = torch.arange(100.0).repeat(4, 1)  # class 99 first, then 98...
    scores = classification_scores(logits, torch.tensor([99, 95, 94, 0]))
    assert scores["top1"] == scores["accuracy"] == 0.25
    assert scores["top5"] == 0.5
    assert "top5" not in classification_scores(logits[:, :10], torch.tensor([9, 5, 4, 0]))
