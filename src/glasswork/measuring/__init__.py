"""Numbers about a network, each with its formula."""

from glasswork.measuring.activity import Activity, activities
from glasswork.measuring.classification import classification_scores, predict

__all__ = ["Activity", "activities", "classification_scores", "predict"]
