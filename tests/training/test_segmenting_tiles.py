"""Masks of one micrograph: regions that share nothing, tiles that are its own pixels; and grounds that are made up."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from glasswork import recipes
from glasswork.data import nuclei
from glasswork.errors import GlassworkError
from glasswork.training.grounds import made_ground, region
from glasswork.training.segmenting_tiles import SegmentingTiles, score_tiles
from glasswork.training.task import Draw


def test_regions_share_no_column_and_nothing_beside_it() -> None:
    spans = sorted(nuclei.REGIONS.values())
    assert all(other[0] - one[1] >= 16 for one, other in itertools.pairwise(spans))
    assert spans[-1][1] == 512
    pictures = {split: nuclei.load_nuclei(split)[0] for split in nuclei.REGIONS}
    assert {split: part.shape for split, part in pictures.items()} == {
        split: (512, end - first) for split, (first, end) in nuclei.REGIONS.items()
    }
    with pytest.raises(GlassworkError, match="left"):
        nuclei.load_nuclei("left")


def test_tiles_are_the_pictures_own_pixels_side_by_side() -> None:
    picture, mask = nuclei.load_nuclei("test")
    tiles, masks = nuclei.tiles("test")
    assert tiles.shape == masks.shape == (16, 64, 64)
    assert np.array_equal(tiles[5], picture[128:192, 64:128])  # the third row's second
    assert np.array_equal(masks[5], mask[128:192, 64:128])
    assert set(np.unique(mask)) == {0, 1}
    assert picture[mask == 1].mean() > 1.5 * picture[mask == 0].mean()  # nuclei glow


def test_what_is_learned_from_is_cut_out_of_the_left_with_its_mask() -> None:
    task = recipes.config("unet-nuclei").task()
    assert isinstance(task, SegmentingTiles)
    draw = Draw(3, task.indices(3), slice(None), torch.Generator().manual_seed(5))
    x, mask = task.batch(draw)
    assert x.shape == (16, 1, 64, 64)
    assert 0 <= x.min() <= x.max() <= 1
    part = task.batch(Draw(3, task.indices(3), slice(4, 9), torch.Generator().manual_seed(5)))
    assert torch.equal(x[4:9], part[0])
    inside, outside = (x[:, 0][mask == kind].mean() for kind in (1, 0))
    assert inside > 1.3 * outside  # the mask went with the tile, whichever way that was turned
    assert "left 288 columns" in task.about().split


class Bright(torch.nn.Module):
    """Whatever is bright is a nucleus."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, 1, H, W) -> (B, 2, H, W)."""
        return torch.cat([torch.full_like(x, 0.14), x], 1)


def test_a_score_is_that_of_a_count_over_the_right_region() -> None:
    pictures, masks = nuclei.tiles("test")
    told = pictures / 255 > 0.14
    ious = [
        ((told == kind) & (masks == kind)).sum() / ((told == kind) | (masks == kind)).sum() for kind in (False, True)
    ]
    assert score_tiles(Bright())["iou"] == pytest.approx(float(np.mean(ious)), abs=1e-4)


def test_made_grounds_are_the_same_for_the_same_chance_and_rough_as_nature() -> None:
    clouds = made_ground(64, torch.tensor([0.3, 0.1]))
    assert torch.equal(clouds, made_ground(64, torch.tensor([0.3, 0.1])))
    assert not torch.equal(clouds, made_ground(64, torch.tensor([0.31, 0.1])))
    powers = []
    for seed in torch.linspace(0, 0.99, 40):
        for kind in (0.1, 0.9):
            x = made_ground(64, torch.stack([seed, torch.tensor(kind)]))
            assert x.shape == (3, 64, 64)
            assert 0 <= x.min() <= x.max() <= 1
            size = torch.fft.fft2(x - x.mean((1, 2), keepdim=True)).abs().mean(0)
            low, high = size[1:4, 1:4].mean(), size[12:20, 12:20].mean()
            powers.append((torch.log(low / high) / np.log(16 / 2.5)).item())
    assert 0.7 < float(np.median(powers)) < 2  # amplitudes fall about as 1/f


def test_a_region_is_an_ellipse_a_rectangle_or_a_half() -> None:
    middle = [0.5, 0.5, 0.0, 0.35, 0.35]
    line = (torch.arange(64) - 31.5) / 31.5
    inside = region(64, torch.tensor([*middle, 0.1]))
    assert torch.equal(inside, line[None] ** 2 + line[:, None] ** 2 < 0.25)
    box = region(64, torch.tensor([*middle, 0.5]))
    assert torch.equal(box, (line.abs()[None] < 0.5) & (line.abs()[:, None] < 0.5))
    assert region(64, torch.tensor([*middle, 0.9])).float().mean() == 0.5
