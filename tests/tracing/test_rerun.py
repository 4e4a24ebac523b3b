"""What if: a rerun against a twin network in which the change is written by hand."""

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glasswork.tracing import BadEdit, NotTraceable, Trace, TraceFailed, UnknownAddress, compare, rerun, trace

Function = Callable[[torch.Tensor], torch.Tensor]


class Net(nn.Module):
    """In-place ops, a module used twice, dropout, batch statistics, and places where a twin changes something."""

    def __init__(self, **changes: Function) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.twice = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(4, 3)
        self.changes = changes

    def at(self, place: str, x: torch.Tensor) -> torch.Tensor:
        return self.changes[place](x) if place in self.changes else x

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.at("conv", self.conv(x))
        y = self.at("norm", self.norm(y))
        z = self.at("relu", self.relu(y))
        z = self.at("twice", self.twice(z))
        z = self.at("twice#2", self.twice(z))
        z += z.new_ones(1)
        z = self.at(":add_", z)
        low, high = z.chunk(2, 1)
        high = self.at(":chunk~1", high)
        z = self.drop(torch.cat([low, high], 1))
        return self.head(z.mean((2, 3)))


X = torch.randn(2, 2, 5, 5, generator=torch.Generator().manual_seed(5))


def loss(output: torch.Tensor) -> torch.Tensor:
    return (output**2).sum()


def run_of(net: nn.Module, backward: bool = True) -> Trace:
    torch.manual_seed(7)
    return trace(net, X, backward=backward, loss=loss if backward else None)


def plain(net: Net, x: torch.Tensor = X) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
    """Output, the input's gradient and those of the parameters, by torch alone."""
    torch.manual_seed(7)
    x = x.clone().requires_grad_()
    output = net(x)
    loss(output).backward()
    assert x.grad is not None
    return output, x.grad, {name: p.grad for name, p in net.named_parameters() if p.grad is not None}


def same(run: Trace, twin: Net, x: torch.Tensor = X) -> None:
    output, slope, slopes = plain(twin, x)
    assert torch.equal(run.output, output)
    assert run.inputs["input"].grad is not None
    assert torch.equal(run.inputs["input"].grad, slope)
    for name, value in run.parameters.items():
        grad = value.grad
        assert (grad is None) == (name not in slopes)
        assert grad is None or torch.equal(grad, slopes[name]), name


PLACES = ["conv", "norm", "relu", "twice", "twice#2", ":add_", ":chunk~1"]
HALF: Function = lambda y: y * 0.5  # noqa: E731


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("training", [True, False])
def test_an_edited_op_is_what_a_twin_computes(place: str, training: bool) -> None:
    net, twin = Net().train(training), Net(**{place: HALF}).train(training)
    again = rerun(run_of(net), {place: HALF})
    same(again, twin)
    assert again.edits == {place: "changed by <lambda>"}


def test_without_edits_all_is_the_same_to_the_bit() -> None:
    net = Net().train()
    first = run_of(net)
    with torch.no_grad():
        net.norm.get_buffer("running_mean").add_(9)  # the first run's state counts, not today's
    net.eval()
    torch.manual_seed(99)
    state, buffers = torch.get_rng_state(), copy.deepcopy(dict(net.named_buffers()))
    again = rerun(first)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(buffers[name], value) for name, value in net.named_buffers())
    assert not net.training
    assert again.training
    difference = compare(first, again)
    assert difference.changed == ()
    assert difference.parted is None
    assert all(one.grad in (0.0, None) for one in difference.differences)
    assert len(difference.differences) == sum(len(op.outputs) for op in first.ops)
    assert again.edits == {}


