"""The perceptron with two hidden layers on handwritten digits: the network in which one can follow backpropagation."""

from __future__ import annotations

from glasswork.recipes._registry import recipe
from glasswork.training import Augmentation, ClassifierConfig


def _sizes(width: int) -> dict[str, int | float | str]:
    return {"inputs": 784, "width": width, "depth": 2, "outputs": 10,
            "activation": "sigmoid", "output_activation": "sigmoid"}  # fmt: skip


@recipe
def perceptron_digits() -> ClassifierConfig:
    """784-16-16-10, sigmoid neurons and the sum of squares, as backpropagation is mostly told."""
    return ClassifierConfig(
        title="Perceptron · digits, 16-16",
        network="perceptron",
        sizes=_sizes(16),
        data="mnist",
        licence="Apache-2.0",
        steps=16_000,
        batch=20,
        criterion="squares",
        optimiser="SGD",
        optimiser_settings={"momentum": 0.9},
        learning_rate=0.3,
        schedule="linear",
        warmup=0.02,
        weight_decay=1e-5,
        validation=500,
        choose_by="squares",
        evaluate_every=500,
        augmentation=Augmentation(rotate=4, scale=0.06, shift=0.03),
    )


@recipe
def perceptron_digits_wide() -> ClassifierConfig:
    """784-128-128-10: the same with more neurons, varied more widely."""
    return ClassifierConfig(
        title="Perceptron · digits, 128-128",
        network="perceptron",
        sizes=_sizes(128),
        data="mnist",
        licence="Apache-2.0",
        steps=24_000,
        batch=20,
        criterion="squares",
        optimiser="SGD",
        optimiser_settings={"momentum": 0.9},
        learning_rate=0.3,
        schedule="linear",
        warmup=0.02,
        weight_decay=1e-5,
        validation=500,
        choose_by="squares",
        evaluate_every=500,
        augmentation=Augmentation(rotate=10, scale=0.15, shift=0.06, stroke=0.1),
    )
