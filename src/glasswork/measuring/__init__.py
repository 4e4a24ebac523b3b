"""Numbers about a network, each with its formula."""

from glasswork.measuring.activity import Activity, activities
from glasswork.measuring.classification import classification_scores, predict
from glasswork.measuring.language import text_scores
from glasswork.measuring.regression import regression_scores

__all__ = ["Activity", "activities", "classification_scores", "predict", "regression_scores", "text_scores"]
