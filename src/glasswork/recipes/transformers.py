"""The Transformers that /transformer and /vit look into.

Every setting here was chosen on the stretch set aside from the training data, never on the held-out part; those of
translate-en-es are a beginning, chosen by nothing yet.
"""

from __future__ import annotations

from glasswork import networks
from glasswork.recipes._registry import recipe
from glasswork.training import Augmentation, ClassifierConfig, LanguageConfig, TranslationConfig


@recipe
def gpt_moby() -> LanguageConfig:
    """A small GPT that has read Moby Dick, and tells the next character."""
    return LanguageConfig(
        title="GPT · Moby Dick",
        network="gpt",
        sizes={"vocabulary": 0, "context": 256, "width": 160, "depth": 5, "heads": 5, "dropout": 0.0, "fused": 0},
        data="moby-dick",
        licence="Apache-2.0",
        steps=4_400,
        batch=12,
        window=256,
        overlap=128,
        optimiser="MuonAdamW",
        learning_rate=5e-3,
        schedule="linear",
        warmup=0.05,
        weight_decay=0.1,
        clip=1.0,
        average=0.99,
        precision="bfloat16",
        evaluate_every=400,
        save_every=50,
        record_every=10,
        observe=False,
    )


@recipe
def vit_fashion() -> ClassifierConfig:
    """A small Vision Transformer that names pieces of clothing, from 49 patches of 4x4 pixels."""
    return ClassifierConfig(
        title="ViT · fashion",
        network="vit",
        sizes=networks.sizes("vit_slim"),
        data="fashion-mnist",
        licence="Apache-2.0",
        steps=4_000,
        batch=128,
        optimiser="MuonAdamW",
        learning_rate=4e-3,
        schedule="linear",
        warmup=0.05,
        weight_decay=0.1,
        label_smoothing=0.03,
        average=0.995,
        validation=5_000,
        choose_by="accuracy",
        evaluate_every=500,
        save_every=100,
        observe=False,
        augmentation=Augmentation(flip=0.5, shift=0.04),
    )


@recipe
def translate_en_fr() -> TranslationConfig:
    """The Transformer of 2017 at a small size: what emoji are called, from English into French."""
    return TranslationConfig(
        title="Transformer · English to French",
        network="transformer",
        sizes={"vocabulary": 0, "width": 96, "depth": 2, "heads": 4, "hidden": 192, "dropout": 0.1, "fused": 0},
        data="phrases-en-fr",
        licence="Apache-2.0",
        steps=3_000,
        batch=64,
        learning_rate=3e-3,
        warmup=0.1,
        weight_decay=0.01,
        clip=1.0,
        average=0.995,
        validation=99,
        choose_by="exact",  # nats are fewest long before the phrases are learned
        evaluate_every=1_000,
        save_every=100,
        observe=False,
    )


@recipe
def translate_en_es() -> TranslationConfig:
    """The Transformer of 2017, larger: verses of the Bible from English into Spanish, whose data has to be fetched."""
    return TranslationConfig(
        title="Transformer · English to Spanish",
        network="transformer",
        sizes={"vocabulary": 0, "width": 192, "depth": 3, "heads": 6, "hidden": 512, "dropout": 0.1, "fused": 0},
        data="verses-en-es",
        licence="Apache-2.0",
        merges=6_000,
        longest=38,  # as many as the page reads
        scored=300,
        steps=20_000,
        batch=64,
        learning_rate=2e-3,
        warmup=0.1,
        weight_decay=0.01,
        clip=1.0,
        average=0.999,
        choose_by="nats",
        evaluate_every=1_000,
        save_every=250,
        observe=False,
    )
