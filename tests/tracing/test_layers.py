"""Layers that are run and noted from outside are noted as if they had been watched from inside; so is what waits."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from torch.overrides import TorchFunctionMode

from glasswork.tracing import Trace, Value, trace
from glasswork.tracing.layers import layer_call


class Told(TorchFunctionMode):
    """What torch's own dispatch says of each call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[object, tuple[object, ...], dict[str, object]]] = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        if isinstance(output, torch.Tensor):
            self.calls.append((func, args, kwargs))
        return output


def layers() -> dict[str, tuple[nn.Module, torch.Tensor]]:
    torch.manual_seed(0)
    picture = torch.randn(2, 4, 9, 9)
    return {
        "convolution": (nn.Conv2d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2), picture),
        "convolution, same": (nn.Conv2d(4, 6, 3, padding="same", bias=False), picture),
        "batch norm": (nn.BatchNorm2d(4).eval(), picture),
        "batch norm, plain": (nn.BatchNorm2d(4, affine=False, momentum=None, eps=1e-3).eval(), picture),
        "relu": (nn.ReLU(), picture),
        "relu in place": (nn.ReLU(inplace=True), picture),
        "linear": (nn.Linear(9, 5), picture),
        "linear without bias": (nn.Linear(9, 5, bias=False), picture),
        "layer norm": (nn.LayerNorm([9, 9], eps=1e-3), picture),
        "layer norm, plain": (nn.LayerNorm(9, elementwise_affine=False), picture),
        "layer norm without bias": (nn.LayerNorm(9, bias=False), picture),
        "dropout": (nn.Dropout(0.3), picture),
        "dropout in place": (nn.Dropout(0.3, inplace=True), picture),
        "dropout in place, off": (nn.Dropout(0.3, inplace=True).eval(), picture),
        "embedding": (nn.Embedding(7, 4, padding_idx=2), torch.tensor([[0, 2, 6]])),
        "embedding of limited rows": (nn.Embedding(7, 4, max_norm=0.5, norm_type=1.0), torch.tensor([[0, 2, 6]])),
        "gelu": (nn.GELU(), picture),
        "gelu by tanh": (nn.GELU("tanh"), picture),
    }


@pytest.mark.parametrize("name", layers())
def test_the_call_is_the_one_that_torch_makes(name: str) -> None:
    layer, x = layers()[name]
    made = layer_call(layer, (x,), {})
    assert made is not None
    with Told() as told, torch.no_grad():
        layer(x)
    (function, args, kwargs), (own, own_args, own_kwargs) = made, told.calls[0]
    assert function is own
    assert len(told.calls) == 1
    assert len(args) == len(own_args)
    assert list(kwargs) == list(own_kwargs)
    for ours, theirs in zip((*args, *kwargs.values()), (*own_args, *own_kwargs.values()), strict=True):
        assert ours is theirs or ours == theirs


class Inner(nn.Module):
    """A layer in somebody's own code: one that is traced by itself is not run from outside."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


@pytest.mark.parametrize("name", layers())
def test_a_layer_run_from_outside_gives_what_it_gives_untraced(name: str) -> None:
    (layer, x), (same, _) = layers()[name], layers()[name]
    torch.manual_seed(1)
    run, drawn = trace(Inner(layer), x.clone()), torch.get_rng_state()
    torch.manual_seed(1)
    with torch.no_grad():
        expected = same(x.clone())
    assert torch.equal(run.output, expected)
    assert torch.equal(drawn, torch.get_rng_state())
    for own, theirs in zip(layer.parameters(), same.parameters(), strict=True):
        assert torch.equal(own, theirs)


class Doubled(nn.Linear):
    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return super().forward(input) * 2


class Halved(torch.Tensor):
    """Weights that have a linear function of their own, as quantised ones do."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        output = super().__torch_function__(func, types, args, kwargs or {})
        return output.div(2) if func is F.linear and isinstance(output, torch.Tensor) else output


