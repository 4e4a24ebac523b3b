"""Gradients as sums of real terms: for any op, any operand, against what autograd gave."""

import random

import pytest
import torch
import torch.nn.functional as F
from evidence import resolve, some_convolution
from torch import nn

from glasswork.explaining import NoGradient, explain, explain_value
from glasswork.tracing import Trace, trace


class Varied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.act = nn.ReLU(inplace=True)
        self.deep = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=2)
        self.pool = nn.MaxPool2d(2)
        self.average = nn.AdaptiveAvgPool2d(2)
        self.head = nn.Linear(16, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.act(self.norm(self.conv(x)))
        y = self.deep(x)
        y += x
        z = self.average(self.pool(y).sigmoid() * 2)
        return self.head(torch.cat([z[:, :2], z[:, 2:] ** 2], 1).flatten(1))


def gradient_of(run: Trace, path: str, index: tuple[int, ...]) -> None:
    explanation = explain_value(run, path, index, of="grad", limit=6)
    tensor = run.value(path).grad
    assert tensor is not None
    assert explanation.value == tensor[index].item()
    assert explanation.error <= 1e-5, (path, index, explanation)
    full = explain_value(run, path, index, of="grad", limit=None)
    chosen = {term.position for term in explanation.terms}
    rest = sum(term.product for term in full.terms if term.position not in chosen)
    assert explanation.remainder == pytest.approx(rest, rel=1e-9, abs=1e-15)
    for term in explanation.terms:
        if term.ref is not None:
            assert term.ref.endswith("@grad")
            place, _, _ = term.ref.rpartition("@")
            name, _, numbers = place.rpartition("[")
            grad = run.value(name).grad
            assert grad is not None
            where = tuple(int(number) for number in numbers.removesuffix("]").split(",") if number)
            assert term.value == grad[where].item()
        if term.factor_ref is not None:
            assert term.factor == pytest.approx(resolve(run, term.factor_ref))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("loss", [None, (1, 3), lambda z: F.cross_entropy(z, torch.tensor([4, 0]))])
def test_every_gradient_is_the_sum_of_its_terms(training: bool, loss) -> None:
    torch.manual_seed(0)
    network = Varied().train(training)
    run = trace(network, torch.randn(2, 3, 12, 12), loss=loss, backward=True)
    chance = random.Random(0)
    values = [value for op in run.ops for value in op.outputs]
    checked = 0
    for value in (*run.inputs.values(), *run.parameters.values(), *values):
        if value.grad is None or value.path is None:
            continue
        for _ in range(3):
            gradient_of(run, value.path, tuple(chance.randrange(size) for size in value.shape))
            checked += 1
    assert checked > 60


def test_a_convolutions_gradient_names_its_weights() -> None:
    run = trace(nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU()), torch.randn(1, 2, 6, 6), backward=True)
    explanation = explain(run, "input", (0, 1, 3, 3), of="grad", limit=None)
    assert explanation.count == 27
    assert all(term.factor_ref is not None and term.factor_ref.startswith("0.weight[") for term in explanation.terms)


@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_gradients_of_any_convolutions_input(dims: int) -> None:
    chance = random.Random(dims)
    torch.manual_seed(dims)
    for _ in range(10):
        layer, x = some_convolution(chance, dims)
        weights = torch.randn(layer(x).shape)
        run = trace(layer, x, loss=lambda y, weights=weights: (y * weights).sum(), backward=True)
        op = run[f":conv{dims}d"]
        path = op.operands[0].path
        assert path is not None
        for _ in range(10):
            gradient_of(run, path, tuple(chance.randrange(size) for size in op.operands[0].shape))


def test_where_a_gradient_begins() -> None:
    run = trace(nn.Linear(2, 3), torch.randn(1, 2), loss=(0, 2), backward=True)
    assert [term.name for term in explain(run, 0, (0, 2), of="grad").terms] == ["the loss itself"]
    assert explain(run, 0, (0, 1), of="grad").count == 0
    assert explain(run, 0, (0, 1), of="grad").error == 0


def test_without_backward_there_is_none() -> None:
    run = trace(nn.Linear(2, 3), torch.randn(1, 2))
    with pytest.raises(NoGradient, match="forward only"):
        explain(run, 0, (0, 1), of="grad")
