"""Numbers about a network, each with its formula."""

from glasswork.measuring.classification import classification_scores, predict

__all__ = ["classification_scores", "predict"]
