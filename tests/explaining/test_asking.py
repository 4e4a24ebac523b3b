"""What an answer looks like, and what a wrong question gets."""

import dataclasses
import json
from typing import Any

import pytest
import torch
from torch import nn

from glasswork.explaining import BadIndex, NoRule, explain, register, rule_for
from glasswork.tracing import UnknownAddress, rerun, trace


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


def test_values_that_were_not_held_are_explained_as_well() -> None:
    layer, x = nn.Conv2d(2, 2, 3), torch.randn(1, 2, 4, 4)
    kept, spilled = trace(layer, x), trace(layer, x, keep="none")
    assert explain(spilled, 0, (0, 0, 0, 0)) == explain(kept, 0, (0, 0, 0, 0))


@pytest.mark.parametrize("order", ["size", "place"])
@pytest.mark.parametrize("limit", [1, 5, 7, 100])
def test_pages_hold_every_term_once(order: Any, limit: int) -> None:
    run = trace(nn.Conv2d(2, 2, 3), torch.randn(1, 2, 4, 4))
    whole = explain(run, 0, (0, 1, 1, 0), limit=None)
    assert whole.count == 19
    seen = []
    for offset in range(0, whole.count, limit):
        page = explain(run, 0, (0, 1, 1, 0), limit=limit, offset=offset, order=order)
        listed = sum(term.product for term in page.terms)
        assert listed + page.remainder == pytest.approx(page.value, rel=1e-5)
        seen += page.terms
    assert sorted(term.position for term in seen) == list(range(19))
    if order == "place" or limit >= 19:
        assert [term.position for term in seen] == list(range(19))
    else:
        sizes = [abs(term.product) for term in seen if term.factor is not None]
        assert sizes == sorted(sizes, reverse=True)


def test_every_output_of_an_op_is_explained() -> None:
    class Parts(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            a, b = x.split([1, 3], 1)
            values, places = x.topk(2, 1)
            return a.sum() + b.sum() + values.sum() + places.sum()

    x = torch.tensor([[3.0, 1.0, 4.0, 1.5]])
    run = trace(Parts(), x)
    assert explain(run, ":split~1", (0, 1)).terms[0].ref == "input[0,2]@value"
    assert explain(run, ":topk", (0, 1)).terms[0].ref == "input[0,0]@value"
    place = explain(run, ":topk~1", (0, 0))
    assert (place.kind, place.value, place.error) == ("selected", 2, 0)
    assert place.terms[0].ref == "input[0,2]@value"


def test_complex_numbers_are_asked_for_by_their_parts() -> None:
    class Turned(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.fft.rfft(x)

    x = torch.randn(6, dtype=torch.float64)
    run = trace(Turned(), x)
    truth = torch.fft.rfft(x)[1]
    for index, value in (((1,), truth.real), ((1, 0), truth.real), ((1, 1), truth.imag)):
        found = explain(run, 0, index, limit=None)
        assert found.kind == "linear"
        assert found.value == pytest.approx(value.item())
        assert found.error <= 1e-12
    assert [term.factor for term in explain(run, 0, (1, 0), limit=None).terms] == pytest.approx(
        [torch.cos(torch.tensor(2 * torch.pi * k / 6)).item() for k in range(6)], abs=1e-6
    )


def test_asking_changes_nothing() -> None:
    class Random(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = torch.nn.functional.dropout(x, 0.5)
            y.add_(torch.rand(4))
            return torch.nn.functional.rrelu(y, training=True)

    run = trace(Random(), torch.randn(3, 4))
    before = [value.tensor.clone() for op in run.ops for value in (*op.operands, *op.outputs)]
    state = torch.random.get_rng_state()
    for op in run.ops:
        explanation = explain(run, op, (0,) * len(op.output.shape))
        assert (explanation.kind == "random") == (op.name != "add_")
    assert torch.equal(state, torch.random.get_rng_state())
    after = [value.tensor for op in run.ops for value in (*op.operands, *op.outputs)]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_changed_number_is_given_and_its_neighbours_are_still_computed() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Conv2d(2, 1, 2))
    run = rerun(trace(net, torch.randn(1, 1, 4, 4), backward=True), {"0": {(0, 1): 0.0}})
    changed = explain(run, "0", (0, 1, 1, 1))
    assert (changed.kind, changed.value, changed.terms[0].ref) == ("given", 0.0, None)
    assert changed.note == "[0,1] set to 0.0"
    kept = explain(run, "0", (0, 0, 1, 1))
    assert (kept.kind, kept.count) == ("formula", 10)
    assert kept.error <= 1e-6
    after = explain(run, "1", (0, 0, 0, 0))
    assert after.kind == "formula"
    assert after.error <= 1e-6
    slope = explain(run, "0.weight", (1, 0, 1, 1), of="grad")
    assert (slope.kind, slope.value) == ("given", 0.0)
    assert "changed by hand" in slope.note
    assert explain(run, "0.weight", (0, 0, 1, 1), of="grad").error <= 1e-6
