"""Two players on distributions of the plane, and on pictures.

The settings of the former were chosen on seeds from 100 on, by 12,000 points that choose the checkpoint.
"""

from __future__ import annotations

from glasswork.recipes._registry import recipe
from glasswork.training import AdversarialConfig, PicturesConfig


def _points(name: str) -> AdversarialConfig:
    return AdversarialConfig(
        title=f"GAN · {name}",
        network="gan",
        sizes={"noise": 8, "points": 2, "width": 32, "depth": 3},
        data=name,
        licence="Apache-2.0",
        steps=10_000,
        batch=128,
        optimiser="Adam",
        optimiser_settings={"beta1": 0.0, "beta2": 0.99},
        learning_rate=3e-4,
        critic_rate=5.0,
        zero_centred=0.05,
        schedule="late",
        warmup=0.0,
        weight_decay=0.0,
        average=0.999,
        choose_by="js_bits",
        evaluate_every=500,
        save_every=2_000,
        record_every=25,
        observe=False,
    )


@recipe
def gan_line() -> AdversarialConfig:
    """A generator that draws from a line."""
    return _points("line")


@recipe
def gan_gaussians() -> AdversarialConfig:
    """A generator that draws from two broad clusters."""
    return _points("gaussians")


@recipe
def gan_ring() -> AdversarialConfig:
    """A generator that draws from a ring."""
    return _points("ring")


@recipe
def gan_disjoint() -> AdversarialConfig:
    """A generator that draws from three clusters far from each other."""
    return _points("disjoint")


@recipe
def dcgan_fashion() -> PicturesConfig:
    """A generator that draws clothes, 28x28 grey, and the discriminator that taught it."""
    return PicturesConfig(
        title="DCGAN · fashion",
        network="dcgan",
        sizes={"noise": 64, "channels": 1, "size": 28, "width": 56, "norm": "none"},
        data="fashion-mnist",
        judge="tiny-vgg-fashion",
        licence="Apache-2.0",
        steps=12_000,
        batch=64,
        precision="bfloat16",
        optimiser="Adam",
        optimiser_settings={"beta1": 0.0, "beta2": 0.99},
        learning_rate=2e-3,
        zero_centred=0.1,
        penalise_every=8,
        learn_from=0.5,
        best_of=4,
        schedule="late",
        warmup=0.0,
        weight_decay=0.0,
        average=0.999,
        validation=5_000,
        evaluate_every=500,
        save_every=500,
        record_every=25,
    )
