"""Muon for the matrices inside, AdamW for all other weights, as one optimiser.

K. Jordan, "Muon: An optimizer for hidden layers in neural networks", 2024, https://kellerjordan.github.io/posts/muon/;
the step's length is that of J. Liu et al., "Muon is Scalable for LLM Training", 2025, https://arxiv.org/abs/2502.16982:
0.2 sqrt(max(rows, columns)), with which both parts take the same learning rate. torch has both halves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn


class MuonAdamW(torch.optim.Optimizer):
    """torch's Muon and torch's AdamW, which share one state and one list of groups.

    Args:
        matrices: weights of two axes, updated by Muon.
        others: updated by AdamW: tables of embeddings, biases, scales.
        lr: the learning rate of both.
        weight_decay: of the matrices and of others with two and more axes.
        momentum: Muon's.
        beta1, beta2: AdamW's.
    """

    def __init__(
        self,
        matrices: Sequence[nn.Parameter],
        others: Sequence[nn.Parameter],
        *,
        lr: float,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        beta1: float = 0.9,
        beta2: float = 0.95,
    ) -> None:
        wide = [p for p in others if p.ndim > 1]
        flat = [p for p in others if p.ndim < 2]
        groups = [{"params": p, "weight_decay": d} for p, d in ((wide, weight_decay), (flat, 0.0)) if p]
        self._halves: list[torch.optim.Optimizer] = []
        if matrices:
            self._halves.append(
                torch.optim.Muon(
                    list(matrices),
                    lr=lr,
                    weight_decay=weight_decay,
                    momentum=momentum,
                    adjust_lr_fn="match_rms_adamw",
                )
            )
        if groups:
            self._halves.append(torch.optim.AdamW(groups, lr=lr, betas=(beta1, beta2)))
        super().__init__([group for half in self._halves for group in half.param_groups], {})
        for half in self._halves:
            half.state = self.state
        # the halves read their groups from where the loop sets the learning rate
        first = len(self._halves[0].param_groups)
        for half, part in zip(self._halves, (slice(first), slice(first, None)), strict=False):
            half.param_groups = self.param_groups[part]

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """One update of every weight that has a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for half in self._halves:
            half.step()
        return loss
