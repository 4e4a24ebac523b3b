"""Numbers that are what cancelling left over: their large parts are written out, and nothing is hidden."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glasswork.explaining import explain, explain_value
from glasswork.explaining.cancelling import written_out_columns
from glasswork.explaining.columns import by_autodiff
from glasswork.explaining.expansion import unravel
from glasswork.tracing import Trace, trace

DOUBLE = torch.float64


class Weighted(nn.Module):
    """A function of some tensors, as a sum in which each of its numbers counts differently."""

    def __init__(self, function: Callable[..., torch.Tensor], first: float = 0.5, last: float = 2.0) -> None:
        super().__init__()
        self.function, self.ends = function, (first, last)

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        made = self.function(*inputs)
        return (made * torch.linspace(*self.ends, made.numel(), dtype=made.dtype).reshape(made.shape)).sum()


def run_of(function: Callable[..., torch.Tensor], *inputs: torch.Tensor, **ends: float) -> Trace:
    return trace(Weighted(function, **ends), *inputs, backward=True)


CAUSAL = torch.zeros(4, 5).masked_fill(torch.ones(4, 5).tril() == 0, -torch.inf).to(DOUBLE)
SHAPES: dict[str, tuple[Callable[..., torch.Tensor], list[tuple[int, ...]]]] = {
    "softmax": (lambda a: a.softmax(1), [(2, 5, 3)]),
    "log_softmax": (lambda a: F.log_softmax(a, -1), [(2, 5)]),
    "layer_norm": (lambda a, w, b: F.layer_norm(a, (2, 3), w, b), [(4, 2, 3), (2, 3), (2, 3)]),
    "gelu": (F.gelu, [(2, 5)]),
    "gelu, tanh": (lambda a: F.gelu(a, approximate="tanh"), [(2, 5)]),
    "layer_norm, no weight": (lambda a: F.layer_norm(a, (3,)), [(4, 2, 3)]),
    "attention": (F.scaled_dot_product_attention, [(2, 3, 4, 6), (2, 3, 5, 6), (2, 3, 5, 7)]),
    "attention, shared keys": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True),
        [(2, 6, 4, 5), (2, 3, 5, 5), (2, 3, 5, 7)],
    ),
    "attention, masked": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, CAUSAL, scale=0.3),
        [(2, 4, 6), (2, 5, 6), (2, 5, 7)],
    ),
    "attention, causal": (
        lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
        [(5, 6), (5, 6), (5, 7)],
    ),
}


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_parts_of_slopes_sum_to_the_slopes(name: str) -> None:
    torch.manual_seed(0)
    function, shapes = SHAPES[name]
    op = run_of(function, *[torch.randn(shape, dtype=DOUBLE) for shape in shapes]).ops[0]
    written_out = 0
    for value in op.operands:
        for place in torch.randint(torch.Size(value.shape).numel(), (5,)).tolist():
            index = unravel(place, value.shape)
            found = written_out_columns(op, value, index)
            if found is None:  # the values of attention, a bias: nothing cancels
                continue
            written_out += 1
            (dense,), _ = by_autodiff(op, value, index)
            assert dense is not None
            made = torch.zeros(dense.numel(), dtype=DOUBLE)
            for column in found:
                made.index_add_(0, column.positions, column.slopes)
            assert torch.allclose(made, dense.flatten(), rtol=1e-9, atol=1e-12), (value, index)
    assert written_out >= 5


def small_however_exact(found: Any, exact: float) -> None:
    """Within the bar as it stands, and the plain formula's error is shown, not hidden."""
    assert found.error <= 1e-5, found
    assert found.exact_error >= exact, found
    assert "exactly" in found.note
    assert found.count >= 1
    assert abs(sum(term.product for term in found.terms) - found.value) <= 1e-5 * max(
        sum(abs(term.product) for term in found.terms), abs(found.value)
    )


def test_a_normalisation_of_single_features_has_a_gradient_of_rounding_alone() -> None:
    torch.manual_seed(0)
    run = run_of(lambda a, w: F.layer_norm(a, (1,), w), torch.randn(40, 1), torch.ones(1))
    path = list(run.inputs)[1]
    gradient = run.inputs[path].grad
    assert gradient is not None
    assert gradient.item() != 0  # torch's kernel leaves something, where exactly nothing is
    small_however_exact(explain(run, path, (0,), of="grad", limit=None), 0.9)


