"""Pictures put together: one or two cut-outs, turned and scaled, over a crop of a photo; and the mask that is true.

Copy and paste, as G. Ghiasi et al. 2021 (https://arxiv.org/abs/2012.07177) do it: where each pixel comes from is known.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from glasswork.data.cutouts import CutOuts, load_cutouts
from glasswork.training.grounds import made_ground, region

SIZE = 64
LAYERS = 2  # cut-outs in a picture, at most
SCALES = (0.5, 0.95)  # of a cut-out, as parts of the picture's side
DEGREES = 15.0  # of a turn, at most
SECOND = 0.25  # of the pictures have two
MADE = 0.35  # of the grounds to train on are no photos
BLENDED, CUT = 0.3, 0.4  # of them have another one shining through, or instead in a part of the picture
TINT, SLOPE = 0.25, 0.3  # most that is added to a colour: everywhere, and from one edge to the other
ORDERS = list(itertools.permutations(range(3)))  # of red, green and blue
OPAQUE = 0.5  # from which alpha on a pixel belongs to the cut-out


@dataclass(frozen=True)
class Chance:
    """What decides how pictures are put together: numbers from 0 to 1, drawn once for all of them.

    Attributes:
        layers: of each cut-out its scale, place across and down, turn and mirror image, (B, 2, 5).
        second: which cut-out is the second, and whether there is one, (B, 2).
        photo: which photo, how large a crop, where across and down, its mirror image, (B, 5).
        other: the same of another photo, (B, 5), and whether and how much of it is seen, (B, 2).
        colour: whether the photo's colours are exchanged, and how; then for each a gain, what is added everywhere, and
            what is added across and down, (B, 14).
        made: whether there is something else in the place of each of these two photos, and what, (B, 2, 3).
        part: the part of the picture in which the other one is seen, (B, 6).
    """

    layers: Tensor
    second: Tensor
    photo: Tensor
    other: Tensor
    colour: Tensor
    made: Tensor
    part: Tensor

    @classmethod
    def drawn(cls, count: int, random: torch.Generator) -> Chance:
        """The chance of so many pictures."""
        shapes = ((LAYERS, 5), (2,), (5,), (7,), (14,), (2, 3), (6,))  # the held-out pictures are made by the first
        return cls(*(torch.rand(count, *shape, generator=random) for shape in shapes))

    def of(self, which: slice) -> Chance:
        """That of some of the pictures."""
        return Chance(*(getattr(self, each.name)[which] for each in fields(self)))


def premultiplied(pictures: np.ndarray) -> Tensor:
    """RGBA pictures, uint8 (N, H, W, 4), as float 0..1 (N, 4, H, W), colour times alpha."""
    x = torch.from_numpy(pictures.copy()).permute(0, 3, 1, 2).float() / 255
    return torch.cat([x[:, :3] * x[:, 3:], x[:, 3:]], dim=1)


def composed(parts: CutOuts, first: np.ndarray, chance: Chance, coloured: bool) -> tuple[Tensor, Tensor]:
    """Put pictures together.

    Args:
        parts: what of.
        first: the emoji that is in each picture for certain, (B,).
        chance: all else.
        coloured: whether the photos' colours are varied, as in training.

    Returns:
        The pictures, 0..1, (B, 3, 64, 64), and the class of each pixel, (B, 64, 64): 0 for the photo, k + 1 for kind k.
    """
    labels = parts.emoji.labels
    second = np.array([_second(labels, float(u)) for u in chance.second[:, 0]], int)
    present = chance.second[:, 1] < SECOND
    x = torch.stack(
        [_ground(parts, chance, i) if coloured else _crop(parts, chance.photo[i]) for i in range(len(first))]
    )
    mask = torch.zeros(len(x), SIZE, SIZE, dtype=torch.long)
    for layer, chosen in enumerate((second, first)):  # the certain one comes last, on top
        pasted = _placed(premultiplied(parts.emoji.pictures[chosen]), chance.layers[:, layer])
        if layer == 0:
            pasted = pasted * present[:, None, None, None]
        colour, alpha = pasted[:, :3], pasted[:, 3:]
        x = colour + x * (1 - alpha)
        kind = torch.from_numpy(labels[chosen] + 1)[:, None, None]
        mask = torch.where(alpha[:, 0] >= OPAQUE, kind, mask)
    return x.clamp(0, 1), mask


def _second(labels: np.ndarray, u: float) -> int:
    """An emoji of a class drawn at random: the number's whole part says which, the rest which of its emoji."""
    kinds = np.unique(labels)
    scaled = u * len(kinds)
    of_kind = np.flatnonzero(labels == kinds[int(scaled)])
    return int(of_kind[int((scaled - int(scaled)) * len(of_kind))])


