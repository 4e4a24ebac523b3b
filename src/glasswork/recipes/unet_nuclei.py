"""A small U-Net that finds nuclei in the one micrograph that ships, split by region."""

from __future__ import annotations

from glasswork.recipes._registry import recipe
from glasswork.training import SegmenterConfig


@recipe
def unet_nuclei() -> SegmenterConfig:
    """A U-Net that says of each pixel of a micrograph whether it is of a nucleus; learned on one picture, so n = 1."""
    return SegmenterConfig(
        title="U-Net · nuclei",
        network="unet",
        sizes={"channels": 1, "classes": 2, "size": 64, "width": 8, "depth": 3, "padding": 1, "norm": 1, "skips": 1},
        data="nuclei",
        licence="Apache-2.0",
        steps=600,
        batch=16,
        learning_rate=3e-3,
        warmup=0.05,
        weight_decay=0.02,
        clip=1.0,
        average=0.99,
        evaluate_every=100,
        save_every=200,
    )
