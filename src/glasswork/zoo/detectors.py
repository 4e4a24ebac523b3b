"""Detectors as torchvision builds them: what they take of a picture, and what keeps them from naming a box.

They answer one picture with a list that holds one dict: `boxes` (N, 4) as left, top, right, bottom in pixels of the
picture that was given, `labels` (N) and `scores` (N), the largest score first in all but a few of them.
https://docs.pytorch.org/vision/stable/models.html#object-detection-instance-segmentation-and-person-keypoint-detection
"""

from __future__ import annotations

from torch import nn

from glasswork.zoo.preprocessing import Preprocessing

BOXES, LABELS, SCORES = "boxes", "labels", "scores"
AS_IT_IS = Preprocessing(size=0, channels=3)
"""Whole, as numbers from 0 to 1: they subtract the mean, divide by the deviation and resize by themselves."""
_PLACE = "torchvision.models.detection."
_KINDS = {"GeneralizedRCNN", "RetinaNet", "FCOS", "SSD"}


def is_detector(module: nn.Module) -> bool:
    """Whether a module is one of torchvision's detectors, or derived from one: looked up by name, nothing is loaded."""
    return any(kind.__name__ in _KINDS and kind.__module__.startswith(_PLACE) for kind in type(module).__mro__)


def lowest_score(module: nn.Module) -> float | None:
    """What a box's score must be above for a detector to tell of it at all; None where nothing says so."""
    found = getattr(getattr(module, "roi_heads", module), "score_thresh", None)
    return float(found) if isinstance(found, (int, float)) else None
