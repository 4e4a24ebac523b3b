"""How well a classifier names what it is shown."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MANY = 100


def predict(module: nn.Module, inputs: Tensor, batch: int = 250) -> Tensor:
    """Run a network over many inputs without gradients, in evaluation mode; its mode is put back.

    Args:
        inputs: (N, C, H, W).
        batch: how many at a time.

    Returns:
        logits, (N, K).
    """
    training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            return torch.cat([module(part) for part in inputs.split(batch)])
    finally:
        module.train(training)


def classification_scores(logits: Tensor, labels: Tensor, bins: int = 15) -> dict[str, float]:
    """Scores of a classifier.

    accuracy = the part of the examples whose largest logit is that of their label;
    balanced_accuracy = the mean over classes of each class's accuracy;
    nats = the mean of -ln p(label);
    calibration_error = sum over `bins` equal bins of confidence of (part of the examples) x |accuracy - confidence|
    (expected calibration error, Guo et al. 2017, arXiv:1706.04599);
    from MANY classes on also top1, which is the accuracy by its usual name there, and top5 = the part of the examples
    whose label is among the five largest logits.

    Args:
        logits: (N, K).
        labels: (N,), indices.
        bins: of the calibration error.
    """
    hits = (logits.argmax(1) == labels).double()
    present = labels.unique()
    confidence = logits.double().softmax(1).amax(1)
    bin_of = (confidence * bins).long().clamp(max=bins - 1)
    gaps = torch.zeros(bins, dtype=torch.double).index_add(0, bin_of, hits - confidence)
    many = {"top1": hits.mean().item(), "top5": _among(logits, labels, 5)} if logits.shape[1] >= MANY else {}
    return {
        "accuracy": hits.mean().item(),
        "balanced_accuracy": torch.stack([hits[labels == k].mean() for k in present]).mean().item(),
        "nats": F.cross_entropy(logits.double(), labels).item(),
        "calibration_error": (gaps.abs().sum() / len(labels)).item(),
        **many,
    }


def target_scores(outputs: Tensor, labels: Tensor) -> dict[str, float]:
    """Scores of a classifier whose outputs are meant to be 1 for the class and 0 for all others.

    accuracy and balanced_accuracy as in `classification_scores`;
    squares = the mean over examples of the sum over classes of (output - target)^2.

    Args:
        outputs: (N, K).
        labels: (N,), indices.
    """
    hits = (outputs.argmax(1) == labels).double()
    target = F.one_hot(labels, outputs.shape[1]).double()
    return {
        "accuracy": hits.mean().item(),
        "balanced_accuracy": torch.stack([hits[labels == k].mean() for k in labels.unique()]).mean().item(),
        "squares": (outputs.double() - target).square().sum(1).mean().item(),
    }


def _among(logits: Tensor, labels: Tensor, count: int) -> float:
    return (logits.topk(count).indices == labels[:, None]).any(1).double().mean().item()
