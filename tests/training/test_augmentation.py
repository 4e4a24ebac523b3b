"""Variations stay pictures, depend on the generator alone, and do what their names say."""

import numpy as np
import pytest
import torch

from glasswork.training import Augmentation, Draw
from glasswork.training.augmentation import augment, on_white

KINDS = ["flip", "rotate", "scale", "stretch", "shear", "shift", "colour", "stroke"]


def draw(count: int = 8, seed: int = 0, part: slice = slice(None)) -> Draw:
    return Draw(0, np.arange(count), part, torch.Generator().manual_seed(seed))


def pictures(channels: int) -> torch.Tensor:
    x = torch.rand(8, channels, 20, 20, generator=draw(seed=9).random)
    if channels == 4:
        x[:, :3] *= x[:, 3:]
    return x


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_each_kind_changes_pictures_and_keeps_them_pictures(kind: str, channels: int) -> None:
    x = pictures(channels)
    amount = 20.0 if kind == "rotate" else 0.3
    varied = augment(x, Augmentation(**{kind: amount}), draw())
    assert varied.shape == x.shape
    assert varied.min() >= 0
    assert varied.max() <= 1 + 1e-6
    assert not torch.equal(varied, x)
    if channels == 4:
        assert (varied[:, :3] <= varied[:, 3:] + 1e-6).all()
    assert torch.equal(varied, augment(x, Augmentation(**{kind: amount}), draw()))
    assert not torch.equal(varied, augment(x, Augmentation(**{kind: amount}), draw(seed=1)))


def test_none_changes_nothing() -> None:
    assert torch.equal(augment(pictures(3), Augmentation(), draw()), pictures(3))


def test_a_certain_flip_is_the_mirror_image() -> None:
    varied = augment(pictures(3), Augmentation(flip=1.0), draw())
    torch.testing.assert_close(varied, pictures(3).flip(-1), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_of_a_batch_is_varied_as_in_the_whole(kind: str) -> None:
    how = Augmentation(**{kind: 20.0 if kind == "rotate" else 0.3})
    whole = augment(pictures(4), how, draw())
    parts = [augment(pictures(4)[part], how, draw(part=part)) for part in (slice(0, 3), slice(3, 8))]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=1e-6)


def test_global_random_state_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    augment(pictures(3), Augmentation(**dict.fromkeys(KINDS, 0.3)), draw())
    assert torch.equal(before, torch.random.get_rng_state())


def test_strokes_get_wider_and_narrower_but_never_vanish() -> None:
    x = torch.zeros(400, 1, 9, 9)
    x[:, :, :, 4] = 1
    ink = augment(x, Augmentation(stroke=0.5), draw(400)).sum((1, 2, 3))
    assert ink.max() > 20
    assert ink.min() < 6
    assert ink.min() > 2


def test_on_white_composites_premultiplied_colour() -> None:
    x = torch.tensor([0.2, 0.0, 0.1, 0.25]).view(1, 4, 1, 1)
    torch.testing.assert_close(on_white(x).flatten(), torch.tensor([0.95, 0.75, 0.85]))
