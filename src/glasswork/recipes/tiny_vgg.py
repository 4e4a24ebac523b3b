"""Tiny VGG on three data sets: the networks that the first page looks into."""

from __future__ import annotations

from glasswork.recipes._registry import recipe
from glasswork.training import Augmentation, ClassifierConfig


@recipe
def tiny_vgg_emoji() -> ClassifierConfig:
    """Emoji in ten classes, 64x64 RGB, without padding, as in CNN Explainer."""
    return ClassifierConfig(
        title="Tiny VGG · emoji",
        network="tiny_vgg",
        sizes={"channels": 3, "size": 64, "width": 12, "classes": 10, "padding": 0},
        data="emoji",
        licence="Apache-2.0",
        steps=4_500,
        batch=64,
        learning_rate=4e-3,
        warmup=0.15,
        weight_decay=0.1,
        label_smoothing=0.05,
        average=0.998,
        validation=190,
        evaluate_every=250,
        augmentation=Augmentation(flip=0.5, rotate=18, scale=0.25, stretch=0.2, shear=0.12, shift=0.1, colour=0.25),
    )


@recipe
def tiny_vgg_fashion() -> ClassifierConfig:
    """Fashion-MNIST, 28x28 grey, padded so that the maps keep their size."""
    return ClassifierConfig(
        title="Tiny VGG · fashion",
        network="tiny_vgg",
        sizes={"channels": 1, "size": 28, "width": 10, "classes": 10, "padding": 1},
        data="fashion-mnist",
        licence="Apache-2.0",
        steps=14_000,
        batch=128,
        learning_rate=6e-3,
        warmup=0.2,
        weight_decay=0.02,
        label_smoothing=0.03,
        average=0.999,
        validation=5_000,
        choose_by="accuracy",
        evaluate_every=500,
        augmentation=Augmentation(flip=0.5, shift=0.04),
    )


@recipe
def tiny_vgg_digits() -> ClassifierConfig:
    """Handwritten digits, 28x28; varied widely, since they will also be drawn with a mouse."""
    return ClassifierConfig(
        title="Tiny VGG · digits",
        network="tiny_vgg",
        sizes={"channels": 1, "size": 28, "width": 10, "classes": 10, "padding": 1},
        data="mnist",
        licence="Apache-2.0",
        steps=8_000,
        batch=64,
        learning_rate=5e-3,
        warmup=0.2,
        weight_decay=0.02,
        label_smoothing=0.02,
        average=0.998,
        validation=500,
        evaluate_every=500,
        augmentation=Augmentation(rotate=12, scale=0.25, stretch=0.15, shear=0.15, shift=0.1, stroke=0.2),
    )
