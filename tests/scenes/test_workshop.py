"""The workshop of convolutions against torch.nn.functional, autograd, and counts by hand."""

from __future__ import annotations

import json
import random
import struct
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from glasswork import data, zoo
from glasswork.data.photos import NAMES, load_photos, photo
from glasswork.errors import GlassworkError
from glasswork.scenes.messages.workshop import Fill, OpenWorkshop, Operation, OperationOf
from glasswork.scenes.receptive import stacked
from glasswork.scenes.traces import Traces
from glasswork.scenes.workshop import answer, network_of
from glasswork.zoo import Preprocessing

Answered = tuple[Any, dict[str, Tensor]]


@pytest.fixture(scope="module")
def ask() -> Callable[..., Answered]:
    held: dict[str, zoo.Network] = {}

    def load(name: str) -> zoo.Network:
        if name.startswith("workshop:"):
            return network_of(name)
        if name not in held:
            held[name] = zoo.load(name)
        return held[name]

    traces = Traces(None, load)

    def asked(operation: OperationOf, **given: Any) -> Answered:
        request = OpenWorkshop(request=1, operation=operation, **given)
        (frame,) = answer(request, traces, load, lambda _: b"", threading.Event())
        assert isinstance(frame, bytes)
        length = struct.unpack("<I", frame[:4])[0]
        told = json.loads(frame[4 : 4 + length], object_hook=lambda one: SimpleNamespace(**one))
        offset, arrays = 4 + length, {}
        for entry in told.arrays:
            values = np.frombuffer(frame, entry.dtype, int(np.prod(entry.shape)), offset).reshape(entry.shape)
            offset += -(-values.nbytes // 8) * 8
            arrays[entry.ref.partition("#")[2].partition("@")[0]] = torch.from_numpy(values.copy())
        return told, arrays

    return asked


def picture(name: str, side: int, channels: int) -> Tensor:
    return Preprocessing(side, channels)(photo(name).pixels).inputs[0]


def drawn(chance: random.Random) -> tuple[OperationOf, int, bool]:
    """Settings at random, as a reader may choose them; many do not fit."""
    do: Operation = chance.choice(["conv", "conv", "transposed", "max", "average", "global"])
    size, colour, side = chance.randint(1, 7), chance.random() < 0.5, chance.randint(4, 20)
    planes = 3 if colour and chance.random() < 0.5 else 1
    kernel = "|".join(",".join(f"{chance.gauss(0, 1):.4g}" for _ in range(size**2)) for _ in range(planes))
    fill: Fill = chance.choice(["zeros", "zeros", "reflect", "circular"]) if do != "transposed" else "zeros"
    how = OperationOf(
        do=do,
        kernel=kernel,
        size=size,
        stride=chance.randint(1, 5),
        padding=chance.randint(0, 4),
        fill=fill,
        dilation=chance.randint(1, 3) if do != "average" else 1,
        groups=chance.choice([1, 3]) if colour else 1,
        bias=chance.choice([None, 0.25]),
    )
    return how, side, colour


def expected(how: OperationOf, x: Tensor, weight: Tensor | None) -> Tensor:
    """The same by torch.nn.functional, written down a second time."""
    if how.do == "global":
        return x.mean((2, 3), keepdim=True)
    padding = how.padding
    if how.fill != "zeros" and padding:
        x, padding = F.pad(x, (padding,) * 4, mode=how.fill), 0
    if how.do == "max":
        return F.max_pool2d(x, how.size, how.stride, padding, how.dilation)
    if how.do == "average":
        return F.avg_pool2d(x, how.size, how.stride, padding)
    assert weight is not None
    bias = torch.full((how.groups,), how.bias or 0.0)
    if how.do == "transposed":
        return F.conv_transpose2d(x, weight, bias, how.stride, padding, 0, how.groups, how.dilation)
    return F.conv2d(x, weight, bias, how.stride, padding, how.dilation, how.groups)


def weight_by_hand(how: OperationOf, channels: int) -> Tensor:
    planes = [torch.tensor([float(one) for one in part.split(",")]) for part in how.kernel.split("|")]
    every = torch.stack([planes[c % len(planes)].view(how.size, how.size) for c in range(channels)])
    return every[:, None] if how.do == "transposed" else every.view(how.groups, -1, how.size, how.size)


@pytest.mark.parametrize("many", [200, pytest.param(1_000, marks=pytest.mark.slow)])
def test_many_random_settings_give_what_torch_gives(ask: Callable[..., Answered], many: int) -> None:
    chance = random.Random(10)
    done: dict[str, int] = {}
    while sum(done.values()) < many:
        how, side, colour = drawn(chance)
        channels = 3 if colour else 1
        x = picture("coffee", side, channels)
        weight = weight_by_hand(how, channels) if how.do in ("conv", "transposed") else None
        try:
            wanted = expected(how, x, weight)
        except RuntimeError:  # torch can't either
            with pytest.raises(GlassworkError) as caught:
                ask(how, input="photo:coffee", side=side, colour=colour)
            assert caught.value.why
            assert caught.value.todo
            continue
        told, arrays = ask(how, input="photo:coffee", side=side, colour=colour)
        output = arrays[told.path]
        assert output.shape == wanted.shape == (1, *told.out), how
        assert torch.allclose(output, wanted, atol=1e-5, rtol=1e-5), how
        scope = {"F": F, "x": x}
        exec(told.python, scope)  # the line that the page offers to copy
        assert torch.allclose(scope["y"], wanted, atol=1e-5, rtol=1e-5), told.python
        done[how.do] = done.get(how.do, 0) + 1
        if how.do not in ("global", "transposed") and how.dilation * (how.size - 1) + 1 >= how.stride:
            assert told.left == unread_at_the_edge(how, side), how
    assert min(done.values()) >= many * 0.08, done


def unread_at_the_edge(how: OperationOf, side: int) -> int:
    """How many of the last rows of the padded picture have no slope, where windows leave no gaps between them."""
    padded = torch.zeros(1, 1, side + 2 * how.padding, side + 2 * how.padding, requires_grad=True)
    F.conv2d(padded, torch.ones(1, 1, how.size, how.size), stride=how.stride, dilation=how.dilation).sum().backward()
    assert padded.grad is not None
    read = padded.grad[0, 0].sum(1).nonzero().flatten()
    return padded.shape[2] - 1 - int(read[-1])


def test_macs_are_those_that_torch_counts(ask: Callable[..., Answered]) -> None:
    for how in (OperationOf(stride=2), OperationOf(do="transposed", kernel="blur", stride=3), OperationOf(groups=3)):
        told, arrays = ask(how, colour=True)
        weight = arrays["conv.weight"]
        with FlopCounterMode(display=False) as counter:
            expected(how, arrays["input"], weight)
        assert told.macs == counter.get_total_flops() // 2
        assert told.numbers == weight.numel() + how.groups


def test_a_trained_kernel_is_the_networks_own(ask: Callable[..., Answered]) -> None:
    layer = next(part for part in zoo.load("tiny-vgg-emoji").module.modules() if isinstance(part, nn.Conv2d))
    told, arrays = ask(OperationOf(kernel="tiny-vgg-emoji/3", padding=0), colour=True)
    assert torch.equal(arrays["conv.weight"][0], layer.weight[3])
    own = F.conv2d(arrays["input"], layer.weight, layer.bias)[:, 3:4]
    assert torch.allclose(arrays["conv"], own, atol=1e-6)
    assert sum(one.fits for one in told.kernels if one.title) == len(layer.weight)


def test_named_kernels_do_what_they_are_called(ask: Callable[..., Answered]) -> None:
    def made(kernel: str, size: int = 3) -> tuple[Tensor, Tensor]:
        _, arrays = ask(OperationOf(kernel=kernel, size=size, padding=size // 2, fill="reflect"), side=32)
        return arrays["pad"][:, :, size // 2 : -(size // 2), size // 2 : -(size // 2)], arrays["conv"]

    x, same = made("identity", 5)
    assert torch.allclose(x, same)
    assert made("blur", 5)[1].std() < made("blur")[1].std() < x.std() < made("sharpen")[1].std()
    for flat in ("edges", "upright", "level"):
        told, _ = ask(OperationOf(kernel=flat))
        assert sum(told.planes[0]) == 0
    upright, level = (
        torch.tensor(ask(OperationOf(kernel=one))[0].planes[0]).view(3, 3) for one in ("upright", "level")
    )
    assert torch.equal(upright, level.T)


UNFIT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the size can't be 0": ({"size": 0}, {}),
    "the stride can't be 0": ({"stride": 0}, {}),
    "the padding can't be -1": ({"padding": -1}, {}),
    "the groups can't be 2": ({"groups": 2}, {"colour": True}),
    "larger than the padded picture": ({"size": 9, "kernel": "blur", "dilation": 4}, {}),
    "this is no kernel": ({"kernel": "1,2,3"}, {}),
    "this is no kernel.*none larger": ({"kernel": "1,2,3,4,nan,6,7,8,9"}, {}),
    "no kernel called 'blurr'": ({"kernel": "blurr"}, {}),
    "no network with kernels": ({"kernel": "../../etc/0"}, {}),
    "has no such kernel": ({"kernel": "tiny-vgg-emoji/99"}, {"colour": True}),
    "reads 3 colours": ({"kernel": "tiny-vgg-emoji/1"}, {}),
    "sharpen needs more room": ({"kernel": "sharpen", "size": 2}, {}),
    "it has 2 planes": ({"kernel": "1|2", "size": 1}, {"colour": True}),
    "can't be reflect": ({"do": "transposed", "fill": "reflect"}, {}),
    "half of the window": ({"do": "max", "size": 2, "padding": 2}, {}),
    "no dilation": ({"do": "average", "dilation": 2}, {}),
    "no such size": ({"do": "transposed", "padding": 20, "kernel": "blur"}, {"side": 8}),
    "of which 7 can be taken": ({"fill": "reflect", "padding": 8}, {"side": 8}),
    "the side can't be 4000": ({}, {"side": 4000}),
    "no photo called": ({}, {"input": "photo:../secret"}),
    "names no picture": ({}, {"input": "/etc/passwd"}),
    "is no layer": ({}, {"stack": "c3,rm -rf"}),
    "nowhere to stand": ({}, {"stack": "c3,m40"}),
    "too high": ({}, {"stack": ",".join(["c1"] * 17)}),
}


@pytest.mark.parametrize("said", UNFIT)
def test_what_does_not_fit_says_so(said: str, ask: Callable[..., Answered]) -> None:
    operation, given = UNFIT[said]
    with pytest.raises(GlassworkError, match=said) as caught:
        ask(OperationOf(**operation), **given)
    assert caught.value.where or caught.value.todo


def test_a_stride_beyond_the_picture_leaves_one_place(ask: Callable[..., Answered]) -> None:
    told, _ = ask(OperationOf(stride=99, padding=0), side=8)
    assert told.out == [1, 1, 1]
    assert told.left == 5


@pytest.mark.parametrize(
    "target", ["workshop:", "workshop:{}", 'workshop:{"operation":{"size":-3},"planes":[],"channels":1}']
)
def test_a_target_that_is_no_operation_is_refused(target: str) -> None:
    with pytest.raises(GlassworkError):
        network_of(target)


def test_receptive_fields_and_costs_are_those_of_real_layers() -> None:
    chance = random.Random(3)
    for _ in range(40):
        words, layers, channels, side = [], [], 3, 60
        for _ in range(chance.randint(1, 5)):
            size, stride, padding = chance.randint(1, 4), chance.randint(1, 2), chance.randint(0, 1)
            if chance.random() < 0.7:
                width, dilation = chance.randint(1, 5), chance.randint(1, 2)
                words.append(f"c{size}x{width}s{stride}p{padding}d{dilation}")
                layers.append(nn.Conv2d(channels, width, size, stride, padding, dilation))
                channels = width
            else:
                words.append(f"a{size}s{stride}p{padding if size > 1 else 0}")
                layers.append(nn.AvgPool2d(size, stride, padding if size > 1 else 0))
        found = stacked(",".join(words), side, 3)
        x = torch.ones(1, 3, side, side, requires_grad=True)
        y: Tensor = x
        for layer, told in zip(layers, found, strict=True):
            for parameter in layer.parameters():
                nn.init.ones_(parameter)  # so that nothing cancels
            read = y
            with FlopCounterMode(display=False) as counter:
                y = layer(read)
            assert y.shape[1:] == (told.channels, told.side, told.side)
            assert told.macs == counter.get_total_flops() // 2
            assert told.numbers == sum(parameter.numel() for parameter in layer.parameters())
            middle = told.side // 2
            (slopes,) = torch.autograd.grad(y[0, 0, middle, middle], x, retain_graph=True)
            seen = slopes[0].sum((0, 1)).nonzero().flatten()
            last = told.first + told.field - 1
            assert int(seen[0]) == max(0, told.first), words
            assert int(seen[-1]) == min(side - 1, last), words


def test_photos_are_of_one_part_each_and_named() -> None:
    every = [name for names in NAMES.values() for name in names]
    assert len(set(every)) == len(every)
    pixels = {one.pixels.tobytes() for split in NAMES for one in load_photos(split)}
    assert len(pixels) == len(every)
    assert all(min(one.pixels.shape[:2]) == 192 for split in NAMES for one in load_photos(split))
    counts = {row.split: row.count for row in data.catalogue() if row.name == "photos"}
    assert counts == {split: len(load_photos(split)) for split in NAMES}