def changed() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    halved = nn.Linear(9, 9)
    halved.weight = nn.Parameter(halved.weight.detach().as_subclass(Halved), requires_grad=False)
    hooked, told_before, patched = nn.ReLU(), nn.Linear(9, 9), nn.Linear(9, 9)
    hooked.register_forward_hook(lambda *given: given[-1] + 1)
    told_before.register_forward_pre_hook(lambda _module, inputs: (inputs[0] * 3,))
    patched.forward = lambda input: F.linear(input, patched.weight).cos()
    return {
        "subclass": Doubled(9, 9),
        "weights of a kind of their own": halved,
        "hook": hooked,
        "pre-hook": told_before,
        "patched": patched,
        "parametrised": weight_norm(nn.Linear(9, 9)),
        "padded by reflection": nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        "norm by the batch": nn.BatchNorm2d(4).train(),
        "norm without statistics": nn.BatchNorm2d(4, track_running_stats=False).eval(),
    }


@pytest.mark.parametrize("name", changed())
def test_a_changed_layer_runs_as_it_is(name: str) -> None:
    x = torch.randn(2, 4, 9, 9)
    plain, traced = changed()[name], changed()[name]
    assert layer_call(traced, (x,), {}) is None
    with torch.no_grad():
        expected = plain(x)
    assert torch.equal(trace(traced, x).output, expected)


class Net(nn.Module):
    """Convolutions with everything between them in place, a shortcut, a head."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True)) for _ in range(depth)
        )
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            y = self.norm(block(x))
            y += x
            x = self.relu(y)
        return self.head(x.mean((2, 3)))


def told(run: Trace) -> list[tuple[object, ...]]:
    def plain(item: object) -> object:
        return (item.path, item.shape) if isinstance(item, Value) else item

    return [
        (
            *(op.name, op.path, op.call, op.module_type, str(op.source), op.function),
            *([plain(item) for item in op.args], {key: plain(item) for key, item in op.kwargs.items()}),
            [(value.path, value.shape, value.dtype) for value in op.outputs],
        )
        for op in run.ops
    ]


def test_a_trace_is_the_same_whether_each_moment_is_written_down_at_once_or_not() -> None:
    torch.manual_seed(0)
    net, x = Net(12).eval(), torch.randn(1, 4, 9, 9)
    waiting = trace(net, x)
    at_once = trace(net, x, progress=lambda _done: None)
    assert told(waiting) == told(at_once)
    for one, other in zip(waiting.calls, at_once.calls, strict=True):
        assert (one.path, one.type, one.number, one.parent) == (other.path, other.type, other.number, other.parent)
        assert (one.first, one.last, one.output) == (other.first, other.last, other.output)
    for op, same in zip(waiting.ops, at_once.ops, strict=True):
        for value, twin in zip(op.outputs, same.outputs, strict=True):
            assert torch.equal(value.tensor, twin.tensor), op.path


def chain(x: torch.Tensor, scale: torch.Tensor, keep: Callable[[torch.Tensor], object]) -> torch.Tensor:
    """Thirty writes in a row over memory of its own, with what stands there before and after each."""
    x = x + 1
    keep(x)
    for step in range(15):
        x = x.mul_(scale)
        keep(x)
        x = x.sub_(0.25 * step)
        keep(x)
    return x


def viewed(x: torch.Tensor, scale: torch.Tensor, keep: Callable[[torch.Tensor], object]) -> torch.Tensor:
    """Writes through a view of what a matrix product made, which can't be had again cheaply."""
    y = x @ x
    keep(y)
    row = y.view(-1)
    row.mul_(2)
    keep(y)
    y.relu_()
    keep(y)
    torch.add(y, scale, out=y)
    keep(y)
    y.t_()
    keep(y)
    y += 1
    keep(y)
    return y


