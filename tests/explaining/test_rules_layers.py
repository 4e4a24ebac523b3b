"""The other rules on random shapes and settings, against torch in fp64 and autograd."""

import math
import random
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from evidence import AMOUNTS, LONG, check
from torch import nn

from glasswork.explaining import explain
from glasswork.tracing import trace


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Any) -> Any:
        return self.function(*inputs)


def repeated(make: Any, address: str, elements: int = 50, wanted: int = 300, **options: Any) -> None:
    chance = random.Random(address)
    torch.manual_seed(0)
    done = 0
    while done < wanted:
        module, *inputs = make(chance)
        done += check(module, *inputs, address=address, elements=elements, seed=done, **options)


@pytest.mark.parametrize("inplace", [False, True])
def test_relu(inplace: bool) -> None:
    repeated(lambda chance: (nn.ReLU(inplace), torch.randn(2, chance.randint(1, 4), 5)), ":relu", derivatives=False)


@pytest.mark.parametrize(("dims", "wanted"), [*AMOUNTS, *LONG])
def test_max_pool(dims: int, wanted: int) -> None:
    def make(chance: random.Random) -> tuple[nn.Module, torch.Tensor]:
        kernel = [chance.randint(2, 3) for _ in range(dims)]
        layer = [nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d][dims - 1]
        stride = chance.choice([None, chance.randint(1, 3)])
        built = layer(
            kernel[0] if chance.random() < 0.3 else tuple(kernel), stride, padding=chance.randint(0, 1),
            dilation=chance.randint(1, 2), ceil_mode=chance.random() < 0.5, return_indices=chance.random() < 0.2,
        )  # fmt: skip
        return built, torch.randn(2, 2, *[chance.randint(6, 9) for _ in range(dims)])

    repeated(make, f":max_pool{dims}d", wanted=wanted, kind="selected", derivatives=False)


@pytest.mark.parametrize(("dims", "wanted"), [*AMOUNTS, *LONG])
def test_average_pool(dims: int, wanted: int) -> None:
    def make(chance: random.Random) -> tuple[nn.Module, torch.Tensor]:
        settings: dict[str, Any] = {"padding": chance.randint(0, 1), "ceil_mode": chance.random() < 0.5}
        settings["count_include_pad"] = chance.random() < 0.5
        if dims > 1 and chance.random() < 0.3:
            settings["divisor_override"] = chance.randint(1, 9)
        layer: Any = [nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d][dims - 1]
        built = layer(chance.randint(2, 3), chance.choice([None, 1, 2, 3]), **settings)
        return built, torch.randn(2, 2, *[chance.randint(5, 8) for _ in range(dims)])

    repeated(make, f":avg_pool{dims}d", wanted=wanted, derivatives=False)


@pytest.mark.parametrize(("dims", "wanted"), [*AMOUNTS, *LONG])
@pytest.mark.parametrize("how", ["avg", "max"])
def test_adaptive_pool(dims: int, wanted: int, how: str) -> None:
    def make(chance: random.Random) -> tuple[nn.Module, torch.Tensor]:
        layer: Any = getattr(nn, f"Adaptive{how.title()}Pool{dims}d")
        size = chance.choice([1, tuple(chance.randint(1, 6) for _ in range(dims))])
        return layer(size), torch.randn(2, 2, *[chance.randint(3, 7) for _ in range(dims)])

    kind = "selected" if how == "max" else "formula"
    repeated(make, f":adaptive_{how}_pool{dims}d", wanted=wanted, kind=kind, derivatives=False)


@pytest.mark.parametrize("training", [False, True])
def test_batch_norm(training: bool) -> None:
    def make(chance: random.Random) -> tuple[nn.Module, torch.Tensor]:
        channels = chance.randint(1, 4)
        layer = nn.BatchNorm2d(channels, affine=chance.random() < 0.7, track_running_stats=chance.random() < 0.8)
        if layer.running_mean is not None and layer.running_var is not None:
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.2, 3)
        if layer.affine:
            layer.weight.data.normal_()
            layer.bias.data.normal_()
        return layer.train(training), torch.randn(3, channels, 4, 3) * 2 + 1

    repeated(make, ":batch_norm", derivatives=False)


