"""Scaled dot-product attention, written out: softmax(q k^T / sqrt(d)) v.

A. Vaswani et al., Attention is all you need, 2017, https://arxiv.org/abs/1706.03762, equation 1; the query heads that
share keys and values after J. Ainslie et al., GQA, 2023, https://arxiv.org/abs/2305.13245.
"""

from __future__ import annotations

import math

import torch

from glasswork.tracing.ops import Op
from glasswork.tracing.rebuilding.composing import Composer
from glasswork.tracing.rebuilding.rebuilt import Composed, bound, composes
from glasswork.tracing.values import Value

MASKS_UNKNOWN = "dropout of the weights: its mask is not known, so what comes after them is left out"


@composes("scaled_dot_product_attention")
def _attention(c: Composer, op: Op) -> Composed:
    """Scores, scaled, masked, weights, output."""
    given = bound(op, "query key value attn_mask dropout_p is_causal scale enable_gqa", dropout_p=0.0, is_causal=False)
    query, key, value = (c.given(given[name]) for name in ("query", "key", "value"))
    if given["enable_gqa"] and key.shape[-3] != query.shape[-3]:
        times = query.shape[-3] // key.shape[-3]
        key = c("key_by_head", torch.repeat_interleave, key, times, -3)
        value = c("value_by_head", torch.repeat_interleave, value, times, -3)
    scale = given["scale"]
    scaled = scores(c, query, key, 1 / math.sqrt(query.shape[-1]) if scale is None else float(scale))
    if given["is_causal"]:
        length, source = scaled.shape[-2:]
        allowed = torch.ones(length, source, dtype=torch.bool, device=scaled.device).tril()
        scaled = forbidden(c, "masked", scaled, c.constant("causal_mask", ~allowed))
    mask = given["attn_mask"]
    if mask is not None:
        mask = c.given(mask)
        if mask.dtype == torch.bool:
            scaled = forbidden(c, "masked", scaled, c("forbidden", torch.logical_not, mask))
        else:
            scaled = c("masked", torch.add, scaled, mask)
    attended, _ = weighted(c, scaled, value, float(given["dropout_p"]), "output")
    return Composed([attended], "" if attended is not None else MASKS_UNKNOWN)


def scores(c: Composer, query: Value, key: Value, scale: float) -> Value:
    """q k^T / sqrt(d): (..., L, E) and (..., S, E) to (..., L, S)."""
    turned = c("key_transposed", torch.transpose, key, -2, -1)
    raw = c("scores", torch.matmul, query, turned)
    return c("scaled", torch.mul, raw, scale)


def forbidden(c: Composer, name: str, scaled: Value, mask: Value) -> Value:
    """Scores of -inf where the mask is True, so that the softmax gives nothing there."""
    return c(name, torch.masked_fill, scaled, mask, -math.inf)


def weighted(
    c: Composer, scaled: Value, value: Value, dropout: float, name: str, fully_masked: float = 0.0
) -> tuple[Value | None, Value]:
    """The weights' mean of the values, under `name`, and the weights.

    Args:
        c: writes the ops.
        scaled: (..., L, S), masked.
        value: (..., S, V).
        dropout: of the weights, as in this run.
        name: of the result, (..., L, V).
        fully_masked: the weights of a row that may look at nothing: torch's attention gives 0, its softmax NaN.

    Returns:
        The result, None where the dropout's mask is not known; and the weights as they were applied.
    """
    empty = (scaled.tensor == -math.inf).all(-1, keepdim=True)
    if empty.any() and fully_masked == 0.0:
        shares = c("weights_before_emptying", torch.softmax, scaled, -1)
        weights = c("weights", torch.masked_fill, shares, c.constant("rows_without_keys", empty), 0.0)
    else:
        weights = c("weights", torch.softmax, scaled, -1)
    if dropout:
        mask = c.mask("dropout_mask", weights.shape, weights, dropout)
        if mask is None:
            return None, weights
        weights = c("dropped_weights", torch.mul, weights, mask)
    return c(name, torch.matmul, weights, value), weights
