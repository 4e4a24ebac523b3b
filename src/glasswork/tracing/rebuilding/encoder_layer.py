"""The fused kernels behind nn.TransformerEncoderLayer and nn.MultiheadAttention in evaluation, written out.

A traced module does not take them by itself (torch turns them off when it is watched), but code that calls them does.
Shapes: N batch, L positions, H heads, D width of a head, E = H D.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from glasswork.tracing.errors import NotRebuilt
from glasswork.tracing.ops import Op
from glasswork.tracing.rebuilding.attention import forbidden, scores, weighted
from glasswork.tracing.rebuilding.composing import Composer
from glasswork.tracing.rebuilding.rebuilt import Composed, bound, composes
from glasswork.tracing.values import Value

_LAYER = (
    "src embed_dim num_heads qkv_weight qkv_bias proj_weight proj_bias use_gelu norm_first eps norm_weight_1 "
    "norm_bias_1 norm_weight_2 norm_bias_2 ffn_weight_1 ffn_bias_1 ffn_weight_2 ffn_bias_2 mask mask_type"
)
_ATTENTION = (
    "query key value embed_dim num_heads qkv_weight qkv_bias proj_weight proj_bias mask need_weights "
    "average_attn_weights mask_type"
)


@composes("_native_multi_head_attention")
def _fused_attention(c: Composer, op: Op) -> Composed:
    given = bound(op, _ATTENTION, need_weights=True, average_attn_weights=True)
    names = ("query", "key", "value", "qkv_weight", "qkv_bias", "proj_weight", "proj_bias")
    query, key, value, *parameters = (c.given(given[name]) for name in names)
    mask = None if given["mask"] is None else c.given(given["mask"])
    output, weights = _attention(c, (query, key, value), parameters, given["num_heads"], mask, given["mask_type"])
    if not given["need_weights"]:
        return Composed([output])
    return Composed([output, c("mean_weights", torch.mean, weights, 1) if given["average_attn_weights"] else weights])


@composes("_transformer_encoder_layer_fwd")
def _encoder_layer(c: Composer, op: Op) -> Composed:
    """Attention and a perceptron, each added to what it read; the norms before (norm_first) or after the addition."""
    given = bound(op, _LAYER)
    x = c.given(given["src"])
    mask = None if given["mask"] is None else c.given(given["mask"])
    width, eps = (given["embed_dim"],), given["eps"]
    parameters = [c.given(given[name]) for name in ("qkv_weight", "qkv_bias", "proj_weight", "proj_bias")]

    def norm(number: int, value: Value) -> Value:
        pair = (c.given(given[f"norm_{kind}_{number}"]) for kind in ("weight", "bias"))
        return c(f"norm{number}", F.layer_norm, value, width, *pair, eps)

    def perceptron(value: Value) -> Value:
        first, second = (
            (c.given(given[f"ffn_weight_{number}"]), c.given(given[f"ffn_bias_{number}"])) for number in (1, 2)
        )
        inner = c("perceptron.first", F.linear, value, *first)
        active = c("perceptron.activation", F.gelu if given["use_gelu"] else F.relu, inner)
        return c("perceptron.second", F.linear, active, *second)

    before = norm(1, x) if given["norm_first"] else x
    attended, _ = _attention(c, (before, before, before), parameters, given["num_heads"], mask, given["mask_type"])
    x = c("attention_added", torch.add, x, attended)
    if given["norm_first"]:
        return Composed([c("perceptron_added", torch.add, x, perceptron(norm(2, x)))])
    x = norm(1, x)
    return Composed([norm(2, c("perceptron_added", torch.add, x, perceptron(x)))])


def _attention(
    c: Composer,
    inputs: tuple[Value, Value, Value],
    parameters: list[Value],
    heads: int,
    mask: Value | None,
    mask_type: int | None,
) -> tuple[Value, Value]:
    """The output, (N, L, E), and the weights of each head, (N, H, L, L)."""
    if any(len(value.shape) != 3 for value in inputs):
        raise NotRebuilt("this attention is not over a batch of sequences", where="a fused kernel")
    (batch, length, width), (weight, bias, out_weight, out_bias) = inputs[0].shape, parameters
    parts = []
    for place, (name, value) in enumerate(zip(("query", "key", "value"), inputs, strict=True)):
        own_weight = c(f"{name}_weight", torch.narrow, weight, 0, place * width, width)
        own_bias = c(f"{name}_bias", torch.narrow, bias, 0, place * width, width)
        projected = c(name, F.linear, value, own_weight, own_bias)  # (N, L, E)
        shaped = c(f"{name}_by_head", torch.reshape, projected, (batch, value.shape[1], heads, width // heads))
        parts.append(c(f"{name}_heads", torch.transpose, shaped, 1, 2))  # (N, H, L, D)
    scaled = scores(c, parts[0], parts[1], 1 / math.sqrt(width // heads))
    if mask is not None:
        shape = {0: (1, 1, length, length), 1: (batch, 1, 1, length)}.get(mask_type or 0, mask.shape)
        shaped = c("mask_by_head", torch.reshape, mask, shape)
        scaled = (
            forbidden(c, "masked", scaled, shaped)
            if mask.dtype == torch.bool
            else c("masked", torch.add, scaled, shaped)
        )
    attended, weights = weighted(c, scaled, parts[2], 0.0, "heads", math.nan)
    assert attended is not None
    joined = c("joined_heads", torch.reshape, c("heads_by_position", torch.transpose, attended, 1, 2), inputs[0].shape)
    return c("projected", F.linear, joined, out_weight, out_bias), weights