def test_batch_norm_explains_with_the_statistics_of_its_moment() -> None:
    layer = nn.BatchNorm1d(3).eval()
    run = trace(layer, torch.randn(4, 3))
    explanation = explain(run, ":batch_norm", (0, 1))
    assert [term.ref for term in explanation.terms] == [
        "input[0,1]@value", "running_mean[1]@value", "bias[1]@value"
    ]  # fmt: skip
    assert {operand.name: operand.value for operand in explanation.operands}["running variance"] == 1


def test_linear() -> None:
    def make(chance: random.Random) -> tuple[nn.Module, torch.Tensor]:
        features = chance.randint(1, 40)
        lead = [chance.randint(1, 3) for _ in range(chance.randint(0, 3))]
        return nn.Linear(features, chance.randint(1, 6), bias=chance.random() < 0.7), torch.randn(*lead, features)

    repeated(make, ":linear")


SHAPES = [
    ((3, 4), (4, 5)),
    ((2, 3, 4), (4, 5)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((4,), (4,)),
    ((3, 4), (4,)),
    ((4,), (4, 2)),
]


@pytest.mark.parametrize("shapes", SHAPES)
def test_matmul(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    repeated(lambda _: (Call(torch.matmul), *(torch.randn(shape) for shape in shapes)), ":matmul", wanted=400)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "rsub"])
def test_arithmetic(name: str) -> None:
    def make(chance: random.Random) -> tuple[Any, ...]:
        x, scalar = torch.randn(2, 3, 4), chance.random() < 0.3
        other: Any = torch.randn(chance.choice([(2, 3, 4), (3, 1), (4,), (1, 1, 1), ()])) + 3
        if name == "rsub":
            return Call(lambda a: 2.5 - a), x
        if name in ("add", "sub") and chance.random() < 0.5:
            return Call(lambda a, b: getattr(torch, name)(a, b, alpha=3)), x, other
        if scalar:
            return Call(lambda a: getattr(torch, name)(a, 1.5)), x
        return Call(getattr(torch, name)), x, other

    repeated(make, f":{name}", derivatives=name != "div")  # the divisor is an operand, not a term


def test_in_place_addition_is_explained_by_what_was_there_before() -> None:
    def forward(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        c = a * 2
        c += b
        return c

    repeated(lambda _: (Call(forward), torch.randn(3, 4), torch.randn(3, 4)), ":add_", wanted=200, derivatives=False)


MOVES = {
    "flatten": lambda x: x.flatten(1),
    "reshape": lambda x: x.reshape(4, 6),
    "view": lambda x: x.view(-1, 3),
    "permute": lambda x: x.permute(2, 0, 1),
    "transpose": lambda x: x.transpose(0, 2),
    "getitem": lambda x: x[:, 1:, ::2],
    "cat": lambda x: torch.cat([x, x + 1, x * 2], 1),
    "stack": lambda x: torch.stack([x, x + 1], 2),
    "chunk": lambda x: x.chunk(2, 2)[0],
    "flip": lambda x: x.flip(0, 2),
    "roll": lambda x: x.roll(1, 2),
    "expand": lambda x: x.unsqueeze(1).expand(-1, 3, -1, -1),
    "pad": lambda x: F.pad(x, (1, 2), mode="reflect"),
    "mT": lambda x: x.mT,
    "squeeze": lambda x: x[:1].squeeze(0),
    "unsqueeze": lambda x: x.unsqueeze(0),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x.reshape(1, 4, 2, 3), 2),
}


@pytest.mark.parametrize("name", sorted(MOVES))
def test_what_only_moves_numbers_is_selected(name: str) -> None:
    make = lambda _: (Call(MOVES[name]), torch.randn(2, 3, 4))  # noqa: E731
    repeated(make, f":{name}", wanted=150, kind="selected")


