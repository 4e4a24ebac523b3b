"""What is drawn of a tensor, held to plain indexing and to autograd."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from glasswork.scenes.pictured import axes_around, axes_of, drawn, placed, sampled, size_of, whole
from glasswork.tracing import trace


@pytest.mark.parametrize(
    ("shape", "places", "sizes"),
    [
        ((1, 8, 30, 40), [0, -1, -2, -3], (8, 30, 40)),
        ((2, 8, 5, 30, 40), [0, -1, 2, -2, -3], (8, 30, 40)),
        ((1, 12, 64), [0, -2, -3], (1, 12, 64)),
        ((1, 64), [0, -2], (1, 64, 1)),
        ((64,), [-2], (1, 64, 1)),
        ((1, 64, 1, 1), [0, -2, 0, 0], (1, 64, 1)),
        ((1, 1, 64), [0, 0, -2], (1, 64, 1)),
        ((), [], (1, 1, 1)),
    ],
)
def test_the_axes_say_what_a_tensor_is_drawn_as(
    shape: tuple[int, ...], places: list[int], sizes: tuple[int, int, int]
) -> None:
    axes = axes_of(shape)
    assert axes is not None
    assert axes.places == places
    assert (axes.channels, axes.rows, axes.columns) == sizes


def test_what_holds_no_number_is_not_drawn() -> None:
    assert axes_of((1, 0, 4)) is None


def test_samples_are_the_tensors_own_numbers() -> None:
    tensor = torch.randn(2, 5, 3, 130, 57)
    axes = axes_of(tuple(tensor.shape))
    assert axes is not None
    assert (axes.row_step, axes.column_step) == (3, 2)
    assert torch.equal(sampled(tensor, axes, [4, 1]), tensor[0, [4, 1], 1, ::3, ::2])
    matrix = torch.randn(1, 60, 20)
    axes = axes_of((1, 60, 20))
    assert axes is not None
    assert torch.equal(sampled(matrix, axes, [0]), matrix[:, ::2])


def test_the_picture_around_a_number_holds_it() -> None:
    tensor = torch.randn(3, 5, 300, 40)
    index = (2, 4, 122, 7)
    axes = axes_around((3, 5, 300, 40), index)
    assert axes is not None
    channel, row, column = placed(axes, index)
    picture = whole(tensor, axes, channel)
    assert picture.shape == (150, 40)
    assert picture[row // axes.row_step, column // axes.column_step] == tensor[index]


def test_channels_weigh_what_activation_times_slope_says() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(2, 9, 3), nn.Flatten(), nn.Linear(9 * 16, 3))
    x = torch.rand(1, 2, 6, 6)
    made = trace(module, x, loss=(0, 1), backward=True)
    maps = module[0](x)
    (slope,) = torch.autograd.grad(module[2](maps.flatten(1))[0, 1], maps)
    wanted = (maps * slope)[0].sum((1, 2))
    found = drawn(made["0"].output)
    assert found is not None
    torch.testing.assert_close(found.weights, wanted)
    assert found.channels == wanted.abs().argsort(descending=True)[:6].tolist()


def test_without_slopes_channels_weigh_their_size_and_rows_the_sum_of_theirs() -> None:
    module = nn.Conv2d(2, 9, 3)
    x = torch.rand(1, 2, 6, 6)
    found = drawn(trace(module, x)[-1].output)
    assert found is not None
    torch.testing.assert_close(found.weights, module(x)[0].abs().mean((1, 2)))
    rows = drawn(trace(nn.Linear(4, 5), torch.rand(1, 7, 4)).inputs["input"])
    assert rows is not None
    assert rows.weights.shape == (7,)


def test_the_size_of_a_tensor_ignores_what_is_not_finite() -> None:
    assert size_of(torch.tensor([1.0, -3.0, float("nan"), float("inf")])) == 3
    assert size_of(torch.zeros(0)) == 0
