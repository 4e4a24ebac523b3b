"""Costs: the published totals, PyTorch's own counter where it counts, and small cases by hand."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from glasswork.tracing import trace
from glasswork.tracing.costs import bytes_moved
from glasswork.tracing.profile import profile

PUBLISHED = {  # TRACING.md: GMACs and parameters, 1x3x224x224
    "alexnet": (0.714188, 61_100_840),
    "vgg16": (15.470264, 138_357_544),
    "googlenet": (1.498376, 6_624_904),
    "resnet152": (11.513627, 60_192_808),
    "vit_b_16": (17.563828, 86_567_656),
    "swin_t": (4.490567, 28_288_354),
}


class Call(nn.Module):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.function(*inputs)


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures(name: str, backward: bool) -> None:
    """On tensors without data: every op has its real shapes, and nothing is computed."""
    macs, parameters = PUBLISHED[name]
    settings = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    with torch.device("meta"):
        network = getattr(torchvision.models, name)(**settings).eval()
        run = trace(network, torch.empty(1, 3, 224, 224), backward=backward)
    assert round(run.macs / 1e9, 6) == macs
    whole = profile(run)[0]
    assert whole.path == ""
    assert whole.total.parameters == parameters
    assert whole.total.macs == run.macs


@pytest.mark.slow
def test_published_figures_with_data() -> None:
    network, x = torchvision.models.vit_b_16().eval(), torch.randn(1, 3, 224, 224)
    for backward in (False, True):
        assert round(trace(network, x, backward=backward).macs / 1e9, 6) == PUBLISHED["vit_b_16"][0]


a, b, c = torch.randn(2, 3, 4), torch.randn(2, 4, 5), torch.randn(5, 6)
picture, sound = torch.randn(2, 4, 9, 9), torch.randn(2, 4, 9)
COUNTED: dict[str, tuple[Callable[..., Any], tuple[torch.Tensor, ...]]] = {
    "einsum": (lambda a, b: torch.einsum("bij,bjk->bik", a, b), (a, b)),
    "einsum, implicit": (lambda a, b: torch.einsum("bij, bjk", a, b), (a, b)),
    "einsum, ellipsis": (lambda a, b: torch.einsum("...ij,...jk->...ik", a, b), (a, b)),
    "einsum, ellipsis of one": (lambda a, c: torch.einsum("...j,jk->...k", a, c), (torch.randn(2, 3, 5), c)),
    "einsum, lists": (lambda a, b: torch.einsum(a, [0, 1, 2], b, [0, 2, 3], [0, 1, 3]), (a, b)),
    "einsum, lists, ellipsis": (lambda a, b: torch.einsum(a, [..., 1, 2], b, [..., 2, 3]), (a, b)),
    "einsum, an axis summed before": (lambda a, b: torch.einsum("bij,bjk->ik", a, b), (a, b)),
    "matmul": (lambda b, c: b @ c, (b, c)),
    "matmul, broadcast": (torch.matmul, (torch.randn(3, 1, 2, 4), torch.randn(5, 4, 6))),
    "baddbmm": (torch.baddbmm, (torch.randn(2, 3, 5), a, b)),
    "addmm": (torch.addmm, (torch.randn(4, 6), b[0], c)),
    "linear by name": (lambda x, w: F.linear(weight=w, input=x), (torch.randn(7, 3), torch.randn(2, 3))),
    "tensordot": (lambda a, b: torch.tensordot(a, b, ([0, 2], [0, 1])), (a, b)),  # type: ignore[arg-type]
    "inner": (torch.inner, (torch.randn(3, 4), torch.randn(5, 4))),
    "multi_dot": (lambda *parts: torch.linalg.multi_dot(parts), (a[0], b[0], c, torch.randn(6, 2))),
    "conv1d": (lambda x, w: F.conv1d(x, w, stride=2, padding=1), (sound, torch.randn(6, 4, 3))),
    "conv2d, groups": (lambda x, w: F.conv2d(x, w, groups=2, dilation=2), (picture, torch.randn(6, 2, 3, 3))),
    "conv2d, depthwise by name": (
        lambda x, w: F.conv2d(weight=w, input=x, groups=4, padding="same"), (picture, torch.randn(4, 1, 3, 3)),
    ),
    "convolution": (
        lambda x, w: torch.convolution(x, w, None, (1, 1), (0, 0), (1, 1), False, (0, 0), 1),
        (picture, torch.randn(6, 4, 3, 3)),
    ),
    "conv_transpose2d, groups": (
        lambda x, w: F.conv_transpose2d(x, w, stride=2, groups=2), (picture, torch.randn(4, 3, 3, 3)),
    ),
    "cell": (nn.LSTMCell(3, 4), (torch.randn(2, 3),)),
}  # fmt: skip


@pytest.mark.parametrize("case", COUNTED)
def test_pytorchs_counter_agrees(case: str) -> None:
    function, inputs = COUNTED[case]
    module = function if isinstance(function, nn.Module) else Call(function)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*inputs)
    assert trace(module, *inputs).macs == counter.get_total_flops() // 2 > 0


def test_three_operands_are_contracted_in_pairs() -> None:
    inputs = torch.randn(2, 3), torch.randn(3, 4), torch.randn(4, 5)
    run = trace(Call(lambda *parts: torch.einsum("ij,jk,kl->il", *parts)), *inputs)
    assert run.macs == 2 * 3 * 4 + 2 * 4 * 5


def test_by_hand() -> None:
    assert trace(Call(lambda a, x: a @ x), a, torch.randn(4)).macs == 2 * 3 * 4
    assert trace(Call(lambda a, c: torch.einsum("...j,ik->...ijk", a, c)), a, c).macs == 0  # nothing is summed
    query, key = torch.randn(2, 4, 5, 6), torch.randn(2, 4, 7, 6)
    run = trace(Call(lambda q, k: F.scaled_dot_product_attention(q, value=k, key=k)), query, key)
    assert run.macs == 2 * 4 * 5 * 7 * 6 * 2
    lstm = nn.LSTM(3, 4, 2, bidirectional=True)
    weights = sum(p.numel() for name, p in lstm.named_parameters() if name.startswith("weight"))
    assert trace(lstm, torch.randn(5, 2, 3)).macs == 5 * 2 * weights
    packed = nn.utils.rnn.pack_padded_sequence(torch.randn(5, 3, 3), torch.tensor([5, 3, 1]))
    assert trace(lstm, packed).macs == 9 * weights
    attention = nn.MultiheadAttention(8, 2, kdim=3, vdim=5, add_zero_attn=True)
    x, k, v = torch.randn(4, 2, 8), torch.randn(6, 2, 3), torch.randn(6, 2, 5)
    projected = 2 * 8 * (4 * 8 + 6 * 3 + 6 * 5 + 4 * 8)
    run = trace(attention, x, k, v)
    assert run[":multi_head_attention_forward"].macs == projected + 2 * 2 * 4 * 7 * 8
    inside = run.rebuild(":multi_head_attention_forward")
    assert inside.macs == projected + 2 * 2 * 4 * 7 * 8  # the same, op by op
    assert trace(nn.Sequential(nn.ReLU(), nn.BatchNorm1d(3), nn.Softmax(1)), torch.randn(4, 3)).macs == 0


def test_what_is_rebuilt_costs_what_the_fused_op_costs() -> None:
    for module in (nn.GRU(3, 4, 2), nn.LSTM(3, 4, proj_size=2), nn.RNN(3, 4, bidirectional=True)):
        run = trace(module.double(), torch.randn(5, 2, 3).double())
        op = next(op for op in run.ops if op.macs)
        assert run.rebuild(op).macs == op.macs


def test_bytes_moved() -> None:
    def forward(x: torch.Tensor, table: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        flat = x.reshape(6)  # a view
        turned = x.t().reshape(6)  # a view, then a copy
        rows = F.embedding(places, table)
        flat = torch.relu(flat + turned)
        return rows + flat[:2] + flat[[0, 1]] + torch.add(flat, flat)[2:4]

    run = trace(Call(forward), torch.randn(2, 3), torch.randn(100, 2), torch.tensor([4, 9]))
    moved = [(op.name, bytes_moved(op)) for op in run.ops]
    assert moved == [
        ("reshape", 0), ("t", 0), ("reshape", 48), ("embedding", 16 + 16 + 16), ("add", 72), ("relu", 48),
        ("getitem", 0), ("add", 16 + 16 + 8), ("getitem", 8 + 24), ("add", 16 + 16 + 8), ("add", 48), ("getitem", 0),
        ("add", 16 + 16 + 8),
    ]  # fmt: skip


def test_profile_by_module() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
            self.twice = nn.Linear(4, 4)
            self.scale = nn.Parameter(torch.ones(4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.twice(self.twice(self.stem(x))) @ self.scale

    run = trace(Net(), torch.randn(2, 3))
    rows = {row.path: row for row in profile(run)}
    assert list(rows) == ["", "stem", "stem.0", "stem.1", "twice"]
    assert [row.calls for row in rows.values()] == [1, 1, 1, 1, 2]
    assert [row.total.parameters for row in rows.values()] == [16 + 20 + 4, 16, 16, 0, 20]
    assert [row.own.parameters for row in rows.values()] == [4, 0, 16, 0, 20]
    assert [row.total.macs for row in rows.values()] == [24 + 2 * 32 + 8, 24, 24, 0, 64]
    assert rows[""].own.macs == 8
    assert [row.total.ops for row in rows.values()] == [5, 2, 1, 1, 2]
    assert rows["stem.1"].own.bytes == 2 * 32
    assert rows["stem"].total.made == 64
    assert rows[""].share == 1
    assert math.isclose(sum(row.own.seconds for row in rows.values()), sum(op.seconds for op in run.ops))
    assert math.isclose(sum(row.own.bytes for row in rows.values()), rows[""].total.bytes)