def test_a_sure_softmax_hands_back_rounding() -> None:
    run = run_of(lambda a: a.softmax(0), torch.tensor([30.0, 0.3, -0.2, 0.7]), first=1.0, last=1.7)
    found = explain_value(run, "input", (0,), of="grad", limit=None)
    assert found.error <= 1e-6
    assert found.count in (4, 5)
    exactly = run_of(lambda a: a.softmax(0), torch.tensor([30.0, 0.3, -0.2, 0.7], dtype=DOUBLE), first=1.0, last=1.7)
    assert explain_value(exactly, "input", (0,), of="grad").error <= 1e-12


def test_attention_to_equal_values_hands_back_rounding() -> None:
    torch.manual_seed(1)
    query, key = torch.randn(2, 6, 8), torch.randn(2, 6, 8)
    run = run_of(F.scaled_dot_product_attention, query, key, torch.randn(2, 1, 8).repeat(1, 6, 1))
    worst = 0.0
    for path in list(run.inputs)[:2]:
        for place in range(0, 96, 7):
            found = explain_value(run, path, unravel(place, (2, 6, 8)), of="grad")
            assert found.error <= 1e-5, found
            worst = max(worst, found.exact_error)
    assert worst > 1e-3


def test_a_key_bias_has_a_gradient_of_rounding_alone() -> None:
    """It adds the same to all scores of a query, and softmax takes no notice: exactly 0, by the keys' gradients."""
    torch.manual_seed(0)
    layer = nn.MultiheadAttention(16, 2)
    written = []
    for dtype in (torch.float32, DOUBLE):
        layer.to(dtype)
        module = Weighted(lambda a: layer(a, a, a, need_weights=False)[0])
        module.add_module("layer", layer)
        run = trace(module, torch.randn(7, 2, 16, dtype=dtype), backward=True)
        for feature in range(16, 32):
            found = explain_value(run, "layer.in_proj_bias", (feature,), of="grad", limit=None)
            assert found.error <= (1e-5 if dtype == torch.float32 else 1e-10), found
            assert abs(sum(term.product for term in found.terms)) <= 1e-5
            if found.exact_error > 0.5:
                written.append(found)
    found = written[0]
    assert found.count == 14  # a term for each key
    assert all("/key[" in (term.ref or "") for term in found.terms)
    assert "exactly" in found.note
    for feature in (3, 40):  # of a query, of a value: nothing cancels
        assert explain_value(run, "layer.in_proj_bias", (feature,), of="grad").exact_error <= 1e-12


@pytest.mark.parametrize("x", [-5.0, -4.6, -5.3])
def test_the_tail_of_a_gelu(x: float) -> None:
    run = run_of(F.gelu, torch.full((16,), x) + torch.linspace(0, 0.1, 16))
    value = [explain(run, ":gelu", (place,)) for place in range(16)]
    slope = [explain_value(run, "input", (place,), of="grad") for place in range(16)]
    for found in (value, slope):
        assert max(one.error for one in found) <= 1e-5
        assert max(one.exact_error for one in found) > 1e-5
    for one, number in zip(value, run[":gelu"].output.tensor.tolist(), strict=True):
        assert one.value == number


def test_a_mean_that_is_rounding() -> None:
    torch.manual_seed(0)
    numbers = torch.randn(8, 256)
    numbers[:, 7] = 0.0
    for _ in range(3):  # until the mean is 0 but for rounding
        numbers[:, 8] -= numbers.double().sum(1).float()
    run = run_of(lambda a: F.layer_norm(a, (256,)), numbers)
    found = [explain(run, ":layer_norm", (row, 7)) for row in range(8)]
    assert max(one.error for one in found) <= 1e-4
    assert max(one.exact_error for one in found) > 1e-4


def test_in_fp64_and_for_usual_numbers_the_plain_formula_stands() -> None:
    torch.manual_seed(0)
    for dtype in (torch.float32, DOUBLE):
        run = run_of(lambda a: F.gelu(F.layer_norm(a, (6,)).softmax(1)), torch.randn(4, 6, dtype=dtype))
        for op in run.ops[:3]:
            for of in ("value", "grad"):
                found = explain(run, op, (1, 2), of=of)
                assert found.exact_error == found.error
                assert "exactly" not in found.note
