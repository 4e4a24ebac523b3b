"""Fused kernels as plain arithmetic, for replays: they know no fp64, or no derivative of a derivative.

While a replay runs, what stands here takes the kernel's place, also inside the composite functions that call it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from types import FunctionType
from typing import Any

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode


def attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """softmax(q k^T / sqrt(d) + mask) v, by the arguments of F.scaled_dot_product_attention."""
    if enable_gqa:
        key, value = (
            part.repeat_interleave(query.shape[-3] // part.shape[-3], -3) if query.shape[-3] != part.shape[-3] else part
            for part in (key, value)
        )
    weights = attention_weights(query, key, attn_mask, is_causal, scale)
    if dropout_p:
        weights = F.dropout(weights, dropout_p)
    return weights @ value


def attention_weights(
    query: torch.Tensor,
    key: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    is_causal: bool = False,
    scale: float | None = None,
) -> torch.Tensor:
    """softmax(q k^T / sqrt(d) + mask): (..., L, E) and (..., S, E) to (..., L, S)."""
    scores = query @ key.mT * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    if is_causal:
        keep = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
        scores = scores.masked_fill(~keep, -math.inf)
    shut = None
    if attn_mask is not None:
        if attn_mask.dtype == torch.bool:
            scores = scores.masked_fill(~attn_mask, -math.inf)
            shut = ~attn_mask.any(-1, keepdim=True)
        else:
            scores = scores + attn_mask.to(scores.dtype)
    if shut is not None:  # a query that may look at nothing gets 0
        scores = scores.masked_fill(shut, 0.0)
    weights = scores.softmax(-1)
    if shut is not None:
        weights = weights.masked_fill(shut, 0.0)
    return weights


def grouped_product(
    left: torch.Tensor,
    right: torch.Tensor,
    offs: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    out_dtype: torch.dtype | None = None,
) -> torch.Tensor:
    """A matrix product for each group: rows up to offs[g] (of a flat `left`) times right[g]."""
    if offs is None:
        return left @ right
    starts = [0, *offs.tolist()[:-1]]
    spans = list(zip(starts, offs.tolist(), strict=True))
    if left.dim() == 2 and right.dim() == 3:
        made = [left[start:end] @ right[group] for group, (start, end) in enumerate(spans)]
        rest = left.new_zeros(len(left) - spans[-1][1], right.shape[-1])
        return torch.cat([*made, rest])
    if left.dim() == 3 and right.dim() == 2:
        return torch.cat([left[group] @ right[:, start:end] for group, (start, end) in enumerate(spans)], 1)
    return torch.stack([left[:, start:end] @ right[start:end] for start, end in spans])


def gumbel_softmax(
    logits: torch.Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1, *, drawn: torch.dtype
) -> torch.Tensor:
    """softmax((x + noise) / tau), by the arguments of F.gumbel_softmax; the noise as it falls in the type `drawn`.

    Hard: one-hot forward, and the gradient of the soft shares (straight-through).

    E. Jang et al., Categorical reparameterization with Gumbel-softmax, 2017, https://arxiv.org/abs/1611.01144
    """
    noise = -torch.empty(logits.shape, dtype=drawn).exponential_().log()
    shares = ((logits + noise.to(logits.dtype)) / tau).softmax(dim)
    if not hard:
        return shares
    chosen = torch.zeros_like(logits).scatter(dim, shares.detach().argmax(dim, keepdim=True), 1.0)
    return chosen + shares - shares.detach()


def _with_attention_written_out(function: Any) -> Callable[..., Any]:
    """A composite function's own code, calling `attention`: from outside nobody sees which kernel it takes."""
    names = {**function.__globals__, "scaled_dot_product_attention": attention}
    copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


_PLAIN: dict[Any, Callable[..., Any]] = {
    F.scaled_dot_product_attention: attention,
    F.multi_head_attention_forward: _with_attention_written_out(F.multi_head_attention_forward),
}
for _name in ("_grouped_mm",):
    if hasattr(torch, _name):
        _PLAIN[getattr(torch, _name)] = grouped_product
if hasattr(F, "grouped_mm"):
    _PLAIN[F.grouped_mm] = grouped_product


def in_plain_words(function: Callable[..., Any]) -> Callable[..., Any]:
    """What to call in place of a function in a replay: mostly the function itself."""
    return _PLAIN.get(function, function)


class WrittenOut(TorchFunctionMode):
    """While it is entered, composite functions call the arithmetic in place of the kernels."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        return _PLAIN.get(func, func)(*args, **(kwargs or {}))