def mixed(x: torch.Tensor, scale: torch.Tensor, keep: Callable[[torch.Tensor], object]) -> torch.Tensor:
    """Half of it in lower precision, and a write by somebody whom torch doesn't see."""
    with torch.autocast("cpu", torch.bfloat16):
        y = x @ x
        keep(y)
        z = y + 1
        keep(z)
        z.relu_()
        keep(z)
    z.neg_()
    keep(z)
    w = z.float()
    keep(w)
    w.numpy()[0, 0] = 7
    w.mul_(2)
    keep(w)
    return w


class Written(nn.Module):
    def __init__(self, steps: Callable[..., torch.Tensor], keep: Callable[[torch.Tensor], object]) -> None:
        super().__init__()
        self.steps, self.keep = steps, keep
        self.scale = nn.Parameter(torch.linspace(0.5, 1.5, 200 * 200).view(200, 200))  # more than is copied as it is

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.steps(x, self.scale, self.keep)


@pytest.mark.parametrize("steps", [chain, viewed, mixed])
def test_every_value_is_that_of_its_moment(steps: Callable[..., torch.Tensor]) -> None:
    x = torch.randn(200, 200, generator=torch.Generator().manual_seed(0))
    expected: list[torch.Tensor] = []
    with torch.no_grad():
        Written(steps, lambda tensor: expected.append(tensor.clone()))(x)
    net = Written(steps, torch.Tensor.exp)  # an op after each step reads it, so that the trace says what stood there
    run = trace(net, x)
    with torch.no_grad():
        net.scale.zero_()  # later training does not change the past
    read = [op.operands[0].tensor for op in run.ops if op.name == "exp"]
    assert len(read) == len(expected)
    for ours, theirs in zip(read, expected, strict=True):
        assert torch.equal(ours, theirs)


class Grown(nn.Module):
    """Lists that change after they were given: one grows, as DenseNet's does."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features, rows = [x], [0, 1]
        for _ in range(4):
            features.append(torch.cat(features, 1)[rows].relu())
            rows.reverse()
        return torch.stack([part.sum() for part in features])


def test_a_list_is_read_as_it_was_when_it_was_given() -> None:
    x = torch.randn(2, 3)
    run = trace(Grown(), x)
    joined = [op for op in run.ops if op.name == "cat"]
    assert [len(op.operands) for op in joined] == [1, 2, 3, 4]
    for op in joined:
        assert torch.equal(op.output.tensor, torch.cat([value.tensor for value in op.operands], 1))
    taken = [op for op in run.ops if op.name == "getitem"]
    assert [op.args[1] for op in taken] == [[0, 1], [1, 0], [0, 1], [1, 0]]
    assert torch.equal(run.output, Grown()(x))


def test_what_was_written_over_at_once_is_made_again() -> None:
    x = torch.randn(200, 200, generator=torch.Generator().manual_seed(0))
    expected: list[torch.Tensor] = []
    with torch.no_grad():
        Written(chain, lambda tensor: expected.append(tensor.clone()))(x)
    net = Written(chain, id)  # nothing is read between the writes
    run = trace(net, x)
    with torch.no_grad():
        net.scale.zero_()
    assert len(run.ops) == len(expected)
    for op, theirs in zip(run.ops, expected, strict=True):
        assert torch.equal(op.output.tensor, theirs), op.path


def test_an_error_in_a_layer_names_it_and_leaves_what_was_before() -> None:
    net = nn.Module()
    net.first, net.second = nn.Linear(4, 5), nn.Linear(4, 5)
    net.forward = lambda x: net.second(net.first(x))  # type: ignore[method-assign]
    with pytest.raises(Exception, match="linear failed in second") as caught:
        trace(net, torch.randn(2, 4))
    assert [op.path for op in caught.value.trace.ops] == ["first"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["convolution", "batch norm", "linear", "layer norm"])
def test_a_bias_that_is_no_parameter_is_left_to_torch(name: str) -> None:
    layer, x = layers()[name]
    bias = layer.bias.detach() + 1  # type: ignore[union-attr, operator]
    del layer.bias
    layer.bias = bias
    assert layer_call(layer, (x,), {}) is None
    assert torch.equal(trace(layer, x).output, layer(x))
