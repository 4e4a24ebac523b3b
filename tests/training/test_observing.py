"""What is observed of a step, against the same worked out by hand; and that nothing changes by it."""

import copy

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from glasswork.training.observing import MOST_LAYERS, Observer


def network() -> nn.Sequential:
    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.ReLU(), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(64, 5), nn.ReLU(), nn.Linear(5, 2)
    )
    with torch.no_grad():
        made.get_parameter("0.bias")[1] = -100  # so that channel 1 is silent
    return made


def step(module: nn.Module, observer: Observer | None) -> dict[str, float]:
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    x, y = torch.rand(8, 1, 6, 6, generator=torch.Generator().manual_seed(2)), torch.arange(8) % 2
    if observer is None:
        F.cross_entropy(module(x), y).backward()
        optimizer.step()
        return {}
    with observer.forward():
        loss = F.cross_entropy(module(x), y)
    loss.backward()
    found = observer.before_update()
    optimizer.step()
    return found | observer.after_update()


def test_sizes_and_zeros_are_those_worked_out_by_hand() -> None:
    module = network()
    before = copy.deepcopy(module)
    twin = copy.deepcopy(module)
    found = step(module, Observer(module))
    step(twin, None)
    assert list(found)[:3] == ["gradient/0", "gradient/4", "gradient/6"]
    for path in ("0", "4", "6"):
        old, new = before.get_submodule(path), twin.get_submodule(path)
        slopes = [w.grad.flatten() for w in new.parameters() if w.grad is not None]
        assert found[f"gradient/{path}"] == pytest.approx(torch.cat(slopes).double().norm().item(), rel=1e-5)
        weights = torch.cat([w.detach().flatten() for w in old.parameters()]).double()
        change = torch.cat([w.detach().flatten() for w in new.parameters()]).double() - weights
        assert found[f"update/{path}"] == pytest.approx((change.norm() / weights.norm()).item(), rel=1e-4)
    x = torch.rand(8, 1, 6, 6, generator=torch.Generator().manual_seed(2))
    activity = torch.relu(before[0](x))
    for channel in range(4):
        assert found[f"zeros/1/{channel}"] == pytest.approx((activity[:, channel] == 0).double().mean().item())
    assert found["zeros/1/1"] == 1
    puts_out, hidden = {}, x
    for path, part in before.named_children():
        hidden = puts_out[path] = part(hidden)
    for path in ("0", "4", "6"):
        size = puts_out[path].double().square().mean().sqrt().item()
        assert found[f"activation/{path}"] == pytest.approx(size, rel=1e-6)
    assert "zeros/5/4" in found


def test_nothing_changes_by_being_observed() -> None:
    module = network()
    twin = copy.deepcopy(module)
    step(module, Observer(module))
    step(twin, None)
    for one, other in zip(module.state_dict().values(), twin.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    assert not any(part._forward_hooks for part in module.modules())


def test_many_layers_are_taken_together() -> None:
    module = torchvision.models.resnet101()
    layers = Observer(module).layers
    assert 4 < len(layers) <= MOST_LAYERS
    assert layers[0] == "conv1"
    assert layers[-1] == "fc"


def test_what_runs_several_times_and_what_puts_out_several_things_has_one_size() -> None:
    torch.manual_seed(0)
    cell = nn.RNN(3, 4, batch_first=True)
    twice = nn.Linear(4, 4)
    module = nn.ModuleDict({"cell": cell, "twice": twice})
    x = torch.rand(2, 5, 3)
    observer = Observer(module)
    with observer.forward():
        hidden = cell(x)[0]
        first = twice(hidden)
        second = twice(first)
        second.sum().backward()
    observer.before_update()
    found = observer.after_update()
    assert found["activation/cell"] == pytest.approx(hidden.double().square().mean().sqrt().item())
    mean = (first.double().square().mean() + second.double().square().mean()) / 2
    assert found["activation/twice"] == pytest.approx(mean.sqrt().item())


def test_a_network_of_one_layer_is_that_layer() -> None:
    module = nn.Linear(3, 2)
    observer = Observer(module)
    with observer.forward():
        made = module(torch.ones(4, 3))
    made.sum().backward()
    observer.before_update()
    assert observer.after_update()["activation/"] == pytest.approx(made.double().square().mean().sqrt().item())
