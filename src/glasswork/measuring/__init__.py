"""Numbers about a network, each with its formula."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glasswork.measuring.activity import Activity, activities
    from glasswork.measuring.classification import classification_scores, predict, target_scores
    from glasswork.measuring.forecasting import autoregression, baseline_scores, lagged
    from glasswork.measuring.language import text_scores
    from glasswork.measuring.regression import regression_scores

__all__ = [
    "Activity",
    "activities",
    "autoregression",
    "baseline_scores",
    "classification_scores",
    "lagged",
    "predict",
    "regression_scores",
    "target_scores",
    "text_scores",
]

_HOMES = {
    "Activity": "activity",
    "activities": "activity",
    "autoregression": "forecasting",
    "baseline_scores": "forecasting",
    "classification_scores": "classification",
    "lagged": "forecasting",
    "predict": "classification",
    "regression_scores": "regression",
    "target_scores": "classification",
    "text_scores": "language",
}


def __getattr__(name: str) -> Any:
    """Imported when first used: the record of the race is read where torch is not loaded yet."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"glasswork.measuring.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
