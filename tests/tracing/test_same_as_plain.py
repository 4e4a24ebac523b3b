"""The traced run is the plain run: outputs, gradients, module and random state, bit for bit."""

import copy
import warnings
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from glasswork.tracing import trace


class Shared(nn.Module):
    """One module used twice, one activation used three times, in place."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(6, 6)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.act(self.layer(x))
        x = self.act(self.layer(x) * 2)
        y = x.clone()
        y[:, 1] = 0.5
        y += x
        return self.act(y)


class Structured(nn.Module):
    """Nested inputs, a dictionary as output."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, batch: dict[str, Any], scales: tuple[torch.Tensor, float]) -> dict[str, Any]:
        scores = self.layer(batch["x"]) * scales[0] * scales[1]
        return {"scores": scores, "parts": [scores[:, :1], scores[batch["which"]]]}


class Randomised(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(5)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.drop(self.norm(x)) + torch.randn(5)


def cases() -> dict[str, tuple[nn.Module, tuple[Any, ...]]]:
    torch.manual_seed(0)
    return {
        "resnet18": (torchvision.models.resnet18().eval(), (torch.randn(1, 3, 48, 48),)),
        "resnet18 training": (torchvision.models.resnet18().train(), (torch.randn(2, 3, 32, 32),)),
        "shared": (Shared(), (torch.randn(3, 6),)),
        "structured": (
            Structured(),
            ({"x": torch.randn(2, 4), "which": torch.tensor([1, 0, 1])}, (torch.randn(2, 1), 3.0)),
        ),
        "randomised": (Randomised(), (torch.randn(4, 5),)),
        "in place at once": (nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 2)), (torch.randn(2, 3),)),
        "lstm": (nn.LSTM(3, 4, batch_first=True), (torch.randn(2, 5, 3),)),
        "transformer": (nn.TransformerEncoderLayer(8, 2, 16, 0.1, batch_first=True), (torch.randn(2, 3, 8),)),
        "embedding": (nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 2)), (torch.tensor([[1, 2], [3, 8]]),)),
    }


def floats(tree: Any) -> list[torch.Tensor]:
    if isinstance(tree, torch.Tensor):
        return [tree] if tree.is_floating_point() else []
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, (list, tuple)) else []
    return [tensor for part in parts for tensor in floats(part)]


def same(first: Any, second: Any) -> None:
    for a, b in zip(floats(first), floats(second), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("name", sorted(cases()))
def test_bit_for_bit(name: str, backward: bool) -> None:
    module, inputs = cases()[name]
    twin, its_inputs = copy.deepcopy(module), copy.deepcopy(inputs)
    torch.manual_seed(7)
    with torch.set_grad_enabled(backward):
        for tensor in floats(its_inputs) if backward else ():
            tensor.requires_grad_()
        fed = its_inputs
        if name == "in place at once" and backward:
            fed = tuple(tensor.clone() for tensor in its_inputs)
        expected = twin(*fed)
    after_plain = torch.get_rng_state()
    torch.manual_seed(7)
    run = trace(module, *inputs, backward=backward)
    assert torch.equal(torch.get_rng_state(), after_plain)
    same(run.output, expected)
    assert type(run.output) is type(expected)
    for key, tensor in twin.state_dict().items():
        assert torch.equal(tensor, module.state_dict()[key]), key
    assert all(parameter.grad is None and parameter.requires_grad for parameter in module.parameters())
    assert module.training == twin.training
    if backward:
        numbers = [tensor.sum() for tensor in floats(expected)]
        (torch.stack(numbers).sum() if len(numbers) > 1 else numbers[0]).backward()
        for key, parameter in twin.named_parameters():
            grad = run.parameters[key].grad
            assert (grad is None) == (parameter.grad is None), key
            assert grad is None or torch.equal(grad, parameter.grad), key  # type: ignore[arg-type]
        grads = [value.grad for value in run.inputs.values() if value.dtype.is_floating_point]
        for grad, tensor in zip(grads, floats(its_inputs), strict=True):
            assert grad is not None
            assert tensor.grad is not None
            assert torch.equal(grad, tensor.grad)
        assert not any(tensor.requires_grad for tensor in floats(inputs))
    else:
        assert not any(tensor.requires_grad for tensor in floats(run.output))


@pytest.mark.parametrize("name", ["resnet18", "shared", "randomised"])
def test_gradients_of_intermediates_equal_retain_grad(name: str) -> None:
    module, inputs = cases()[name]
    twin = copy.deepcopy(module)
    kept: dict[str, torch.Tensor] = {}

    def keep(path: str) -> Any:
        def hook(_module: nn.Module, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
            kept.setdefault(path, output).retain_grad()
            return output.clone()  # in-place layers write over the copy

        return hook

    for path, part in twin.named_modules():
        if path and not list(part.children()):
            part.register_forward_hook(keep(path))
    torch.manual_seed(7)
    twin(*inputs)[0, 1].backward()
    torch.manual_seed(7)
    run = trace(module, *inputs, loss=(0, 1), backward=True)
    assert kept
    for path, tensor in kept.items():
        op = run[path]
        assert torch.equal(op.output.tensor, tensor.detach()), path
        assert tensor.grad is not None
        assert op.grad is not None
        assert torch.allclose(op.grad, tensor.grad, rtol=1e-5, atol=1e-9), path


def test_existing_gradients_of_the_reader_stay() -> None:
    module = nn.Linear(3, 2)
    module.weight.grad = torch.full((2, 3), 7.0)
    run = trace(module, torch.randn(1, 3), backward=True)
    assert module.weight.grad is not None
    assert torch.equal(module.weight.grad, torch.full((2, 3), 7.0))
    assert module.bias.grad is None
    grad = run.parameters["weight"].grad
    assert grad is not None
    assert not torch.equal(grad, module.weight.grad)


def test_frozen_parameters_stay_frozen_and_intermediates_have_gradients_still() -> None:
    module = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2)).requires_grad_(False)
    run = trace(module, torch.randn(1, 3), loss=(0, 1), backward=True)
    assert run["0"].grad is not None
    assert run.value("input").grad is not None
    assert run.parameters["0.weight"].grad is None
    assert not any(parameter.requires_grad for parameter in module.parameters())


def test_the_callers_tensors_are_left_alone() -> None:
    x = torch.randn(2, 3, requires_grad=True)
    data = x.detach().clone()
    run = trace(nn.Sequential(nn.ReLU(inplace=True)), x, backward=True)
    assert x.grad is None
    assert torch.equal(x.detach(), data)
    assert run.value("input").grad is not None
    y = torch.randn(2, 3)
    run = trace(nn.ReLU(), y)
    seen = y.clone()
    y.zero_()
    assert torch.equal(run.value("input").tensor, seen)


def test_a_compiled_module_is_unwrapped() -> None:
    module = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    x = torch.randn(1, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compiled = torch.compile(module)
    assert [op.path for op in trace(compiled, x).ops] == ["0", "1"]  # type: ignore[arg-type]
    module.compile()
    assert [op.path for op in trace(module, x).ops] == ["0", "1"]
