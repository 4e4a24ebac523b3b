"""What fused ops hide, rebuilt from what they were given: recurrent layers, attention, normalisations, bags."""

from glasswork.tracing.rebuilding import recurrent  # noqa: F401  (each enrols its compositions)
from glasswork.tracing.rebuilding.rebuilt import Rebuilt, can_rebuild, rebuild

__all__ = ["Rebuilt", "can_rebuild", "rebuild"]
