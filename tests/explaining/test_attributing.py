"""Why: each method against its definition, computed with plain torch; sums against what the network says."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import data, tracing, zoo
from glasswork.errors import GlassworkError
from glasswork.explaining import NoGradient
from glasswork.explaining.attributing import (
    Call,
    ascend,
    call_of,
    covers,
    grad_cam,
    integrated_gradients,
    occlusion,
    output_of,
    responses,
)
from glasswork.explaining.attributing.integrated_gradients import integrate

NETWORKS = ("alexnet-slim", "resnet-slim")


def seen(name: str) -> tuple[zoo.Network, Tensor, int]:
    """A network, a held-out picture, and the class that it is told to be."""
    network = zoo.load(name)
    assert network.preprocess is not None
    x = network.preprocess(data.sample(network.samples[0]).picture).inputs[0]
    return network, x, int(network.module(x).argmax())


@pytest.mark.parametrize(("name", "layer"), [("tiny-vgg-emoji", "block2.conv2"), ("resnet-slim", "layer2.1.relu2")])
def test_grad_cam_is_that_of_hooks_and_autograd(name: str, layer: str) -> None:
    network, x, score = seen(name)
    trace = tracing.trace(network.module, x, loss=(0, score), backward=True)
    found = grad_cam(trace, layer)
    kept: list[Tensor] = []
    part = dict(network.module.named_modules())[layer]

    def keep(module: nn.Module, given: object, made: Tensor) -> None:
        kept.append(made)

    handle = part.register_forward_hook(keep)
    logits = network.module(x)
    handle.remove()
    (slopes,) = torch.autograd.grad(logits[0, score], kept[0])
    wanted = F.relu((slopes.mean((2, 3), keepdim=True) * kept[0]).sum(1))[0]
    assert torch.allclose(found.heat.float(), wanted, atol=1e-6, rtol=1e-4)
    assert torch.allclose(found.parts.sum(0), found.total)


def test_grad_cam_says_what_it_needs() -> None:
    network, x, score = seen("tiny-vgg-emoji")
    trace = tracing.trace(network.module, x, loss=(0, score), backward=True)
    with pytest.raises(GlassworkError, match="no maps"):
        grad_cam(trace, "output")
    with pytest.raises(NoGradient):
        grad_cam(tracing.trace(network.module, x), "block2.conv2")


@pytest.mark.parametrize("name", NETWORKS)
def test_integrated_gradients_add_up_and_come_near_the_plain_integral(name: str) -> None:
    network, x, score = seen(name)
    nothing = torch.full_like(x, 0.5)
    with torch.no_grad():
        difference = (network.module(x) - network.module(nothing))[0, score].item()
    *_, found = integrated_gradients(network.module, x, score, nothing)
    assert abs(found.given.sum().item() - difference) <= 0.01 * abs(difference)
    steps, slopes = 300, torch.zeros_like(x)
    for first in range(0, steps, 100):
        at = (torch.arange(first, first + 100) + 0.5) / steps
        path = (nothing + at.view(-1, 1, 1, 1) * (x - nothing)).requires_grad_()
        slopes += torch.autograd.grad(network.module(path)[:, score].sum(), path)[0].sum(0, keepdim=True)
    plain = (slopes / steps * (x - nothing))[0].double()
    fine = integrate(network.module, x, score, nothing, 32)
    assert fine is not None
    near = fine.given
    assert list(integrated_gradients(network.module, x, score, nothing, stop=lambda: True)) == []
    assert torch.corrcoef(torch.stack([near.flatten(), plain.flatten()]))[0, 1] > 0.995
    assert (near - plain).abs().max() < 0.1 * plain.abs().max()


class Curved(nn.Module):
    """Functions without corners, in place and not, and one that is no function of a single number."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.one, self.two, self.last = nn.Conv2d(2, 6, 3), nn.Conv2d(6, 6, 3), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = F.gelu(self.one(x)).tanh()
        x = torch.relu_(self.two(x)) * x[:, :, 1:-1, 1:-1].sigmoid()
        return self.last(F.hardtanh(x.mean((2, 3)), -0.2, 0.3))


def test_integrated_gradients_of_products_get_right_with_more_segments() -> None:
    net, x = Curved().eval(), torch.randn(1, 2, 9, 9, generator=torch.Generator().manual_seed(0))
    coarse, fine = (integrate(net, x, 2, torch.zeros_like(x), segments) for segments in (1, 64))
    assert coarse is not None
    assert fine is not None
    assert fine.gap < coarse.gap / 4  # slopes of a product are taken at the end of a segment: it is no sum