def test_kinds_of_edits() -> None:
    net = Net().eval()
    first = run_of(net, backward=False)
    kept = torch.tensor([True, False, True, True]).reshape(4, 1, 1)
    cases: list[tuple[Any, Function]] = [
        (torch.full((2, 4, 5, 5), 2.0), lambda y: torch.full_like(y, 2.0)),
        (torch.tensor(3), lambda y: torch.full_like(y, 3.0)),
        (kept, lambda y: y * kept),
        (0, torch.zeros_like),
        (-1.5, lambda y: torch.full_like(y, -1.5)),
        ({(0, 1, 2, 3): 5.0, (1, -1): 0}, lambda y: put(y, {(0, 1, 2, 3): 5.0, (1, 3): 0.0})),
        ({1: 0}, lambda y: put(y, {(1,): 0.0})),
        ({(..., 2): 1}, lambda y: put(y, {(..., 2): 1.0})),
    ]
    for edit, function in cases:
        for place in ("conv", "relu"):
            again = rerun(first, {first[place]: edit})
            assert torch.equal(again.output, Net(**{place: function}).eval()(X))
    words = [next(iter(rerun(first, {"conv": edit}).edits.values())) for edit, _ in cases[2:7]]
    assert words == [
        "kept by a mask [4, 1, 1]", "set to 0", "set to -1.5", "[0,1,2,3] set to 5.0; [1,-1] set to 0", "[1] set to 0"
    ]  # fmt: skip


def put(y: torch.Tensor, numbers: dict[tuple[Any, ...], float]) -> torch.Tensor:
    y = y.clone()
    for index, number in numbers.items():
        y[index] = number
    return y


def test_gradients_end_at_what_was_set_and_are_there_behind_it() -> None:
    net = Net().eval()
    first = run_of(net)
    for place in ("conv", "relu"):
        again = rerun(first, {place: torch.ones(2, 4, 5, 5)})
        assert again[place].grad is not None
        slope = again.inputs["input"].grad
        assert slope is None or not slope.any()
        assert again.parameters["head.weight"].grad is not None
        masked = rerun(first, {place: {(0, 0, 0, 0): 1.0}})
        same(masked, Net(**{place: lambda y: put(y, {(0, 0, 0, 0): 1.0})}).eval())


def test_inputs_parameters_and_buffers() -> None:
    net = Net().eval()
    first = run_of(net)
    same(rerun(first, {"input": lambda x: x + 1}), Net().eval(), X + 1)
    weight = net.head.weight.detach().clone()
    again = rerun(first, {"head.weight": {(0, 1): 4.0}, "norm.running_mean": 0.25})
    assert torch.equal(net.head.weight, weight)
    assert not (net.norm.running_mean == 0.25).any()
    twin = Net().eval()
    with torch.no_grad():
        twin.head.weight[0, 1] = 4.0
        twin.norm.get_buffer("running_mean").fill_(0.25)
    same(again, twin)
    assert again.parameters["head.weight"].tensor[0, 1] == 4
    assert first.parameters["head.weight"].tensor[0, 1] != 4
    assert list(again.edits) == ["head.weight", "norm.running_mean"]


def test_a_rerun_can_be_rerun() -> None:
    first = run_of(Net().train())
    second = rerun(first, {"conv": HALF, "head.bias": 1.0, "input": lambda x: x * 3})
    third = rerun(second, {"twice#2": HALF})
    twin = Net(conv=HALF, **{"twice#2": HALF}).train()
    with torch.no_grad():
        twin.head.bias.fill_(1.0)
    same(third, twin, X * 3)
    assert set(third.edits) == {"conv", "head.bias", "input", "twice#2"}
    assert compare(second, rerun(second)).changed == ()


def test_an_edit_that_draws_leaves_the_modules_own_masks() -> None:
    first = run_of(Net().train(), backward=False)
    again = rerun(first, {"conv": lambda y: y + torch.randn_like(y)})
    assert torch.equal(first["drop"].output.tensor == 0, again["drop"].output.tensor == 0)
    assert compare(first, again).changed[0].path == "conv"


def test_differences_by_hand() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), last := nn.Linear(2, 2))
    first = trace(net, torch.randn(1, 2), backward=True)
    again = rerun(first, {"1": lambda y: y + torch.tensor([1.0, -3.0])})
    found = compare(first, again)
    assert [one.path for one in found.changed] == ["1", "2"]
    assert found.changed[0].largest == pytest.approx(3)
    assert found.changed[0].mean == pytest.approx(2)
    assert found.largest is max(found.differences, key=lambda one: one.largest)
    expected = last.weight.detach() @ torch.tensor([1.0, -3.0])
    assert torch.allclose(found.of("2")[0], expected.double(), atol=1e-6)
    wild = compare(first, rerun(first, {"1": math.nan})).changed[-1]
    assert wild.largest == math.inf


