"""The recurrent translator that stands beside the Transformer: same phrases, same tokens, about as many parameters.

Its steps, rate and batch are those that were chosen for the Transformer; nothing was searched for it, so it may be
sold a little short.
"""

from __future__ import annotations

from dataclasses import replace

from glasswork.recipes._registry import recipe
from glasswork.recipes.transformers import translate_en_fr
from glasswork.training import Config


@recipe
def translate_en_fr_rnn() -> Config:
    """Gated units with attention, as translators were before 2017: what emoji are called, from English into French."""
    return replace(
        translate_en_fr(),
        title="GRUs · English to French",
        network="seq2seq",
        sizes={"vocabulary": 0, "width": 96, "hidden": 96, "dropout": 0.3, "fused": 1},
        evaluate_every=500,
    )
