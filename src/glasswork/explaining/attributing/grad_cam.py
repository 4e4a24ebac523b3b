r"""Grad-CAM: which places of a layer's maps speak for a score.

    L = ReLU(sum_k w_k A_k),   w_k = mean over places of d(score) / d(A_k)

with A_k the maps of a layer. R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
Gradient-based Localization", 2017, https://arxiv.org/abs/1610.02391, equations 1 and 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.explaining.errors import NoGradient
from glasswork.tracing import Op, Trace

# C channels, H rows, W columns


@dataclass(frozen=True)
class GradCam:
    """What each place of a layer's maps says for a score.

    Attributes:
        op: the path of the operation that made the maps.
        maps: (C, H, W).
        weights: (C), the mean slope of each map.
    """

    op: str
    maps: Tensor
    weights: Tensor

    @property
    def parts(self) -> Tensor:
        """What each channel adds at each place: (C, H, W), fp64."""
        return self.weights.double()[:, None, None] * self.maps.double()

    @property
    def total(self) -> Tensor:
        """Their sum, before what speaks against the score is cut off: (H, W), fp64."""
        return self.parts.sum(0)

    @property
    def heat(self) -> Tensor:
        """What is shown: (H, W), fp64, none below zero."""
        return self.total.clamp(min=0)


def grad_cam(trace: Trace, op: Op | str | int) -> GradCam:
    """Grad-CAM of the number that a trace was differentiated from.

    Args:
        trace: of one picture, run backward.
        op: whose maps are weighed; the last convolutional ones are usual.

    Raises:
        NoGradient: the trace has no slopes there.
        GlassworkError: what the op makes are no maps of one picture.
    """
    found = op if isinstance(op, Op) else trace[op]
    shape = found.output.shape
    if len(shape) != 4 or shape[0] != 1:
        why = f"Grad-CAM weighs maps, (1, C, H, W); this has the shape {list(shape)}"
        raise GlassworkError("this layer has no maps", where=found.path, why=why, todo="Choose a convolution.")
    if found.grad is None:
        raise NoGradient(found.path)
    return GradCam(found.path, found.output.tensor[0].detach(), found.grad[0].mean((1, 2)))
