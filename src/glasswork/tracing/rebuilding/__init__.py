"""What fused ops hide, rebuilt from what they were given: recurrent layers, attention, normalisations, bags."""

from glasswork.tracing.rebuilding import (  # noqa: F401  (each enrols its compositions)
    attention,
    embedding_bag,
    encoder_layer,
    multi_head,
    normalisation,
    recurrent,
)
from glasswork.tracing.rebuilding.rebuilt import Rebuilt, can_rebuild, rebuild

__all__ = ["Rebuilt", "can_rebuild", "rebuild"]
