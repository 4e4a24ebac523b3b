"""A small U-Net that cuts emoji out of photos, and the same without its skip connections."""

from __future__ import annotations

from glasswork.recipes._registry import recipe
from glasswork.training import SegmenterConfig


@recipe
def unet_cutouts() -> SegmenterConfig:
    """A U-Net that says of each pixel which of three kinds of emoji it belongs to, or that it is photo."""
    return _config("U-Net · cut-outs", skips=1)


@recipe
def unet_cutouts_plain() -> SegmenterConfig:
    """The same without skip connections: what the way down knew of places is lost."""
    return _config("U-Net · no skips", skips=0)


def _config(title: str, skips: int) -> SegmenterConfig:
    return SegmenterConfig(
        title=title,
        network="unet",
        sizes={
            "channels": 3, "classes": 4, "size": 64, "width": 16, "depth": 4, "padding": 1, "norm": 1, "skips": skips,
        },
        data="cutouts",
        licence="Apache-2.0",
        steps=2_000,
        batch=32,
        learning_rate=3e-3,
        warmup=0.05,
        weight_decay=0.02,
        clip=1.0,
        precision="bfloat16",
        average=0.998,
        validation=60,
        choose_by="last",  # those set aside lie over one grey photo: they tell how it goes, and choose badly
        evaluate_every=250,
        save_every=250,
    )  # fmt: skip
