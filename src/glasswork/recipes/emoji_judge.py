"""The classifier that judges the pictures of the text-to-image model: it is trained apart from it, on real emoji."""

from __future__ import annotations

from glasswork.recipes._registry import recipe
from glasswork.training import Augmentation, ClassifierConfig


@recipe
def emoji_judge() -> ClassifierConfig:
    """A small ResNet that tells nine categories of emoji, to judge pictures that were made from words."""
    return ClassifierConfig(
        title="Judge · emoji in nine categories",
        network="resnet",
        sizes={"depth": 18, "channels": 3, "size": 64, "classes": 9, "width": 16, "shortcuts": 1},
        data="emoji-captions",
        licence="Apache-2.0",
        steps=3_600,
        batch=64,
        learning_rate=3e-3,
        warmup=0.1,
        weight_decay=0.1,
        label_smoothing=0.05,
        precision="bfloat16",
        average=0.998,
        choose_by="last",  # it judges pictures like those that it knows: at the best score aside it knew .82 of them
        validation=200,
        evaluate_every=200,
        save_every=200,
        augmentation=Augmentation(flip=0.5, rotate=15, scale=0.2, stretch=0.15, shear=0.1, shift=0.08, colour=0.2),
    )
