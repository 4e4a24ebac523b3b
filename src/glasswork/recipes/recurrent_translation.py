"""The recurrent translator that stands beside the Transformer: same phrases, same tokens, about as many parameters.

Its steps, rate and batch are those that were chosen for the Transformer; nothing was searched for it, so it may be
sold a little short.
"""

from __future__ import annotations

from glasswork.recipes._registry import recipe
from glasswork.training import TranslationConfig


@recipe
def translate_en_fr_rnn() -> TranslationConfig:
    """Gated units with attention, as translators were before 2017: what emoji are called, from English into French."""
    return TranslationConfig(
        title="GRUs · English to French",
        network="seq2seq",
        sizes={"vocabulary": 0, "width": 96, "hidden": 96, "dropout": 0.3, "fused": 1},
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
        choose_by="exact",  # as the Transformer's
        evaluate_every=500,
        save_every=100,
        observe=False,
    )
