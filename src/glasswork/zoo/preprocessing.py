"""From any picture to a network's input, with every step on record so that a page can show what was done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from glasswork.errors import GlassworkError

WHITE = (255, 255, 255)
MOST_ASPECT = 4
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True)
class Step:
    """One thing done to a picture on its way in.

    Attributes:
        name: orientation, frame, range, alpha, grey, crop, resize, invert or normalise.
        values: what exactly, in plain numbers and words. orientation: exif (tag 274); frame: index, of; range: low,
            high (mapped to 0..255); alpha: colour (RGB); grey: weights (of R, G, B); crop: box (left, top, right,
            bottom, in pixels of the picture after orientation), from (width, height); resize: from and to (width,
            height), filter; invert: border (mean brightness, 0..1), threshold; normalise: mean, std (per channel).
    """

    name: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Preprocessed:
    """A network's input, and how it came about.

    Attributes:
        inputs: what the module is called with; here one tensor, (1, C, H, W).
        picture: uint8, (H, W, C), the pixels before they became numbers from 0 to 1.
        steps: what was done, in order; empty when the picture was taken as it is.
    """

    inputs: tuple[Tensor, ...]
    picture: np.ndarray
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Preprocessing:
    """What a network expects of a picture.

    Attributes:
        size: height and width; 0 for networks that take a picture of any size as it is.
        channels: 1 (grey) or 3 (RGB).
        light_on_dark: trained on white on black: a picture whose border is bright is inverted.
        shorter_side: what the shorter side is resized to before the centre crop, as torchvision does; 0 to crop the
            largest square first, as networks of ours do.
        filter: of the (antialiased) resize.
        mean: subtracted from each channel of 0..1; none for networks of ours.
        std: then divided by.
        guessed: whether this was guessed from the module, since nothing declares it.
    """

    size: int
    channels: int
    light_on_dark: bool = False
    shorter_side: int = 0
    filter: str = "bilinear"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    guessed: bool = False

    def __call__(self, picture: Image.Image | np.ndarray) -> Preprocessed:
        """Prepare one picture.

        Args:
            picture: a PIL image of any size and mode, or uint8 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4). A picture
                that already has the network's size and channels is taken as it is (but with `shorter_side`).

        Raises:
            GlassworkError: it has no pixels, or holds values that are no numbers.
        """
        steps: list[Step] = []
        image = _opened(picture, steps)
        if self.shorter_side or _mode(self.channels) != image.mode or image.size != (self.size, self.size):
            image = self._fitted(image, steps)
        pixels = np.asarray(image).reshape(image.height, image.width, self.channels)
        x = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float().div(255)  # (C, H, W)
        if self.mean:
            x = (x - torch.tensor(self.mean).view(-1, 1, 1)) / torch.tensor(self.std).view(-1, 1, 1)
            steps.append(Step("normalise", {"mean": self.mean, "std": self.std}))
        return Preprocessed((x[None].contiguous(),), pixels, tuple(steps))

    def _fitted(self, image: Image.Image, steps: list[Step]) -> Image.Image:
        """On white, in the right colours; where a size is asked for, cropped from the centre, resized, inverted."""
        if "A" in image.getbands() or "transparency" in image.info:
            rgba = image.convert("RGBA")
            if np.asarray(rgba)[..., 3].min() < 255:
                steps.append(Step("alpha", {"colour": WHITE}))
            image = Image.alpha_composite(Image.new("RGBA", rgba.size, (*WHITE, 255)), rgba).convert("RGB")
        if self.channels == 1 and image.mode != "L":
            image = image.convert("RGB").convert("L")
            steps.append(Step("grey", {"weights": (0.299, 0.587, 0.114)}))
        image = image.convert(_mode(self.channels))
        if not self.size:
            return image
        image = self._cut_after_resizing(image, steps) if self.shorter_side else self._cut(image, steps)
        return self._inverted(image, steps) if self.light_on_dark else image

    def _cut(self, image: Image.Image, steps: list[Step]) -> Image.Image:
        """The largest square in the middle, resized."""
        side = min(image.size)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        box = (left, top, left + side, top + side)
        if image.size != (side, side):
            steps.append(Step("crop", {"box": box, "from": image.size}))
        self._note_resize(steps, side)
        return image.crop(box).resize((self.size, self.size), FILTERS[self.filter])

    def _cut_after_resizing(self, image: Image.Image, steps: list[Step]) -> Image.Image:
        """Resized until the shorter side fits, then the middle: the record says what part of the picture that is."""
        whole = image.size
        most = MOST_ASPECT * min(whole)  # resized whole, a picture of 30,000x1 would fill the memory
        x, y = (max(0, (side - most) // 2) for side in whole)
        image = image.crop((x, y, x + min(whole[0], most), y + min(whole[1], most)))
        scale = self.shorter_side / min(image.size)
        width, height = (
            self.shorter_side if side == min(image.size) else int(self.shorter_side * side / min(image.size))
            for side in image.size
        )
        left, top = round((width - self.size) / 2), round((height - self.size) / 2)
        box = (left, top, left + self.size, top + self.size)
        source = tuple(round(edge / scale + margin, 2) for edge, margin in zip(box, (x, y, x, y), strict=True))
        steps.append(Step("crop", {"box": source, "from": whole}))
        self._note_resize(steps, round(self.size / scale, 2))
        return image.resize((width, height), FILTERS[self.filter]).crop(box)

    def _note_resize(self, steps: list[Step], side: float) -> None:
        if side != self.size:
            size = (self.size, self.size)
            steps.append(Step("resize", {"from": (side, side), "to": size, "filter": f"{self.filter}, antialiased"}))

    def _inverted(self, image: Image.Image, steps: list[Step]) -> Image.Image:
        pixels = np.asarray(image)
        border = np.concatenate([pixels[0], pixels[-1], pixels[1:-1, 0], pixels[1:-1, -1]]).mean() / 255
        if border <= 0.5:
            return image
        steps.append(Step("invert", {"border": round(float(border), 4), "threshold": 0.5}))
        return ImageOps.invert(image)


def _mode(channels: int) -> str:
    return "L" if channels == 1 else "RGB"


def _opened(picture: Image.Image | np.ndarray, steps: list[Step]) -> Image.Image:
    """As a PIL image of 8-bit channels, upright; its first frame."""
    if isinstance(picture, np.ndarray):
        return _from_array(picture)
    if 0 in picture.size:
        raise GlassworkError("this picture has no pixels", why=f"it is {picture.width}x{picture.height}")
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        picture.seek(0)
        steps.append(Step("frame", {"index": 0, "of": frames}))
    orientation = picture.getexif().get(274, 1)
    if orientation in range(2, 9):
        picture = ImageOps.exif_transpose(picture)
        steps.append(Step("orientation", {"exif": orientation}))
    if picture.mode[0] in "IF":
        return _from_range(np.asarray(picture, np.float64), steps)
    return picture


def _from_array(pixels: np.ndarray) -> Image.Image:
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if (
        pixels.dtype != np.uint8
        or pixels.ndim not in (2, 3)
        or pixels.shape[2:] not in ((), (3,), (4,))
        or not pixels.size
    ):
        raise GlassworkError(
            "this array is no picture",
            why=f"expected uint8 (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); found {pixels.dtype} {pixels.shape}",
            todo="Scale it to 0..255 and convert it.",
        )
    return Image.fromarray(pixels)


def _from_range(values: np.ndarray, steps: list[Step]) -> Image.Image:
    """Pictures of 16 or 32 bits: 0..1, 0..255 or 0..65535, whichever is the least that holds them, mapped to 0..255."""
    if not np.isfinite(values).all():
        raise GlassworkError(
            "this picture holds pixels that are no numbers",
            why=f"{np.count_nonzero(~np.isfinite(values)):,} of {values.size:,} are NaN or infinite",
            todo="Replace them before opening the picture.",
        )
    high = next((top for top in (1.0, 255.0, 65535.0) if values.max() <= top), float(values.max()))
    steps.append(Step("range", {"low": 0.0, "high": high}))
    return Image.fromarray(np.rint(values.clip(0) / high * 255).astype(np.uint8))
