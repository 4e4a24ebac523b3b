"""The gradient of the loss for every value of a run, without hooks.

When a value is recorded, the edge of the autograd graph that its gradient will arrive at is noted. One call of
`torch.autograd.grad` then captures all of them at once: right under later in-place writes, since an edge belongs to
the moment it was noted at; no parameter's `.grad` is touched; and nothing is left behind, since the edges are dropped
with the graph (hooks on nodes would make cycles through C++ that no collector sees: TRACING.md, trap 1).
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd.graph import GradientEdge

from glasswork.tracing.values import Value


class Gradients:
    """Where gradients pass, and whose they are."""

    def __init__(self) -> None:
        self._edges: list[Any] = []  # a leaf tensor, or the GradientEdge of any other
        self._values: list[Value] = []

    def pass_through(self, tensor: torch.Tensor, value: Value) -> None:
        """Note that `value` is what `tensor`, which requires grad, is now."""
        node = tensor.grad_fn
        self._edges.append(tensor if node is None else GradientEdge(node, tensor.output_nr, None))
        self._values.append(value)

    def collect(self, loss: torch.Tensor) -> None:
        """Set `grad` of every value noted to d(loss)/d(value); None where the loss does not depend on it.

        Args:
            loss: one number, with its graph; the graph is freed.
        """
        edges, values = self._edges, self._values
        self._edges, self._values = [], []
        if not edges:
            return
        for value, gradient in zip(values, torch.autograd.grad(loss, edges, allow_unused=True), strict=True):
            value.grad = gradient
