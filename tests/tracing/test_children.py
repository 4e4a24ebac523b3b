"""detail="aten": what each op is made of, with the run and its values as they are without."""

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from glasswork.tracing import trace


class Net(nn.Module):
    """A little of everything that writes in place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.lstm = nn.LSTM(16, 5, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.norm(self.conv(x)), inplace=True)
        y = y.flatten(2) * 2
        y[:, 0] = 0.5
        y = self.attention(y, y, y)[0]
        y = F.dropout(y, 0.3, self.training)
        z, _ = self.lstm(y)
        z = z * 2
        z += 1
        return z.softmax(-1)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("backward", [False, True])
def test_the_run_and_its_values_are_the_same(training: bool, backward: bool) -> None:
    module = Net().train(training)
    twin, x = copy.deepcopy(module), torch.randn(2, 1, 6, 6)
    torch.manual_seed(1)
    run = trace(module, x, backward=backward, detail="aten")
    state = torch.get_rng_state()
    torch.manual_seed(1)
    plain = trace(twin, x, backward=backward)
    assert torch.equal(torch.get_rng_state(), state)
    assert [op.path for op in run.ops] == [op.path for op in plain.ops]
    for op, other in zip(run.ops, plain.ops, strict=True):
        for value, same in zip((*op.operands, *op.outputs), (*other.operands, *other.outputs), strict=True):
            assert torch.equal(value.tensor, same.tensor), op
            assert value.path == same.path
        assert (op.grad is None) == (other.grad is None), op
        assert op.grad is None or torch.equal(op.grad, other.grad), op  # type: ignore[arg-type]
    for name, tensor in twin.state_dict().items():
        assert torch.equal(tensor, module.state_dict()[name])


def test_children_are_named_timed_and_linked() -> None:
    run = trace(Net().eval(), torch.randn(2, 1, 6, 6), detail="aten")
    conv = run["conv"]
    assert [child.name for child in conv.children] == ["aten.convolution"]
    child = run["conv/aten.convolution"]
    assert child is conv.children[0]
    assert child.parent == conv.id
    assert child.inputs == ("input", "conv.weight", "conv.bias")
    assert child.output.shape == conv.output.shape
    assert torch.equal(child.output.tensor, conv.output.tensor)
    assert 0 < child.seconds <= conv.seconds
    assert child.macs == conv.macs == 2 * 4 * 16 * 9
    inside = {child.name for child in run["attention:multi_head_attention_forward"].children}
    assert {"aten.addmm", "aten.softmax", "aten._softmax", "aten.bmm"} & inside


def test_what_only_children_see_is_kept() -> None:
    class Scores(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.multi_head_attention_forward(
                x, x, x, 4, 2, torch.ones(12, 4), torch.zeros(12), None, None, False, 0.0, torch.eye(4),
                torch.zeros(4), need_weights=True,
            )[0]  # fmt: skip

    run = trace(Scores(), torch.randn(3, 1, 4), detail="aten")
    softmax = next(child for child in run[":multi_head_attention_forward"].children if "softmax" in child.name)
    assert torch.allclose(softmax.output.tensor.sum(-1), torch.ones(2, 3))
    assert run.value(softmax.path) is softmax.output


def test_what_an_op_writes_over_twice_within_itself_is_shown_at_each_moment() -> None:
    library = torch.library.Library("glasswork_tests", "DEF")
    library.define("three_steps(Tensor x) -> Tensor")
    library.impl("three_steps", lambda x: (x + 1).mul_(2).add_(3), "CompositeImplicitAutograd")

    class Steps(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.ops.glasswork_tests.three_steps(x) * 10

    run = trace(Steps(), torch.tensor([0.0, 1.0]), detail="aten")
    assert [(child.name, child.output.tensor.tolist()) for child in run[0].children] == [
        ("aten.add", [1, 2]),
        ("aten.mul_", [2, 4]),
        ("aten.add_", [5, 7]),
    ]
    assert run[0].output.tensor.tolist() == [5, 7]


def test_macs_of_children_are_half_of_what_pytorch_counts() -> None:
    module, x = nn.Sequential(nn.Conv1d(2, 4, 3), nn.Linear(6, 5), nn.ConvTranspose1d(4, 2, 2)), torch.randn(3, 2, 8)
    with FlopCounterMode(display=False) as counter:
        module(x)
    run = trace(module, x, detail="aten")
    assert 2 * sum(child.macs for op in run.ops for child in op.children) == counter.get_total_flops()
    assert sum(child.macs for op in run.ops for child in op.children) == run.macs


def test_attention_and_recurrent_layers_are_counted() -> None:
    class Attends(nn.Module):
        def forward(self, q: torch.Tensor, k: torch.Tensor) -> Any:
            return F.scaled_dot_product_attention(q, k, k)

    run = trace(Attends(), torch.randn(1, 2, 3, 8), torch.randn(1, 2, 5, 8), detail="aten")
    assert sum(child.macs for child in run[0].children) == run.macs == 2 * 3 * 5 * 16


def test_nothing_is_left_after_a_failure() -> None:
    with pytest.raises(Exception, match="linear failed"):
        trace(nn.Sequential(nn.ReLU(), nn.Linear(3, 2)), torch.randn(1, 4), detail="aten")
    assert torch._C._len_torch_dispatch_stack() == 0
