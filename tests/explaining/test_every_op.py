"""Every kind of op: rules against autodiff, columns against autodiff, and gradients against finite differences."""

import random
from typing import Any

import pytest
import torch
from catalogue import calls
from torch import nn

from glasswork.explaining import explain_value, rule_for
from glasswork.explaining.answers import expand
from glasswork.explaining.columns import by_autodiff, columns
from glasswork.explaining.errors import NoRule
from glasswork.explaining.generic import generic
from glasswork.tracing import Op, Trace, Value, trace

CALLS = calls()
ELEMENTS = 6
LINEARISED = {"bessel", "glu", "lp_pool2d", "ctc", "solve", "cdist", "cosine_similarity", "softmin", "norm 3",
              "complex product", "view_as_complex"}  # fmt: skip
"""Calls that may hold an op without a formula."""


class Called(nn.Module):
    """A call as a module, with one number as its output."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
        made = self.function(*inputs)
        outputs = [made] if isinstance(made, torch.Tensor) else list(made)
        total = torch.zeros((), dtype=torch.float64)
        for output in outputs:
            if output.is_complex():
                output = torch.view_as_real(output)
            if output.is_floating_point():
                weights = torch.linspace(0.5, 2.0, output.numel(), dtype=torch.float64).reshape(output.shape)
                total = total + (output * weights).sum()
        return total + sum(one.sum() * 0.1 for one in inputs)


def run_of(name: str) -> Trace:
    function, inputs = CALLS[name]
    return trace(Called(function), *inputs, backward=True)


def places(value: Value, chance: random.Random, count: int = ELEMENTS) -> list[tuple[int, ...]]:
    shape = (*value.shape, 2) if value.dtype.is_complex else value.shape
    return [tuple(chance.randrange(size) for size in shape) for _ in range(count)]


def by_ref(run: Trace, expansion: Any) -> dict[str, float]:
    """What each element of a sum gives to it, by its reference; terms on a bias or a mean under ""."""
    found: dict[str, float] = {}
    for position in range(len(expansion)):
        label, product = expansion.label(position), expansion.products[position].item()
        if product:
            found[label.ref or ""] = found.get(label.ref or "", 0.0) + product
    return found


def forward(run: Trace, op: Op, slot: int, index: tuple[int, ...], name: str) -> None:
    path = op.outputs[slot].path
    assert path is not None
    found = explain_value(run, path, index, limit=4)
    assert found.error <= 1e-10, (op, index, found)
    assert not found.failed, (op, index, found.failed)
    if found.kind == "linearised":
        assert name in LINEARISED, (op, found)
    if any(value.dtype.is_complex for value in (*op.operands, *op.outputs)):
        return
    try:
        rule = rule_for(op, slot)(run, op, index)
    except NoRule:
        return
    free = generic(run, op, index, slot)  # knows nothing of the rule
    if free.kind == "linearised" or "bernoulli" in op.name:
        return
    scale = max(rule.products.abs().sum().item(), 1.0) if rule.reduce in ("sum", "mean") else 1.0
    close = 1e-6 if op.outputs[slot].dtype == torch.float32 else 1e-10
    assert free.total() == pytest.approx(rule.total(), rel=close, abs=close * scale), (op, index)
    if free.kind == rule.kind == "selected" and rule.reduce == "identity" and free.label(0).ref:
        assert rule.label(0).ref == free.label(0).ref, (op, index)
    if (
        free.kind == "linear"
        and rule.kind == "formula"
        and rule.reduce == "sum"
        and op.name not in ("batch_norm", "sub")
    ):
        theirs, ours = by_ref(run, free), by_ref(run, rule)
        for ref, product in theirs.items():
            if ref in ours and len(theirs) == len(ours):
                assert ours[ref] == pytest.approx(product, rel=1e-9, abs=1e-12), (op, index, ref)


def backward(run: Trace, value: Value, index: tuple[int, ...], name: str) -> None:
    assert value.path is not None
    found = explain_value(run, value.path, index, of="grad", limit=3)
    assert found.error <= (1e-6 if name == "casts" else 1e-10), (value, index, found)
    assert not found.failed, (value, index, found.failed)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_rules_and_autodiff_agree(name: str) -> None:
    run, chance = run_of(name), random.Random(name)
    for op in run.ops:
        for slot, output in enumerate(op.outputs):
            if output.path is not None and output.tensor.numel():
                for index in places(output, chance):
                    forward(run, op, slot, index, name)
    for value in [*run.inputs.values(), *(output for op in run.ops for output in op.outputs)]:
        if value.grad is not None and value.path is not None and value.tensor.numel():
            for index in places(value, chance, 4):
                backward(run, value, index, name)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_what_is_read_off_equals_the_derivative(name: str) -> None:
    """Columns that are looked up (weights, positions, elements) against forward-mode autodiff of the whole op."""
    run, chance = run_of(name), random.Random(name)
    for op in run.ops:
        wanted = [output for output in op.outputs if output.dtype.is_floating_point]
        for value in {id(value): value for value in op.operands}.values():
            if not value.dtype.is_floating_point or not wanted or not value.tensor.numel():
                continue
            for index in places(value, chance, 2):
                dense, _ = by_autodiff(op, value, index)
                for column in columns(op, value, index, wanted):
                    slot = next(at for at, output in enumerate(op.outputs) if output is column.output)
                    expected = dense[slot]
                    assert expected is not None
                    made = torch.zeros(expected.numel(), dtype=torch.float64)
                    made.index_add_(0, column.positions, column.slopes)
                    assert torch.allclose(made, expected.flatten(), rtol=1e-8, atol=1e-10), (op, value, index)


@pytest.mark.parametrize("name", sorted(set(CALLS) - {"casts", "bessel"}))
def test_gradients_are_finite_differences(name: str) -> None:
    """The number explained is the slope of the plain module, moved by hand."""
    function, inputs = CALLS[name]
    module, run, chance = Called(function), run_of(name), random.Random(name)
    for which, path in enumerate(run.inputs):
        index = places(run.inputs[path], chance, 1)[0]
        step, sums = 1e-6, []
        for sign in (1, -1):
            moved = [one.clone() for one in inputs]
            moved[which][index] += sign * step
            sums.append(module(*moved).item())
        slope = (sums[0] - sums[1]) / (2 * step)
        found = explain_value(run, path, index, of="grad", limit=None)
        total = sum(term.product for term in found.terms)
        assert total == pytest.approx(slope, rel=2e-5, abs=2e-6), (path, index)


def test_expanding_is_what_explaining_cuts() -> None:
    run = run_of("conv2d")
    op = next(op for op in run.ops if op.name == "conv2d")
    assert expand(run, op, (0, 0, 1, 1)).total() == pytest.approx(op.output.tensor[0, 0, 1, 1].item())


KINDS = {
    "lstm": ("lstm", "formula"),
    "bessel": ("special_bessel_j0", "linearised"),
    "cdist": ("cdist", "linearised"),
    "fft": ("fft_rfft", "linear"),
    "unfold": ("unfold", "selected"),
    "interpolate bicubic": ("interpolate", "formula"),
    "deform_conv2d": ("deform_conv2d", "formula"),
    "multi-head attention": ("multi_head_attention_forward", "formula"),
    "topk": ("topk", "selected"),
}


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_kind_says_what_is_claimed(name: str) -> None:
    run, (op_name, kind) = run_of(name), KINDS[name]
    op = next(op for op in run.ops if op.name == op_name)
    index = (0,) * len(op.output.shape)
    found = explain_value(run, op.path, index, limit=None)
    assert found.kind == kind
    total = sum(term.product for term in found.terms)
    if kind == "linearised":
        assert found.nonlinear == pytest.approx(found.value - total, rel=1e-9)
    else:
        assert found.nonlinear == 0
