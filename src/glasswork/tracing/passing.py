"""Gradients of somebody else's backward pass: caught as they go by, since nobody here calls it.

Hooks on the nodes of the graph hold their Values weakly: node -> hook -> Value -> tensor -> node would be a cycle
through C++ that no collector sees (TRACING.md, trap 1).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import torch

from glasswork.tracing.gradients import Gradients
from glasswork.tracing.values import Value


class PassingGradients(Gradients):
    """Sets the `grad` of a run's Values whenever a backward pass goes through the run's graph; the latest counts.

    A parameter that several runs read in one backward pass has one gradient there, of all of them together.
    """

    def __init__(self) -> None:
        super().__init__()
        self._handles: list[Any] = []
        self._pass: list[int] = [-1]  # which backward pass last went through this run's own nodes

    def pass_through(self, tensor: torch.Tensor, value: Value) -> None:
        """Catch what arrives at `tensor`, which is `value` now."""
        owner, current = weakref.ref(value), self._pass
        node = tensor.grad_fn
        if node is None:  # a leaf is shared with other runs: only a pass through this one's nodes is its own

            def at_leaf(gradient: torch.Tensor) -> None:
                found = owner()
                if found is not None and current[0] == torch._C._current_graph_task_id():
                    found.grad = gradient.detach().clone()  # the optimiser, or clipping, may write there

            self._handles.append(tensor.register_hook(at_leaf))
            return
        slot = tensor.output_nr

        def at_node(gradients: tuple[torch.Tensor | None, ...]) -> None:
            current[0] = torch._C._current_graph_task_id()
            found, gradient = owner(), gradients[slot]
            if found is not None and gradient is not None:
                found.grad = gradient.detach().clone()

        self._handles.append(node.register_prehook(at_node))

    def watch(self, tensor: torch.Tensor, seen: Callable[[torch.Tensor], None]) -> None:
        """Give `seen` a copy of each gradient that arrives at `tensor`."""

        def arrived(gradient: torch.Tensor) -> None:
            seen(gradient.detach().clone())

        self._handles.append(tensor.register_hook(arrived))

    def stop(self) -> None:
        """Take every hook away."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
