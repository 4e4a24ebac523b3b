"""Text to image on emoji, in four runs: autoencoder, encoders of texts and pictures, denoiser; the judge is apart."""

from __future__ import annotations

from typing import TypedDict

from glasswork.recipes._registry import recipe
from glasswork.training import Augmentation, AutoencoderConfig, ContrastiveConfig, DenoiserConfig


class Alike(TypedDict):
    """What all three runs have in common."""

    data: str
    licence: str
    clip: float
    precision: str
    validation: int
    observe: bool


ALIKE: Alike = {
    "data": "emoji-captions",
    "licence": "Apache-2.0",
    "clip": 1.0,
    "precision": "bfloat16",
    "validation": 96,
    "observe": False,
}


@recipe
def emoji_autoencoder() -> AutoencoderConfig:
    """The autoencoder: 64x64 emoji as 16x16 latents of 8 channels, and back.

    Fewer and larger places (8x8 of 24 channels, three quarters of the numbers) learn far more slowly: 26 dB after 3,500
    steps, where this has 31.
    """
    return AutoencoderConfig(
        **ALIKE,
        title="Autoencoder · emoji",
        network="autoencoder_kl",
        sizes={
            "channels": 3, "size": 64, "latent": 8, "widths": "16,32,64", "layers": 1, "groups": 8,
            "scaling": 1.0, "fused": 0,
        },
        steps=3_800,
        batch=16,
        learning_rate=2e-3,
        warmup=0.05,
        weight_decay=1e-3,
        average=0.998,
        evaluate_every=250,
        save_every=250,
    )  # fmt: skip


@recipe
def emoji_clip() -> ContrastiveConfig:
    """The encoders of texts and of pictures, learned together from emoji with captions."""
    return ContrastiveConfig(
        **ALIKE,
        title="CLIP · emoji",
        network="clip",
        sizes={
            "vocabulary": 0, "context": 0, "text_width": 128, "text_depth": 3, "text_heads": 4,
            "channels": 3, "size": 64, "patch": 8, "image_width": 128, "image_depth": 3, "image_heads": 4,
            "projection": 128, "activation": "quick_gelu", "fused": 1,
        },
        choose_by="last",  # cross-entropy on what is set aside is least before texts are told apart at all
        steps=1_500,
        batch=96,
        learning_rate=1e-3,
        warmup=0.05,
        weight_decay=0.1,
        average=0.995,
        evaluate_every=125,
        save_every=125,
        augmentation=Augmentation(flip=0.5, rotate=8, scale=0.15, stretch=0.1, shift=0.06, colour=0.1),
    )  # fmt: skip


@recipe
def emoji_diffusion() -> DenoiserConfig:
    """The denoiser: a U-Net of latents that looks at the words of a prompt; v-prediction, cosine schedule."""
    return DenoiserConfig(
        **ALIKE,
        title="Emoji diffusion",
        network="unet_conditional",
        sizes={
            "channels": 8, "size": 16, "widths": "112,128", "attention": "1,1", "layers": 1, "heads": 4, "text": 0,
            "context": 0, "groups": 16, "pooled": 4, "patch": 2, "projected": 1, "scale_shift": 1, "fused": 0,
        },
        autoencoder="emoji-autoencoder",
        encoders="emoji-clip",
        judge="emoji-judge",
        choose_by="last",  # the error on captions set aside rises while pictures still get closer to their words
        shift=4.0,
        as_spoken=0.5,
        unsaid=0.05,
        recolour=0.1,
        flip=0.0,  # each mirror image is one more picture to know
        steps=20_000,
        batch=64,
        learning_rate=1e-3,
        warmup=0.01,
        weight_decay=0.01,
        average=0.998,
        evaluate_every=400,
        save_every=200,
    )  # fmt: skip
