"""The gradient of the loss for every value of a run.

When a value is recorded, the edge of the autograd graph that its gradient will arrive at is noted. One call of
`torch.autograd.grad` then captures all of them at once: right under later in-place writes, since an edge belongs to
the moment it was noted at; no parameter's `.grad` is touched; and nothing is left behind, since the edges are dropped
with the graph. Under a memory budget hooks on the nodes take each gradient as it passes instead, and are removed
before the graph is (a hook that stays makes a cycle through C++ that no collector sees: TRACING.md, trap 1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.graph import GradientEdge

from glasswork.tracing.spilling import Budget, size_of
from glasswork.tracing.values import Value


class Gradients:
    """Where gradients pass, and whose they are."""

    def __init__(self) -> None:
        self.budget = Budget(None)
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
        reentrant = any(_is_reentrant(edge) for edge in edges)
        if reentrant or self.budget.left is not None:
            self._collect_as_they_pass(loss, edges, values, reentrant)
            return
        for value, gradient in zip(values, torch.autograd.grad(loss, edges, allow_unused=True), strict=True):
            value.grad = gradient

    def _collect_as_they_pass(
        self, loss: torch.Tensor, edges: list[Any], values: list[Value], all_at_once: bool
    ) -> None:
        inner: dict[Any, list[tuple[int, Value]]] = {}
        leaves: list[torch.Tensor] = []
        owners: list[Value] = []
        for edge, value in zip(edges, values, strict=True):
            if isinstance(edge, torch.Tensor):
                leaves.append(edge)
                owners.append(value)
            else:
                inner.setdefault(edge.node, []).append((edge.output_nr, value))
        edges.clear()
        hooks = [node.register_prehook(self._catch(places)) for node, places in inner.items()]
        inner.clear()
        try:
            gradients = _backward(loss, leaves) if all_at_once else torch.autograd.grad(loss, leaves, allow_unused=True)
        finally:
            for hook in hooks:
                hook.remove()
        for value, gradient in zip(owners, gradients, strict=True):
            if gradient is not None:
                self._put(value, gradient)

    def _catch(self, places: list[tuple[int, Value]]) -> Callable[[tuple[torch.Tensor | None, ...]], None]:
        def passing(gradients: tuple[torch.Tensor | None, ...]) -> None:
            for number, value in places:
                gradient = gradients[number]
                if gradient is not None:
                    self._put(value, gradient.detach())

        return passing

    def _put(self, value: Value, gradient: torch.Tensor) -> None:
        written = None if self.budget.admits(size_of(gradient)) else self.budget.spill(gradient)
        value.grad = gradient if written is None else written


def _is_reentrant(edge: Any) -> bool:
    """Whether a checkpoint that runs backward inside backward stands here: it takes no list of inputs."""
    return not isinstance(edge, torch.Tensor) and type(edge.node).__name__ == "CheckpointFunctionBackward"


def _backward(loss: torch.Tensor, leaves: list[torch.Tensor]) -> list[torch.Tensor | None]:
    """The gradients of leaves by `loss.backward()`; what stood in their `.grad` stands there again."""
    before = [leaf.grad for leaf in leaves]
    try:
        for leaf in leaves:
            leaf.grad = None
        loss.backward()
        return [leaf.grad for leaf in leaves]
    finally:
        for leaf, gradient in zip(leaves, before, strict=True):
            leaf.grad = gradient