def test_occlusion_is_what_the_network_says_of_covered_pictures() -> None:
    network, x, score = seen("tiny-vgg-emoji")
    fill = torch.full_like(x, 0.5)
    passes = list(occlusion(network.module, x, score, fill, (4, 13)))
    assert [tuple(one.scores.shape) for one in passes] == [(4, 4), (13, 13)]
    for one in passes:
        touched = torch.zeros(x.shape[-2:], dtype=torch.bool)
        for row, column in ((0, 0), (one.squares.rows // 2, 1), (one.squares.rows - 1, one.squares.columns - 1)):
            cell = one.squares.cell
            top, left = max(0, row * cell - one.squares.margin), max(0, column * cell - one.squares.margin)
            bottom, right = (row + 1) * cell + one.squares.margin, (column + 1) * cell + one.squares.margin
            covered = x.clone()
            covered[:, :, top:bottom, left:right] = 0.5
            wanted = (network.module(x) - network.module(covered))[0, score].item()
            assert one.lost[row, column].item() == pytest.approx(wanted, abs=1e-4)
        for row in range(one.squares.rows):
            for column in range(one.squares.columns):
                touched[one.squares.of(row, column)] = True
        assert touched.all()
    stopped = occlusion(network.module, x, score, fill, stop=lambda: True)
    assert list(stopped) == []


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (28, 28), (224, 224), (31, 17)])
def test_squares_cover_any_picture(size: tuple[int, int]) -> None:
    for grid in (1, 4, 7, 14):
        squares = covers(*size, grid)
        last = squares.of(squares.rows - 1, squares.columns - 1)
        assert last[0].stop >= size[0]
        assert last[1].stop >= size[1]
        assert last[0].start < size[0]
        assert last[1].start < size[1]


class Twice(nn.Module):
    """Calls one module twice, and does something of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(1, 1, 1), nn.ReLU()
        self.never = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv(self.act(self.conv(x)))) + 1


def test_the_output_of_each_call_is_had_and_nothing_after_it_runs() -> None:
    net, x = Twice().eval(), torch.randn(2, 1, 4, 4)
    first = net.act(net.conv(x))
    assert torch.equal(output_of(net, x, Call("act", 1)), first)
    assert torch.equal(output_of(net, x, Call("act", 2)), net.act(net.conv(first)))
    assert torch.equal(output_of(net, x, Call("")), net(x))
    trace = tracing.trace(net, x[:1])
    assert call_of(trace, trace["act#2"]) == Call("act", 2)
    assert call_of(trace, trace.ops[-1]) is None
    for call, said in ((Call("never"), "called 0 times"), (Call("gone"), "no such layer")):
        with pytest.raises(GlassworkError, match=said):
            output_of(net, x, call)
    assert not net.act._forward_hooks


def test_responses_are_the_largest_of_each_map() -> None:
    network, _, _ = seen("tiny-vgg-emoji")
    pictures = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    found = responses(network.module, pictures, Call("block1.conv1"))
    maps = dict(network.module.named_modules())["block1.conv1"](pictures)
    assert torch.equal(found.values, maps.amax((2, 3)))
    for n in range(3):
        assert maps[n, 4, found.rows[n, 4], found.columns[n, 4]] == found.values[n, 4]
    vectors = responses(network.module, pictures, Call("output"))
    assert torch.allclose(vectors.values, network.module(pictures), atol=1e-5)


def test_an_ascent_climbs_and_is_the_same_each_time() -> None:
    network, _, _ = seen("tiny-vgg-emoji")
    shape = (3, 64, 64)
    for call, channel in ((Call(""), 2), (Call("block2.conv1"), 5)):
        steps = list(ascend(network.module, shape, call, channel, lambda picture: picture, 24))
        again = list(ascend(network.module, shape, call, channel, lambda picture: picture, 24))
        assert len(steps) == 25
        assert torch.equal(steps[-1].picture, again[-1].picture)
        assert steps[-1].picture.min() >= 0
        assert steps[-1].picture.max() <= 1
        with torch.no_grad():
            first, last = (output_of(network.module, one.picture[None], call)[0, channel].mean() for one in steps[::24])
        assert last > first + 0.4


class Shut(nn.Module):
    """Whatever faint noise it is given, its threshold is shut."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.act = nn.Conv2d(1, 2, 3), nn.ReLU6()
        self.conv.weight.data.abs_()
        self.conv.bias = nn.Parameter(torch.full((2,), -0.9))

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv(x))


def test_an_ascent_leaves_where_every_threshold_is_shut() -> None:
    net = Shut().eval()
    steps = list(ascend(net, (1, 16, 16), Call("act"), 1, lambda picture: picture, 64))
    assert steps[0].value == 0
    assert steps[-1].value > 0
