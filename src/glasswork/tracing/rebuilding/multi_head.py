"""Multi-head attention as torch.nn.MultiheadAttention computes it: projections, heads, weights, output projection.

Shapes: N batch, L queries, S keys, H heads, D width of a head, E = H D.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F

from glasswork.tracing.ops import Op
from glasswork.tracing.rebuilding.attention import MASKS_UNKNOWN, forbidden, scores, weighted
from glasswork.tracing.rebuilding.composing import Composer
from glasswork.tracing.rebuilding.rebuilt import Composed, bound, composes
from glasswork.tracing.values import Value

_NAMES = (
    "query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v add_zero_attn dropout_p "
    "out_proj_weight out_proj_bias training key_padding_mask need_weights attn_mask use_separate_proj_weight "
    "q_proj_weight k_proj_weight v_proj_weight static_k static_v average_attn_weights is_causal"
)
_PARTS = ("query", "key", "value")


@composes("multi_head_attention_forward")
def _multi_head(c: Composer, op: Op) -> Composed:
    given = bound(op, _NAMES, training=True, need_weights=True, average_attn_weights=True)
    heads = given["num_heads"]
    alone = len(given["query"].shape) == 2  # no batch: (L, E)
    inputs = [c.given(given[name]) for name in _PARTS]
    if alone:
        inputs = [c(f"{name}_in_batch", torch.unsqueeze, part, 1) for name, part in zip(_PARTS, inputs, strict=True)]
    length, batch, width = inputs[0].shape
    projected = [
        c(name, F.linear, part, *_projection(c, given, place, width))  # (L or S, N, E)
        for place, (name, part) in enumerate(zip(_PARTS, inputs, strict=True))
    ]
    query, key, value = _heads(c, projected, given, heads)
    scaled = _masked(c, scores(c, query, key, 1 / math.sqrt(width // heads)), given, batch, heads)
    empty = math.nan if given["need_weights"] else 0.0
    dropout = given["dropout_p"] if given["training"] else 0.0
    attended, weights = weighted(c, scaled, value, dropout, "heads", empty)  # (N, H, L, D)
    if attended is None:
        return Composed((), MASKS_UNKNOWN)
    turned = c("heads_by_position", torch.permute, attended, (2, 0, 1, 3))
    joined = c("joined_heads", torch.reshape, turned, (length, batch, width))
    bias = given["out_proj_bias"]
    output = c(
        "projected", F.linear, joined, c.given(given["out_proj_weight"]), None if bias is None else c.given(bias)
    )
    if given["need_weights"] and given["average_attn_weights"]:
        weights = c("mean_weights", torch.mean, weights, 1)
    if alone:
        output = c("output", torch.squeeze, output, 1)
        weights = c("output_weights", torch.squeeze, weights, 0) if given["need_weights"] else weights
    return Composed([output, weights] if given["need_weights"] else [output])


def _projection(c: Composer, given: dict[str, Any], place: int, width: int) -> tuple[Value, Value | None]:
    """The weight and bias of the query's, key's or value's projection."""
    name, bias = _PARTS[place], given["in_proj_bias"]
    if bias is not None:
        bias = c(f"{name}_bias", torch.narrow, c.given(bias), 0, place * width, width)
    if given["use_separate_proj_weight"]:
        return c.given(given[f"{name[0]}_proj_weight"]), bias
    return c(f"{name}_weight", torch.narrow, c.given(given["in_proj_weight"]), 0, place * width, width), bias


def _heads(c: Composer, projected: list[Value], given: dict[str, Any], heads: int) -> list[Value]:
    """(L, N, E) each to (N, H, L, D), with the extra keys and values at their ends."""
    batch = projected[0].shape[1]
    found = []
    for name, value in zip(_PARTS, projected, strict=True):
        extra, static = given[f"bias_{name[0]}"] if name != "query" else None, given.get(f"static_{name[0]}")
        if extra is not None:
            more = c(f"{name}_extra", torch.Tensor.repeat, c.given(extra), 1, batch, 1)
            value = c(f"{name}_with_extra", torch.cat, [value, more])
        if static is not None:  # (N H, S, D), given instead
            parts = c.given(static)
            split = c(f"{name}_heads", torch.reshape, parts, (batch, heads, *parts.shape[1:]))
        else:
            sizes = (value.shape[0], batch, heads, value.shape[-1] // heads)
            shaped = c(f"{name}_by_head", torch.reshape, value, sizes)
            split = c(f"{name}_heads", torch.permute, shaped, (1, 2, 0, 3))
        if given["add_zero_attn"] and name != "query":
            zeros = torch.zeros(batch, heads, 1, split.shape[-1], dtype=split.dtype, device=split.device)
            split = c(f"{name}_with_zero", torch.cat, [split, c.constant(f"{name}_zero", zeros)], 2)
        found.append(split)
    return found


def _masked(c: Composer, scaled: Value, given: dict[str, Any], batch: int, heads: int) -> Value:
    """(N, H, L, S) with -inf, or whatever a mask adds, where something may not be looked at."""
    added = scaled.shape[-1]
    for name in ("attn_mask", "key_padding_mask"):
        if given[name] is None:
            continue
        mask = c.given(given[name])
        source = mask.shape[-1]
        if source < added:  # the keys that bias_k and add_zero_attn append may always be looked at
            mask = c(f"{name}_padded", F.pad, mask, (0, added - source))
        if name == "key_padding_mask":
            mask = c(f"{name}_by_head", torch.reshape, mask, (batch, 1, 1, added))
        elif len(mask.shape) == 3:
            mask = c(f"{name}_by_head", torch.reshape, mask, (batch, heads, *mask.shape[1:]))
        if mask.dtype == torch.bool:
            scaled = forbidden(c, f"masked_by_{name}", scaled, mask)
        else:
            scaled = c(f"masked_by_{name}", torch.add, scaled, mask)
    return scaled
