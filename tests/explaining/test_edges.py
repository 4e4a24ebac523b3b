"""Shares of the score along each edge, against explicit loops over channels."""

import random

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from glasswork.explaining import NoGradient, NoRule, channel_parts, edges, slopes
from glasswork.tracing import Trace, trace


def some(tensor: torch.Tensor | None) -> torch.Tensor:
    """The tensor, which is there."""
    assert tensor is not None
    return tensor


class Small(nn.Module):
    def __init__(self, conv: nn.Conv2d, side: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.conv = conv
        self.relu = nn.ReLU()
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout)
        with torch.no_grad():
            features = self.flatten(conv(torch.zeros(1, conv.in_channels, side, side))).shape[1]
        self.output = nn.Linear(features, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.output(self.dropout(self.flatten(self.relu(self.conv(x)))))


def some_network(seed: int, batch: int = 1) -> tuple[Small, Trace, torch.Tensor]:
    chance = random.Random(seed)
    torch.manual_seed(seed)
    groups = chance.choice([1, 1, 2])
    padding = chance.choice([0, 1, 2, "same"])
    conv = nn.Conv2d(
        2 * groups, 3 * groups, chance.choice([2, 3]), stride=1 if padding == "same" else chance.randint(1, 2),
        padding=padding, dilation=chance.randint(1, 2), groups=groups,
    )  # fmt: skip
    network = Small(conv, 8).eval()
    x = torch.randn(batch, conv.in_channels, 8, 8)
    return network, trace(network, x, loss=lambda z: z[:, 1].sum(), backward=True), x


def one_channel(conv: nn.Conv2d, x: torch.Tensor, o: int, i: int) -> torch.Tensor:
    """What input channel i alone gives to output channel o."""
    alone = torch.zeros_like(x)
    alone[:, i] = x[:, i]
    weight = conv.weight.detach().double()
    y = F.conv2d(alone, weight, None, conv.stride, conv.padding, conv.dilation, conv.groups)
    return y[:, o]


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("seed", range(12))
def test_edges_and_slopes_of_convolutions(seed: int) -> None:
    network, run, x = some_network(seed, batch=1 + seed % 2)
    conv, g = network.conv, some(run["conv"].grad).double()
    share, slope = edges(run, "conv"), slopes(run, "conv")
    assert share.shape == slope.shape == (conv.out_channels, conv.in_channels)
    for o in range(conv.out_channels):
        for i in range(conv.in_channels):
            assert share[o, i].item() == pytest.approx((one_channel(conv, x.double(), o, i) * g[:, o]).sum().item())
            leaf = torch.ones_like(x, dtype=torch.float64, requires_grad=True)
            (one_channel(conv, leaf, o, i) * g[:, o]).sum().backward()
            assert slope[o, i].item() == pytest.approx(some(leaf.grad)[:, i].sum().item())
    # all shares and the biases' are the whole of sum(output * slope); all slopes the input's whole gradient
    bias = (some(conv.bias).detach().double() * g.sum((0, 2, 3))).sum()
    assert (share.sum() + bias).item() == pytest.approx((run["conv"].output.tensor.double() * g).sum().item())
    assert slope.sum().item() == pytest.approx(some(run.value("input").grad).double().sum().item(), rel=1e-4, abs=1e-5)


def test_edges_of_a_linear_layer_behind_flattened_maps() -> None:
    network, run, _ = some_network(3)
    maps = run["relu"].output.tensor.double()
    _, channels, height, width = maps.shape
    weight = network.output.weight.detach().double().reshape(3, channels, height, width)
    share, slope = edges(run, "output"), slopes(run, "output")
    assert share.shape == (3, channels)
    assert torch.allclose(share[1], (weight[1] * maps[0]).sum((1, 2)))
    assert torch.allclose(slope[1], weight[1].sum((1, 2)))
    assert not share[0].any()
    assert not slope[2].any()


def test_edges_of_a_plain_linear_layer_are_by_feature() -> None:
    layer = nn.Linear(5, 3)
    x = torch.randn(2, 5)
    run = trace(layer, x, loss=(1, 2), backward=True)
    expected = torch.zeros(3, 5, dtype=torch.float64)
    expected[2] = layer.weight.detach()[2].double() * x[1].double()
    assert torch.allclose(edges(run, ":linear"), expected)


def test_channel_parts_of_a_convolution() -> None:
    conv = nn.Conv2d(6, 4, 3, stride=2, padding=1, groups=2)
    run = trace(conv, torch.randn(1, 6, 7, 7))
    parts = channel_parts(run, 0, (0, 3, 0, 2))
    assert parts.first == 3
    assert parts.windows.shape == parts.kernel.shape == (3, 3, 3)
    assert torch.equal(parts.kernel, conv.weight.detach()[3].double())
    assert parts.positions == ((-1, 0, 1), (3, 4, 5))
    assert not parts.windows[:, 0].any()
    assert parts.bias == some(conv.bias)[3].item()
    assert parts.subtotals.sum().item() + (parts.bias or 0) == pytest.approx(parts.value, rel=1e-5, abs=1e-6)
    assert torch.allclose(parts.subtotals, parts.products.sum((1, 2)))


def test_channel_parts_of_a_linear_layer_behind_a_flatten() -> None:
    _, run, _ = some_network(4)
    parts = channel_parts(run, "output", (0, 2))
    assert parts.source.path == "relu"
    assert parts.windows.shape == run["relu"].output.shape[1:]
    assert torch.equal(parts.windows, run["relu"].output.tensor[0].double())
    assert parts.subtotals.sum().item() + (parts.bias or 0) == pytest.approx(parts.value, rel=1e-5, abs=1e-6)


def test_what_edges_need() -> None:
    run = trace(nn.Sequential(nn.Conv2d(1, 1, 2), nn.ReLU()), torch.randn(1, 1, 3, 3))
    with pytest.raises(NoGradient, match="forward only"):
        edges(run, "0")
    with pytest.raises(NoRule, match="edges of relu"):
        edges(run, "1")
