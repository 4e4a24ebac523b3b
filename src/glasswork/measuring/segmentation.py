"""How well the class of each pixel is told."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def confusion(told: Tensor, true: Tensor, classes: int) -> Tensor:
    """How many pixels of each true class (rows) were told to be of each class (columns), (K, K), int64.

    Args:
        told, true: classes from 0 to K - 1, of one shape.
        classes: K.
    """
    return torch.bincount((true * classes + told).flatten(), minlength=classes * classes).view(classes, classes)


def segmentation_scores(counts: Tensor, names: Sequence[str]) -> dict[str, float]:
    """Scores from the counts of all pixels of all pictures together (Everingham et al. 2010, the PASCAL VOC challenge).

    iou = the mean over classes of intersection / union, |A and B| / |A or B| of the pixels told and the true ones;
    dice = the mean over classes of 2 |A and B| / (|A| + |B|), which is 2 IoU / (1 + IoU) of each class;
    pixel_accuracy = the part of all pixels that is told right; iou_NAME = the IoU of one class.
    A class of which no pixel is true and none told has no score, and is left out of the means.

    Args:
        counts: as confusion gives them, (K, K).
        names: of the classes.
    """
    hits = counts.diagonal().double()
    true, told = counts.sum(1).double(), counts.sum(0).double()
    union = true + told - hits
    present = union > 0
    iou, dice = (hits / union)[present], (2 * hits / (true + told))[present]
    each = {f"iou_{name}": float(hits[k] / union[k]) for k, name in enumerate(names) if present[k]}
    return {
        "iou": float(iou.mean()),
        "dice": float(dice.mean()),
        "pixel_accuracy": float(hits.sum() / counts.sum()),
        **each,
    }
