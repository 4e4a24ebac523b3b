"""Beam search: several beginnings of a text are kept, the likeliest as wholes; and the tree that they grew from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Beam:
    """One node of the tree: a token after its parent.

    Attributes:
        parent: the node before, -1 for none.
        token: which.
        logprob: ln of its probability after what stands before it.
        total: the sum of these from the beginning.
        step: from 0.
        kept: whether it was among the best of its step, and grew on or ended.
        ended: whether the text is over with it.
    """

    parent: int
    token: int
    logprob: float
    total: float
    step: int
    kept: bool
    ended: bool

    def worth(self, penalty: float) -> float:
        """Its total divided by length^penalty: by this whole texts are compared."""
        return self.total / (self.step + 1) ** penalty


def beam_search(
    following: Callable[[Sequence[int]], Tensor],
    beams: int,
    count: int,
    ends: frozenset[int] = frozenset(),
    penalty: float = 0.0,
) -> tuple[list[Beam], list[int]]:
    """Keep the `beams` likeliest texts at each step (A. Graves, 2012, https://arxiv.org/abs/1211.3711, algorithm 1).

    Args:
        following: the tokens written so far -> logits of what follows, (V).
        beams: how many are kept.
        count: the most tokens of a text.
        ends: tokens that end one.
        penalty: the total is divided by length^penalty when texts are compared; 0 for not.

    Returns:
        All nodes that were looked at among the best 2 x beams of each step, and the best text's nodes, in order: of
        those texts that ended, where any did.
    """
    nodes: list[Beam] = []
    living: list[int] = [-1]
    finished: list[int] = []

    for step in range(count):
        found: list[tuple[float, int, int, float]] = []
        for at in living:
            logprobs = torch.log_softmax(following(path(nodes, at)).double(), dim=0)  # (V)
            top = logprobs.topk(min(2 * beams, len(logprobs)))
            total = nodes[at].total if at >= 0 else 0.0
            for value, token in zip(top.values.tolist(), top.indices.tolist(), strict=True):
                found.append((total + value, at, token, value))
        found.sort(key=lambda each: -each[0])
        living = []
        for total, parent, token, value in found[: 2 * beams]:
            kept = len(living) < beams
            ended = token in ends
            nodes.append(Beam(parent, token, value, total, step, kept, ended))
            if kept and ended:
                finished.append(len(nodes) - 1)
            elif kept:
                living.append(len(nodes) - 1)
        if not living or len(finished) >= beams:
            break
    best = max(finished or living, key=lambda at: nodes[at].worth(penalty))
    return nodes, _nodes(nodes, best)


def path(nodes: Sequence[Beam], at: int) -> list[int]:
    """The tokens from the beginning to a node."""
    return [nodes[i].token for i in _nodes(nodes, at)]


def _nodes(nodes: Sequence[Beam], at: int) -> list[int]:
    found = []
    while at >= 0:
        found.append(at)
        at = nodes[at].parent
    return found[::-1]
