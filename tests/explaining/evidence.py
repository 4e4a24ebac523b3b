"""The checks that every rule must pass, against truths that know nothing of the rules."""

import math
import random
from typing import Any

import pytest
import torch
from torch import nn

from glasswork.explaining import Explanation, explain, terms
from glasswork.explaining.expansion import reduced
from glasswork.tracing import Op, Trace, Value, trace
from glasswork.tracing.values import replace_values


def resolve(run: Trace, ref: str) -> float:
    """What stands at `path[i,j]@value`, read off the trace's tensors alone."""
    path, _, place = ref.removesuffix("@value").rpartition("[")
    index = tuple(int(number) for number in place.removesuffix("]").split(",") if number)
    return run.value(path).tensor[index].item()


def in_double(op: Op) -> torch.Tensor:
    """The op run again by torch itself, on fp64 copies of what it was given."""

    def widened(value: Value) -> torch.Tensor:
        data = value.tensor.clone()
        return data.double() if data.is_floating_point() else data

    args = [replace_values(widened, item) for item in op.args]
    kwargs = {key: replace_values(widened, item) for key, item in op.kwargs.items()}
    with torch.no_grad():
        made = op.function(*args, **kwargs)
    return made if isinstance(made, torch.Tensor) else made[0]


def listed_and_rest_agree(run: Trace, op: Op, index: tuple[int, ...], short: Explanation) -> None:
    full = explain(run, op, index, limit=None)
    assert full.remainder == 0
    assert [term.position for term in full.terms] == list(range(full.count))
    assert full.count == short.count
    assert full.error == short.error
    assert full.value == short.value
    chosen = {term.position for term in short.terms}
    rest = torch.tensor([term.product for term in full.terms if term.position not in chosen], dtype=torch.float64)
    if not len(rest):
        assert short.remainder == 0
    else:
        how = "sum" if "softmax" in short.reduce else short.reduce
        assert short.remainder == pytest.approx(reduced(how, rest), rel=1e-12, abs=1e-14)
        assert max(abs(rest)) <= min([abs(t.product) for t in short.terms if t.factor is not None] or [torch.inf])
    for term in short.terms:
        assert full.terms[term.position] == term


def terms_are_what_they_say(run: Trace, explanation: Explanation) -> None:
    for term in explanation.terms:
        if term.ref is not None:
            assert term.value == resolve(run, term.ref) or term.value != term.value
        if term.factor_ref is not None:
            assert term.factor == resolve(run, term.factor_ref)
        if term.factor is not None:
            assert math.isclose(term.product, term.value * term.factor, rel_tol=1e-12)


def factors_are_derivatives(run: Trace, op: Op, index: tuple[int, ...]) -> None:
    """Autograd's own row d(y)/d(operand): exactly the listed elements matter, by exactly their factors."""
    leaves: dict[str, torch.Tensor] = {}

    def leaf(value: Value) -> torch.Tensor:
        data = value.tensor.clone()
        if value.path is None or not data.is_floating_point():
            return data
        return leaves.setdefault(value.path, data.double().requires_grad_())

    args = [replace_values(leaf, item) for item in op.args]
    kwargs = {key: replace_values(leaf, item) for key, item in op.kwargs.items()}
    made = op.function(*args, **kwargs)
    y = (made if isinstance(made, torch.Tensor) else made[0])[index]
    rows = torch.autograd.grad(y, list(leaves.values()), allow_unused=True) if y.requires_grad else ()
    slopes = {path: torch.zeros_like(x) for path, x in leaves.items()}
    expected = {p: slopes[p] if row is None else row for p, row in zip(leaves, rows, strict=False)}
    for term in explain(run, op, index, limit=None).terms:
        for ref, slope in ((term.ref, 1.0 if term.factor is None else term.factor), (term.factor_ref, term.value)):
            if ref is None:
                continue
            path, _, place = ref.removesuffix("@value").rpartition("[")
            if path in slopes:
                slopes[path][tuple(int(number) for number in place.removesuffix("]").split(",") if number)] += slope
    for path, row in expected.items():
        assert torch.allclose(slopes[path], row, rtol=1e-9, atol=1e-12), path


def check(
    module: torch.nn.Module,
    *inputs: Any,
    address: str,
    elements: int = 40,
    seed: int = 0,
    kind: str = "formula",
    derivatives: bool = True,
    double: bool = True,
    limit: int = 8,
    **options: Any,
) -> int:
    """Trace a module, then check `elements` random outputs of the op at `address`; returns how many were checked."""
    chance = random.Random(seed)
    traced = trace(module, *inputs, **options)
    op = traced[address]
    truth = in_double(op) if double else None
    for number in range(elements):
        index = tuple(chance.randrange(size) for size in op.output.shape)
        explanation = explain(traced, op, index, limit=limit)
        assert explanation.kind == kind
        assert not explanation.failed
        assert explanation.op == op.path
        assert explanation.index == index
        assert explanation.value == op.output.tensor[index].item()
        assert explanation.error <= 1e-5, (op, index, explanation)
        if truth is not None:
            whole = terms(traced, op, index)
            scale = max(whole.products.abs().sum().item(), 1e-9)
            assert abs(whole.total() - truth[index].item()) <= 1e-9 * scale, (op, index)
        terms_are_what_they_say(traced, explanation)
        if number < 2:
            listed_and_rest_agree(traced, op, index, explanation)
            if derivatives:
                factors_are_derivatives(traced, op, index)
    return elements


def some_convolution(chance: random.Random, dims: int) -> tuple[nn.Module, torch.Tensor]:
    """A convolution of random settings, and an input that fits it."""
    groups = chance.choice([1, 1, 2, 3])
    channels, outputs = groups * chance.randint(1, 3), groups * chance.randint(1, 3)
    kernel = [chance.randint(1, 4) for _ in range(dims)]
    dilation = [chance.randint(1, 2) for _ in range(dims)]
    reach = [(taps - 1) * apart + 1 for taps, apart in zip(kernel, dilation, strict=True)]
    lengths = [span + chance.randint(0, 5) for span in reach]
    mode = chance.choice(["zeros", "zeros", "zeros", "reflect", "replicate", "circular"])
    padding: Any = [chance.randint(0, 2) for _ in range(dims)]
    stride: Any = [chance.randint(1, 3) for _ in range(dims)]
    if chance.random() < 0.25:
        padding, stride = chance.choice(["same", "valid"]), 1
    elif mode != "zeros":  # torch's own limits on what can be mirrored
        padding = [min(pad, length - 1) for pad, length in zip(padding, lengths, strict=True)]
    if padding == "same" and mode in ("reflect", "circular"):
        mode = "zeros"
    layer = [nn.Conv1d, nn.Conv2d, nn.Conv3d][dims - 1]
    built = layer(
        channels, outputs, kernel, stride=stride, padding=padding, dilation=dilation, groups=groups,
        bias=chance.random() < 0.7, padding_mode=mode,
    )  # fmt: skip
    batch = [] if chance.random() < 0.15 else [chance.randint(1, 3)]
    return nn.ModuleDict({"conv": built})["conv"], torch.randn(*batch, channels, *lengths)


# (spatial dimensions, random elements)
AMOUNTS = [(1, 300), (2, 300), (3, 300)]
LONG = [pytest.param(dims, 4000, marks=pytest.mark.slow) for dims in (1, 2, 3)]
