"""Masks and noise inside an op: what its output shows of them is explained, what it hides is said."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glasswork.explaining import explain, explain_value
from glasswork.tracing import Trace, trace

X = torch.linspace(-2, 3, 60, dtype=torch.float64).reshape(3, 5, 4)
CALLS = {
    "alpha_dropout": lambda a: F.alpha_dropout(a, 0.4, True),
    "feature_alpha_dropout": lambda a: F.feature_alpha_dropout(a, 0.4, True),
    "gumbel_softmax": lambda a: F.gumbel_softmax(a, 0.7),
    "gumbel_softmax, another axis": lambda a: F.gumbel_softmax(a, 1.3, dim=1),
}


class Weighted(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (self.function(x) * torch.linspace(1, 2, x.numel(), dtype=x.dtype).reshape(x.shape)).sum()


def run_of(function: Any) -> Trace:
    torch.manual_seed(3)
    return trace(Weighted(function), X, backward=True)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_gradients_go_through_what_was_drawn(name: str) -> None:
    run, module, step = run_of(CALLS[name]), Weighted(CALLS[name]), 1e-6
    for index in ((0, 0, 0), (1, 2, 3), (2, 4, 1), (0, 3, 2), (2, 0, 0), (1, 1, 1)):
        found = explain_value(run, "input", index, of="grad", limit=None)
        assert found.error <= 1e-12, found
        ends = []
        for sign in (1, -1):
            moved = X.clone()
            moved[index] += sign * step
            torch.manual_seed(3)
            ends.append(module(moved).item())
        slope = (ends[0] - ends[1]) / (2 * step)
        assert sum(term.product for term in found.terms) == pytest.approx(slope, rel=1e-6, abs=1e-7), index


def test_alpha_dropout_keeps_or_puts_its_constant() -> None:
    run = run_of(CALLS["alpha_dropout"])
    op = next(op for op in run.ops if op.name == "alpha_dropout")
    seen = set()
    for place in range(60):
        index = (place // 20, place // 4 % 5, place % 4)
        found = explain(run, op, index)
        assert found.kind == "random"
        assert found.error <= 1e-12, found
        seen.add((found.note, found.count))
    assert seen == {("kept by chance", 2), ("dropped by chance", 1)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_hard_choice_hands_back_the_gradient_of_its_soft_shares(dtype: torch.dtype) -> None:
    x = X.to(dtype)
    torch.manual_seed(3)
    run = trace(Weighted(lambda a: F.gumbel_softmax(a, 0.7, hard=True, dim=1)), x, backward=True)
    torch.manual_seed(3)
    noise = -torch.empty_like(x).exponential_().log()

    def soft(a: torch.Tensor) -> torch.Tensor:
        weights = torch.linspace(1, 2, x.numel(), dtype=dtype).reshape(x.shape)
        return (((a.double() + noise) / 0.7).softmax(1) * weights).sum()

    slopes = torch.autograd.functional.jacobian(soft, x.double())
    assert isinstance(slopes, torch.Tensor)
    for index in ((0, 0, 0), (1, 2, 3), (2, 4, 1), (0, 3, 2)):
        found = explain_value(run, "input", index, of="grad", limit=None)
        assert found.error <= (1e-5 if dtype == torch.float32 else 1e-12), found
        assert sum(term.product for term in found.terms) == pytest.approx(slopes[index].item(), rel=1e-5), index
        assert explain_value(run, ":gumbel_softmax", index).kind == "random"


def test_what_is_hidden_is_said() -> None:
    generator = torch.Generator().manual_seed(1)
    run = run_of(lambda a: torch.bernoulli(a.sigmoid(), generator=generator) * a)
    assert explain_value(run, ":bernoulli", (0, 0, 0)).note == "drawn by chance"