def test_constant_padding_is_given_and_the_rest_selected() -> None:
    x = torch.randn(1, 2, 3)
    run = trace(Call(lambda x: F.pad(x, (1, 1), value=7.0)), x)
    assert explain(run, 0, (0, 1, 0)).kind == "given"
    assert explain(run, 0, (0, 1, 0)).value == 7
    assert explain(run, 0, (0, 1, 3)).terms[0].ref == "input[0,1,2]@value"


def test_cat_of_the_same_tensor_twice() -> None:
    run = trace(Call(lambda x: torch.cat([x, x])), torch.randn(2, 3))
    assert explain(run, 0, (3, 1)).terms[0].ref == "input[1,1]@value"


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax(name: str) -> None:
    def make(chance: random.Random) -> tuple[nn.Module, torch.Tensor]:
        axis = chance.randint(-2, 2)
        function = chance.choice([getattr(F, name), getattr(torch, name), getattr(torch.Tensor, name)])
        return Call(lambda x: function(x, dim=axis)), torch.randn(2, 12, 3) * chance.choice([1, 20])

    repeated(make, f":{name}", derivatives=False)


def test_softmax_names_its_numerator() -> None:
    run = trace(nn.Identity(), torch.tensor([[1.0, 3.0, 2.0]]), after=lambda z: torch.softmax(z, -1))
    explanation = explain(run, ":softmax", (0, 2), limit=None)
    assert explanation.own == 2
    shares = [term.product for term in explanation.terms]
    assert shares == pytest.approx([math.exp(-2), 1, math.exp(-1)])
    assert shares[2] / sum(shares) == pytest.approx(explanation.value, rel=1e-6)


def test_cross_entropy() -> None:
    def make(chance: random.Random) -> tuple[Any, ...]:
        batch, classes = chance.randint(1, 6), chance.randint(2, 5)
        more = chance.choice([(), (), (3,), (2, 2)])
        target = torch.randint(classes, (batch, *more))
        if batch > 1 and chance.random() < 0.3:
            target[0] = -100
        weight = torch.rand(classes) + 0.1 if chance.random() < 0.4 else None
        layer = nn.CrossEntropyLoss(weight=weight, reduction=chance.choice(["mean", "sum", "none"]))
        return layer, torch.randn(batch, classes, *more), target

    repeated(make, ":cross_entropy", elements=5, wanted=300, derivatives=False)


def test_a_loss_function_is_traced_and_explained() -> None:
    target = torch.tensor([2])
    run = trace(nn.Linear(4, 3), torch.randn(1, 4), loss=lambda z: F.cross_entropy(z, target), backward=True)
    explanation = explain(run, ":cross_entropy", ())
    assert run.loss is not None
    assert explanation.value == pytest.approx(run.loss.item())
    assert explanation.terms[0].ref == ":linear[0,2]@value"


@pytest.mark.parametrize("layer", [nn.Dropout, nn.Dropout2d])
def test_dropout_evaluating_is_the_identity(layer: Any) -> None:
    name = ":dropout" if layer is nn.Dropout else ":dropout2d"
    repeated(lambda _: (layer(0.4).eval(), torch.randn(2, 3, 4, 4)), name, wanted=1000, kind="selected")


def test_dropout_training_is_random() -> None:
    make = lambda _: (nn.Dropout(0.4), torch.randn(4, 5).relu())  # noqa: E731
    repeated(make, ":dropout", kind="random", derivatives=False, double=False)


def test_inputs_and_parameters_are_given() -> None:
    layer = nn.Linear(3, 2)
    run = trace(layer, torch.randn(1, 3))
    for path, tensor in (("input", run.value("input").tensor), ("weight", layer.weight)):
        explanation = explain(run, path, (0, 2))
        assert explanation.kind == "given"
        assert explanation.value == tensor[0, 2].item()
        assert explanation.op == path
