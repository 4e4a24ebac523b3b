"""One's own pictures: `glasswork train classify --data folder:DIR [--from TARGET]`."""

from __future__ import annotations

from glasswork.recipes._registry import recipe
from glasswork.training import Augmentation, ClassifierConfig


@recipe
def classify() -> ClassifierConfig:
    """A classifier of any folder of pictures; with --from, a trained network goes on learning there."""
    return ClassifierConfig(
        title="Classifier",
        network="tiny_vgg",
        sizes={"channels": 3, "size": 64, "width": 12, "classes": 10, "padding": 1},
        data="emoji",
        licence="as the pictures",
        steps=1_000,
        batch=32,
        learning_rate=2e-3,
        weight_decay=0.02,
        label_smoothing=0.05,
        average=0.99,
        clip=1.0,
        balance=True,
        validation=100,
        evaluate_every=50,
        save_every=250,
        augmentation=Augmentation(flip=0.5, rotate=10, scale=0.15, shift=0.08, colour=0.15),
    )