def test_runs_that_part_say_where() -> None:
    class Turns(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(2, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.first(x)
            if y.sum() > 0:
                return F.relu(y) * 2
            return torch.tanh(y)[:, :1]

    net = Turns()
    first = trace(net, torch.ones(1, 2))
    edits = {"first": 1.0, ":mul": 0.0} if any(op.name == "mul" for op in first.ops) else {"first": 1.0}
    first = rerun(first, {"first": 1.0}) if len(edits) == 1 else first
    again = rerun(first, {"first": -1.0, ":mul": 0.0})
    found = compare(first, again)
    assert found.parted == ":tanh"
    assert found.gone == (":relu", ":mul")
    assert found.new == (":tanh", ":getitem")
    assert again.edits[":mul"] == "set to 0 (but it did not run)"


def test_memory_that_nobody_has_written_is_not_compared() -> None:
    class Fills(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.empty(3).fill_(2) * x

    first = trace(Fills(), torch.ones(3))
    assert [one.path for one in compare(first, rerun(first)).differences] == [":fill_", ":mul"]


def test_several_outputs_and_named_tuples() -> None:
    class Top(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            top = x.topk(2, 1)
            return top.values * top.indices

    x = torch.tensor([[1.0, 5.0, 3.0]])
    again = rerun(trace(Top(), x), {":topk~1": 1, ":topk": {(0, 0): 7.0}})
    assert again.output.tolist() == [[7, 3]]


def test_values_of_edited_in_place_ops_are_the_edited_ones() -> None:
    class Writes(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = x + 1
            y.mul_(2)
            y[:, 0] = 9
            F.relu_(y)
            return (y * 1).sigmoid_()

    x = torch.tensor([[1.0, -4.0], [2.0, 3.0]])
    for backward in (False, True):
        first = trace(Writes(), x, backward=backward)
        again = rerun(first, {":mul_": lambda y: y - 1, ":setitem": {(0, 0): 8.0}, ":relu_": lambda y: y + 0.5})
        assert again[":mul_"].output.tensor.tolist() == [[3, -7], [5, 7]]
        assert again[":setitem"].output.tensor.tolist() == [[8, -7], [9, 7]]
        assert again[":relu_"].output.tensor.tolist() == [[8.5, 0.5], [9.5, 7.5]]
        assert torch.equal(again.output, torch.tensor([[8.5, 0.5], [9.5, 7.5]]).sigmoid())
        assert [op.edited != "" for op in again.ops] == [False, True, True, True, False, False]


def test_what_can_not_be_edited_says_why() -> None:
    run = trace(nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)), torch.randn(1, 2))
    with pytest.raises(UnknownAddress):
        rerun(run, {"3": 0})
    with pytest.raises(BadEdit, match=r"rebuilt from inside.* change 1"):
        rerun(run, {"1/mean": 0})
    with pytest.raises(BadEdit, match="not an op of this trace"):
        rerun(trace(nn.Linear(2, 2), torch.randn(1, 2)), {run[0]: 0})
    for edit in (torch.zeros(3, 2), lambda y: y[:, :1], lambda y: None, {(0, 7): 1.0}, {"x": 1.0}):
        with pytest.raises(BadEdit, match=r"does not fit 0 \(a \[1, 2\] tensor"):
            edited(run, {"0": edit})
        with pytest.raises(BadEdit, match="does not fit input"):
            edited(run, {"input": edit})
    run.recipe = None
    with pytest.raises(NotTraceable, match="read from a file"):
        rerun(run)


def edited(run: Trace, edits: Any) -> None:
    """As `rerun`; what an edit does wrong inside the module is the cause."""
    try:
        rerun(run, edits)
    except TraceFailed as error:
        raise error.__cause__ or error from None
