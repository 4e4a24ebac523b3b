"""Masks of one large picture: tiles anywhere in the region to learn from, turned and mirrored, brighter and darker."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from glasswork.data.nuclei import CLASSES, NAME, TILE, load_nuclei, tiles
from glasswork.training.segmenting import SegmenterConfig, Segmenting, score_pictures
from glasswork.training.task import About, Draw

BRIGHTER = 1.6  # at most, and darker by as much
FLOOR = 0.05  # most that is added or taken everywhere


class SegmentingTiles(Segmenting):
    """Learn which pixels of the micrograph belong to a nucleus."""

    def __init__(self, config: SegmenterConfig) -> None:
        self.set_up(config, 1, CLASSES)
        self.picture, self.mask = load_nuclei("train")

    @property
    def examples(self) -> int:
        """How many tiles lie side by side in the region to learn from; one is cut anywhere in it."""
        return (self.picture.shape[0] // TILE) * (self.picture.shape[1] // TILE)

    def batch(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """Tiles, 0..1, (B, 1, 64, 64), and the class of each pixel, (B, 64, 64)."""
        chance = draw.mine(torch.rand(len(draw.index), 6, generator=draw.random))
        cut = [_tile(self.picture, self.mask, each.tolist()) for each in chance]
        x = torch.stack([one for one, _ in cut]).contiguous(memory_format=torch.channels_last)
        return x, torch.stack([mask for _, mask in cut])

    def scores(self, network: nn.Module) -> dict[str, float]:
        """Scores on the strip in the middle."""
        return score_pictures(network, *held_out_tiles("validation"), CLASSES)

    def final(self, network: nn.Module) -> dict[str, float]:
        """Scores on the region that is held out."""
        return score_tiles(network)

    def name(self, index: int) -> str:
        """Where it is from."""
        return NAME

    def about(self) -> About:
        """What the card says."""
        aside, test = (len(tiles(split)[0]) for split in ("validation", "test"))
        return About(
            examples=self.examples,
            aside=aside,
            held_out=test,
            split="one micrograph by region: learned from tiles anywhere in its left 288 columns, checkpoint chosen by "
            f"{aside} tiles of a strip in the middle, tested on {test} tiles of its right 128 columns, with gaps of 16 "
            "between; it says nothing of other pictures",
            labels=CLASSES,
            inputs=(torch.zeros(1, 1, TILE, TILE),),
        )


def held_out_tiles(split: str) -> tuple[Tensor, Tensor]:
    """Tiles side by side: 0..1, (N, 1, 64, 64), and the class of each pixel, (N, 64, 64)."""
    pictures, masks = tiles(split)
    return torch.from_numpy(pictures)[:, None].float() / 255, torch.from_numpy(masks).long()


def score_tiles(network: nn.Module) -> dict[str, float]:
    """Scores on the region that is held out."""
    return score_pictures(network, *held_out_tiles("test"), CLASSES)


def _tile(picture: np.ndarray, mask: np.ndarray, chance: list[float]) -> tuple[Tensor, Tensor]:
    """A tile anywhere, turned by right angles and mirrored, brighter or darker: (1, 64, 64) and (64, 64)."""
    down, across, turn, mirror, gain, added = chance
    top, left = (int(u * (size - TILE + 1)) for u, size in zip((down, across), picture.shape, strict=True))
    cut = [part[top : top + TILE, left : left + TILE] for part in (picture, mask)]
    cut = [np.rot90(part, int(4 * turn)) for part in cut]
    x, t = (np.ascontiguousarray(part[:, ::-1] if mirror < 0.5 else part) for part in cut)
    bright = torch.from_numpy(x).float() / 255 * BRIGHTER ** (2 * gain - 1) + FLOOR * (2 * added - 1)
    return bright.clamp(0, 1)[None], torch.from_numpy(t).long()
