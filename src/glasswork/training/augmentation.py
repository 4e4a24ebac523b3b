"""Pictures varied at random, a whole batch at once, from one explicit generator.

Every picture of a batch gets its own draw, which torchvision's transforms (v2) don't do: they vary a batch as one.
Nothing here reads the global random state, so that a seed gives the same run; and the numbers are drawn for all of a
step's pictures, of which this process may hold a part.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from glasswork.training.task import Draw

Uniform = Callable[[], Tensor]


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How far a picture may be varied; 0 switches a kind off.

    Attributes:
        flip: probability of a mirror image.
        rotate: most degrees, either way.
        scale: most relative change of size, either way (0.2: from 1/1.2 to 1.2).
        stretch: the same for width against height.
        shear: most shear, as a tangent.
        shift: most movement, as a part of the picture's side.
        colour: most relative change of each channel's gain, and most offset.
        stroke: probability each of strokes one pixel wider, and narrower (white on black).
    """

    flip: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    stretch: float = 0.0
    shear: float = 0.0
    shift: float = 0.0
    colour: float = 0.0
    stroke: float = 0.0


def augment(x: Tensor, how: Augmentation, draw: Draw) -> Tensor:
    """Vary each picture.

    Args:
        x: the pictures of the draw's part, (B, C, H, W), 0..1. With four channels, colour is premultiplied by the alpha
            in the last one, and what moves into view is transparent; otherwise it is black.
        how: how far.
        draw: the step's examples and chance.

    Returns:
        The same shape and range.
    """

    def uniform() -> Tensor:
        """One number from 0 to 1 for each picture of the part, (B,)."""
        return draw.mine(torch.rand(len(draw.index), generator=draw.random))

    if how.stroke:
        x = _stroke(x, how.stroke, uniform)
    if how.rotate or how.scale or how.stretch or how.shear or how.shift or how.flip:
        x = _move(x, how, uniform)
    if how.colour:
        x = _colour(x, how.colour, uniform)
    return x


def on_white(x: Tensor) -> Tensor:
    """Premultiplied RGBA, (B, 4, H, W), on white: (B, 3, H, W); other pictures are returned as they are."""
    return x[:, :3] + (1 - x[:, 3:]) if x.shape[1] == 4 else x


def _signed(most: float, uniform: Uniform) -> Tensor:
    return (uniform() * 2 - 1) * most


def _move(x: Tensor, how: Augmentation, uniform: Uniform) -> Tensor:
    """Apply one random affine map to each picture, sampled bilinearly."""
    angle = _signed(math.radians(how.rotate), uniform)
    size = torch.exp(_signed(math.log1p(how.scale), uniform))
    aspect = torch.exp(_signed(math.log1p(how.stretch) / 2, uniform))
    shear = _signed(how.shear, uniform)
    mirror = 1 - 2 * (uniform() < how.flip).float()
    shift_x, shift_y = _signed(2 * how.shift, uniform), _signed(2 * how.shift, uniform)
    # from output to input coordinates: rotation (shear) scale
    cos, sin = torch.cos(angle), torch.sin(angle)
    wide, high = mirror / (size * aspect), aspect / size
    row1 = torch.stack([cos * wide, (shear * cos - sin) * high, shift_x], dim=1)
    row2 = torch.stack([sin * wide, (shear * sin + cos) * high, shift_y], dim=1)
    grid = F.affine_grid(torch.stack([row1, row2], dim=1), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _stroke(x: Tensor, probability: float, uniform: Uniform) -> Tensor:
    chosen = uniform().view(-1, 1, 1, 1)
    strength = uniform().view(-1, 1, 1, 1)
    wider = F.max_pool2d(x, 3, stride=1, padding=1)
    narrower = -F.max_pool2d(-x, 3, stride=1, padding=1)
    other = torch.where(chosen < probability, wider, torch.where(chosen > 1 - probability, narrower, x))
    return torch.lerp(x, other, strength * torch.where(chosen > 0.5, 0.5, 1.0))  # a thin stroke must not vanish


def _colour(x: Tensor, most: float, uniform: Uniform) -> Tensor:
    """Gain and offset of each colour channel; what is transparent stays so."""
    colours = 3 if x.shape[1] == 4 else x.shape[1]
    cover = x[:, 3:] if x.shape[1] == 4 else torch.ones_like(x[:, :1])
    every = _signed(most, uniform)[:, None]  # (B, 1)
    each = torch.stack([_signed(most, uniform) for _ in range(colours)], dim=1)  # (B, colours)
    offset = _signed(most / 2, uniform).view(-1, 1, 1, 1)
    varied = (x[:, :colours] * (1 + every + each)[..., None, None] + offset * cover).clamp(min=0)
    return torch.cat([torch.minimum(varied, cover), x[:, colours:]], dim=1)
