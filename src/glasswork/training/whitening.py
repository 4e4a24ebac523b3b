"""A first layer that begins by making every direction of its input vary alike.

Y. LeCun et al., "Efficient BackProp", 1998, section 4.3: gradient descent learns slowly along directions in which
inputs hardly vary. A text encoder's vectors vary ten thousand times more in some than in others, and what tells two
captions apart lies in the small ones.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

FLOOR = 0.05  # of a direction's standard deviation, so that what is but noise stays small
MOST = 100_000


@torch.no_grad()
def whiten(layer: nn.Linear, vectors: Tensor) -> None:
    """Set a square layer so that its output of these vectors has mean 0 and a covariance near the identity.

    Principal components, each divided by its standard deviation; then turned back, so that numbers keep their places as
    far as they can (A. Kessy, A. Lewin, K. Strimmer, "Optimal whitening and decorrelation", 2018, ZCA).

    Args:
        layer: as many outputs as inputs, X.
        vectors: texts' tokens, (N, T, X); some of them are looked at, evenly.
    """
    step = max(1, vectors.shape[0] * vectors.shape[1] // MOST)
    seen = vectors[::step].flatten(0, 1).to(torch.float64)
    mean = seen.mean(dim=0)
    variances, directions = torch.linalg.eigh(torch.cov((seen - mean).T))
    scale = 1 / (variances.clamp(min=0).sqrt() + FLOOR)
    weight = directions @ torch.diag(scale) @ directions.T  # (X, X)
    layer.weight.copy_(weight)
    if layer.bias is not None:
        layer.bias.copy_(-weight @ mean)