def _placed(cutouts: Tensor, chance: Tensor) -> Tensor:
    """Each cut-out (B, 4, H, W) scaled, turned, mirrored and moved, on a transparent ground (B, 4, 64, 64)."""
    scale = SCALES[0] + chance[:, 0] * (SCALES[1] - SCALES[0])
    across, down = ((2 * chance[:, axis] - 1) * (1 - 0.8 * scale) for axis in (1, 2))  # a little may be cut off
    turn = (2 * chance[:, 3] - 1) * math.radians(DEGREES)
    mirror = torch.where(chance[:, 4] < 0.5, 1.0, -1.0)
    cos, sin = turn.cos() / scale, turn.sin() / scale
    rows = [
        torch.stack([mirror * cos, mirror * sin, -mirror * (cos * across + sin * down)], dim=1),
        torch.stack([-sin, cos, sin * across - cos * down], dim=1),
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1), [len(cutouts), 4, SIZE, SIZE], align_corners=False)
    return F.grid_sample(cutouts, grid, mode="bilinear", align_corners=False)


def _ground(parts: CutOuts, chance: Chance, i: int) -> Tensor:
    """A square of a photo, varied so that few photos look like many, (3, 64, 64), 0..1."""

    def one(which: int, photo: Tensor) -> Tensor:
        made = chance.made[i, which]
        return made_ground(SIZE, made[1:]) if made[0] < MADE else _crop(parts, photo)

    x = one(0, chance.photo[i])
    present, much = (float(u) for u in chance.other[i, 5:])
    if present < BLENDED:
        x = torch.lerp(x, one(1, chance.other[i, :5]), 0.7 * much)
    elif present < BLENDED + CUT:
        x = torch.where(region(SIZE, chance.part[i]), one(1, chance.other[i, :5]), x)
    changed, order = (float(u) for u in chance.colour[i, :2])
    if changed < 0.5:
        x = x[list(ORDERS[int(order * len(ORDERS))])]
    gain, added, across, down = chance.colour[i, 2:].view(4, 3, 1, 1)
    line = torch.linspace(-0.5, 0.5, SIZE)
    slopes = (2 * across - 1) * line[None, None] + (2 * down - 1) * line[None, :, None]
    return (x * (0.5 + gain) + TINT * (2 * added - 1) + SLOPE * slopes).clamp(0, 1)


def _crop(parts: CutOuts, chance: Tensor) -> Tensor:
    """A square of a photo, (3, 64, 64), 0..1."""
    which, size, across, down, mirror = (float(u) for u in chance)
    pixels = parts.photos[int(which * len(parts.photos))].pixels
    height, width = pixels.shape[:2]
    side = SIZE + int(size * (min(height, width) - SIZE + 1))
    top, left = int(down * (height - side + 1)), int(across * (width - side + 1))
    crop = torch.from_numpy(pixels[top : top + side, left : left + side].copy()).permute(2, 0, 1).float() / 255
    if mirror < 0.5:
        crop = crop.flip(-1)
    small = F.interpolate(crop[None], (SIZE, SIZE), mode="bilinear", antialias=True, align_corners=False)[0]
    return small.clamp(0, 1)


def held_out_pictures(parts: CutOuts, seed: int = 0) -> tuple[Tensor, Tensor]:
    """One picture for each emoji, always the same: as `composed` gives them, with the photos' own colours."""
    chance = Chance.drawn(len(parts.emoji), torch.Generator().manual_seed(seed))
    return composed(parts, np.arange(len(parts.emoji)), chance, coloured=False)


@dataclass(frozen=True)
class Example:
    """A picture that was put together, as a file would hold it.

    Attributes:
        kind: the class of the emoji that is in it for certain.
        picture: uint8, (64, 64, 3).
        mask: the class of each pixel, uint8, (64, 64).
    """

    kind: str
    picture: np.ndarray
    mask: np.ndarray


@cache
def held_out_examples() -> dict[str, Example]:
    """The pictures of `held_out_pictures` of what was held out, by the names of their emoji."""
    parts = load_cutouts("test")
    pictures, masks = held_out_pictures(parts)
    pixels = (pictures * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    emoji = parts.emoji
    return {
        name: Example(emoji.classes[emoji.labels[i]], pixels[i], masks[i].numpy().astype(np.uint8))
        for i, name in enumerate(emoji.names)
    }
