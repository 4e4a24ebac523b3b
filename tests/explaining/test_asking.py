"""What an answer looks like, and what a wrong question gets."""

import dataclasses
import json

import pytest
import torch
from torch import nn

from glasswork.explaining import BadIndex, NoRule, explain, register, rule_for
from glasswork.tracing import NotKept, UnknownAddress, trace


def test_an_explanation_is_plain_data() -> None:
    run = trace(nn.Conv2d(2, 2, 3), torch.randn(1, 2, 4, 4))
    explanation = explain(run, 0, (0, 0, 0, 0))
    assert json.loads(json.dumps(dataclasses.asdict(explanation)))["kind"] == "formula"
    with pytest.raises(dataclasses.FrozenInstanceError):
        explanation.value = 0.0  # type: ignore[misc]


@pytest.mark.parametrize("index", [(0, 0, 0), (0, 0, 9, 0), (0, 2, 0, 0), (0, 0, 0, -3), 0])
def test_an_index_outside_is_named(index: tuple[int, ...] | int) -> None:
    run = trace(nn.Conv2d(2, 2, 3), torch.randn(1, 2, 4, 4))
    with pytest.raises(BadIndex, match="does not point into"):
        explain(run, 0, index)


def test_negative_indices_count_from_the_end() -> None:
    run = trace(nn.Conv2d(2, 2, 3), torch.randn(1, 2, 4, 4))
    assert explain(run, 0, (-1, -1, -1, -1)).index == (0, 1, 1, 1)


def test_an_op_without_a_rule_is_explained_by_its_sensitivities() -> None:
    class Odd(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.special.bessel_j0(x)

    x = torch.tensor([0.5, 2.0])
    run = trace(Odd(), x)
    with pytest.raises(NoRule, match="bessel_j0"):
        rule_for(run[0])
    explanation = explain(run, 0, 1)
    (term,) = explanation.terms
    assert explanation.kind == "linearised"
    assert (term.ref, term.value) == ("input[1]@value", 2.0)
    assert term.factor == pytest.approx(-torch.special.bessel_j1(x.double())[1].item(), rel=1e-12)
    assert explanation.nonlinear == pytest.approx(explanation.value - term.product, rel=1e-9)


def test_two_rules_for_one_op_are_refused() -> None:
    run = trace(nn.ReLU(), torch.randn(2))
    with pytest.raises(ValueError, match="two rules for relu"):
        register("relu")(rule_for(run[0]))


def test_an_op_of_another_trace_is_refused() -> None:
    layer, x = nn.ReLU(), torch.randn(2)
    with pytest.raises(UnknownAddress, match="not an op of this trace"):
        explain(trace(layer, x), trace(layer, x)[0], 0)


def test_values_that_were_not_kept_say_so() -> None:
    run = trace(nn.Conv2d(2, 2, 3), torch.randn(1, 2, 4, 4), keep="none")
    with pytest.raises(NotKept, match="keep"):
        explain(run, 0, (0, 0, 0, 0))
