"""A reader's own loop, recorded: the same training to the bit, each call's own values and gradients, nothing left."""

import gc
import weakref
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glasswork.explaining import explain
from glasswork.tracing import NotTraceable, compare, record, rerun


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(inplace=True), nn.Dropout(0.2), nn.Linear(8, 2)
    )  # fmt: skip


X = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
Y = torch.tensor([0, 1, 1, 0, 1, 0])


def train(model: nn.Module, steps: int = 4, kept: list[Any] | None = None) -> list[float]:
    """A reader's loop; `kept` collects what hooks of plain torch see."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.9)
    torch.manual_seed(3)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        output = model(X)
        loss = F.cross_entropy(output, Y)
        loss.backward()
        if kept is not None:
            kept.append({name: (p.detach().clone(), None if p.grad is None else p.grad.clone()) for name, p in
                         model.named_parameters()})  # fmt: skip
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        losses.append(loss.item())
    return losses


def test_the_loop_is_the_plain_one_to_the_bit_and_each_call_keeps_its_own() -> None:
    plain, model, truth = network(), network(), []
    plain_losses = train(plain, kept=truth)
    with record(model) as runs:
        losses = train(model)
    assert losses == plain_losses
    for (name, a), (_, b) in zip(plain.state_dict().items(), model.state_dict().items(), strict=True):
        assert torch.equal(a, b), name
    assert len(runs) == runs.total == 4
    for run, step in zip(runs, truth, strict=True):
        assert [op.name for op in run.ops if op.name != "add_"] == ["linear", "batch_norm", "relu", "dropout", "linear"]
        for name, (value, grad) in step.items():
            assert torch.equal(run.parameters[name].tensor, value)
            found = run.parameters[name].grad
            assert found is not None
            assert torch.equal(found, grad)
        assert run.backward
    assert not torch.equal(runs[0]["0"].output.tensor, runs[1]["0"].output.tensor)
    assert "forward" not in vars(model)
    total = runs.total
    train(model, 1)
    assert runs.total == total


def test_gradients_of_intermediates_are_retain_grads() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.a, self.b = nn.Linear(3, 4), nn.Linear(4, 4)
            self.seen: list[torch.Tensor] = []

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            hidden = torch.tanh(self.a(x))
            self.seen = [hidden]
            if hidden.requires_grad:
                hidden.retain_grad()
            return self.b(hidden) * 2, hidden  # hidden is read inside and handed out

    model, x = Net(), X.clone().requires_grad_()
    with record(model) as runs:
        output, hidden = model(x)
        (output.sum() + (hidden**2).sum()).backward()
    run = runs[0]
    assert run["a"].grad is not None
    assert torch.equal(run[":tanh"].grad, model.seen[0].grad)  # type: ignore[arg-type]
    assert torch.equal(run.inputs["input"].grad, x.grad)  # type: ignore[arg-type]
    for path, index in {":tanh": (1, 2), "a": (0, 1), "b": (2, 3), ":mul": (0, 0), "input": (3, 1)}.items():
        assert explain(run, path, index, of="grad").error < 1e-6, path  # begins with what came from outside


def test_two_calls_in_one_loss_and_calls_without_one() -> None:
    model = nn.Linear(3, 2)
    with record(model) as runs:
        with torch.no_grad():
            model(X)
        first, second, idle = model(X), model(X + 1), model(X + 2)
        (first.sum() + 2 * second.sum()).backward()
        model(X - 1).sum().backward()
    assert [run.backward for run in runs] == [False, True, True, True, True]
    grads = [run.ops[-1].grad for run in runs]
    assert grads[0] is None
    assert grads[3] is None
    assert torch.equal(grads[2], 2 * torch.ones(6, 2))  # type: ignore[arg-type]
    assert runs[3].parameters["weight"].grad is None  # its own graph had no backward pass
    assert torch.equal(runs[4].parameters["bias"].grad, torch.full((2,), 6.0))  # type: ignore[arg-type]
    assert idle.requires_grad


def test_what_the_loop_does_to_its_output_later_is_not_in_the_run() -> None:
    model = nn.Linear(3, 2)
    with record(model) as runs, torch.no_grad():
        output = model(X)
        output.zero_()
        model.weight.data.zero_()
    assert runs[0]["weight" if "weight" in runs[0] else 0].output.tensor.any()
    assert runs[0].output.any()
    assert runs[0].parameters["weight"].tensor.any()
    again = rerun(runs[0])
    assert compare(runs[0], again).changed == ()
    assert not model.weight.any()


def test_only_the_last_are_kept_and_nothing_is_left() -> None:
    model = network()
    with record(model, last=2) as runs:
        train(model, 5)
        refs = [weakref.ref(run) for run in runs]
        first = runs[0]
        values = [weakref.ref(op.output) for op in first.ops]
    assert (len(runs), runs.total) == (2, 5)
    assert repr(runs) == "<5 runs, the last 2 kept>"
    assert [run.parameters["0.bias"].grad is None for run in runs] == [False, False]
    del first, runs
    gc.collect()
    assert [ref() for ref in refs] == [None, None]
    assert all(ref() is None for ref in values)
    assert all(not parameter._backward_hooks for parameter in model.parameters())
    assert torch._C._len_torch_function_stack() == 0


def test_an_error_of_the_model_stays_its_own() -> None:
    class Fails(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(3, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.first(x) @ x

    model = Fails()
    with pytest.raises(RuntimeError, match="mat1 and mat2") as caught, record(model) as runs:
        model(X)
    assert type(caught.value) is RuntimeError
    failure = runs[0].failure
    assert failure is not None
    assert (failure.op, failure.shapes) == ("matmul", ((6, 4), (6, 3)))
    assert "forward" not in vars(model)
    with pytest.raises(NotTraceable), record(model, last=0):
        pass


def test_a_forward_of_the_instance_stands_again() -> None:
    model = nn.Linear(3, 2)
    own = lambda x: F.linear(x, model.weight) + 1  # noqa: E731
    model.forward = own  # type: ignore[method-assign]
    with record(model, last=None) as runs:
        model(X)
        model(X)
    assert model.forward is own
    assert [op.name for op in runs[1].ops] == ["linear", "add"]
    assert len(runs[:]) == 2
