"""Attention: a mean of the values, weighted by how well query and keys agree.

A. Vaswani et al., Attention is all you need, 2017, https://arxiv.org/abs/1706.03762, equation 1 and section 3.2.2
"""

from __future__ import annotations

import math
from typing import Any

import torch

from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion, Label, label_of, number
from glasswork.explaining.explanation import Operand
from glasswork.explaining.randomness import is_drawn
from glasswork.explaining.rules import arguments, register, register_slots
from glasswork.tracing import Op, Trace, Value


def _broadcast(shape: tuple[int, ...], index: tuple[int, ...]) -> tuple[int, ...]:
    tail = index[len(index) - len(shape) :] if shape else ()
    return tuple(0 if size == 1 else place for size, place in zip(shape, tail, strict=True))


@register("scaled_dot_product_attention")
def attention(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """One term for each key: its value, times its weight, softmax over all keys of query · key / sqrt(d)."""
    if is_drawn(op):
        raise NoRule("attention with dropout", where=op.path)
    names = "query key value attn_mask dropout_p is_causal scale enable_gqa"
    given = arguments(op, names, dropout_p=0.0, is_causal=False, enable_gqa=False)
    query, key, values = given["query"], given["key"], given["value"]
    *lead, row, feature = index
    shared = list(lead)
    if given["enable_gqa"] and lead:
        shared[-1] = lead[-1] // (query.shape[-3] // key.shape[-3])
    at = _broadcast(key.shape[:-2], tuple(shared))
    width = query.shape[-1]
    scale = 1 / math.sqrt(width) if given["scale"] is None else given["scale"]
    asked = query.tensor[(*_broadcast(query.shape[:-2], tuple(lead)), row)].double()
    scores = key.tensor[at].double() @ asked * scale  # (keys,)
    if given["is_causal"]:
        scores = scores.masked_fill(torch.arange(len(scores)) > row, -math.inf)
    mask: Value | None = given["attn_mask"]
    if mask is not None:
        line = mask.tensor[_broadcast(mask.shape[:-1], (*lead, row))]
        scores = scores.masked_fill(~line, -math.inf) if line.dtype == torch.bool else scores + line.double()
    weights = scores.softmax(0)
    if bool((scores == -math.inf).all()):
        weights = torch.zeros_like(scores)  # nothing may be looked at: torch gives 0
    places = _broadcast(values.shape[:-2], tuple(shared))
    taken = values.tensor[(*places, slice(None), feature)].double()

    def label(position: int) -> Label:
        return label_of(values, (*places, position, feature))

    masked = r" + m_{i,j}" if mask is not None or given["is_causal"] else ""
    formula = (
        r"y_i = \sum_j a_{i,j}\,v_j,\quad a_i = \operatorname{softmax}_j\!\left("
        rf"\frac{{q_i \cdot k_j}}{{\sqrt{{{width}}}}}{masked}\right)"
        if given["scale"] is None
        else rf"y_i = \sum_j a_{{i,j}}\,v_j,\quad a_i = \operatorname{{softmax}}_j({scale:g}\,q_i \cdot k_j{masked})"
    )
    note = "the factors are the attention weights, computed again from query and keys: the fused kernel hides them"
    return Expansion("formula", formula, "sum", taken, weights, taken * weights, label, note=note)


@register_slots("multi_head_attention_forward")
def multi_head_attention(trace: Trace, op: Op, index: tuple[int, ...], slot: int = 0) -> Expansion:
    """The output projection of all heads side by side; of the second output, the attention weights.

    Each term is a feature of a head, computed again from the projections, times its weight in the projection.
    """
    if is_drawn(op):
        raise NoRule("attention with dropout", where=op.path)
    given = arguments(
        op,
        "query key value embed_dim_to_check num_heads in_proj_weight in_proj_bias bias_k bias_v add_zero_attn "
        "dropout_p out_proj_weight out_proj_bias training key_padding_mask need_weights attn_mask "
        "use_separate_proj_weight q_proj_weight k_proj_weight v_proj_weight static_k static_v average_attn_weights "
        "is_causal",
        training=True, need_weights=True, use_separate_proj_weight=False, average_attn_weights=True, is_causal=False,
    )  # fmt: skip
    unusual = [given[name] for name in ("bias_k", "bias_v", "static_k", "static_v")]
    if any(item is not None for item in unusual) or given["add_zero_attn"]:
        raise NoRule("attention with added keys", where=op.path)
    batched = len(given["query"].shape) == 3
    heads = given["num_heads"]
    if slot == 1:
        averaged = bool(given["average_attn_weights"])
        inner = list(index)
        example = inner.pop(0) if batched else 0
        which = None if averaged else inner.pop(0)
        weights, _ = _heads(given, example, inner[0])
        shares = weights[:, inner[1]] if which is None else weights[which : which + 1, inner[1]]
        label = lambda position: Label(f"head {position if which is None else which}")  # noqa: E731
        formula = rf"a_{{i,j}} = \tfrac{{1}}{{{len(shares)}}}\sum_h a^{{(h)}}_{{i,j}}"
        return Expansion(
            "formula", formula, "mean", shares, None, shares, label, note="the heads' own weights, rebuilt"
        )
    row, feature = index[0], index[-1]
    _, side_by_side = _heads(given, index[1] if batched else 0, row)
    weight, bias = given["out_proj_weight"], given["out_proj_bias"]
    factors = weight.tensor[feature].double()
    values, products = side_by_side, side_by_side * factors
    width = len(values) // heads
    count = len(values)
    if bias is not None:
        shift = number(bias, (feature,)).reshape(1)
        values, products = torch.cat([values, shift]), torch.cat([products, shift])
        factors = torch.cat([factors, factors.new_full((1,), math.nan)])

    def label(position: int) -> Label:
        if bias is not None and position == count:
            return label_of(bias, (feature,))
        return Label(f"head {position // width}, feature {position % width}", None, weight.ref((feature, position)))

    formula = (
        rf"y_{{i,o}} = \sum_{{h=0}}^{{{heads - 1}}}\sum_{{c=0}}^{{{width - 1}}} W_{{o,(h,c)}}\,"
        r"\Bigl(\sum_j a^{(h)}_{i,j}\,v^{(h)}_{j,c}\Bigr) + b_o,\quad a^{(h)}_i = "
        rf"\operatorname{{softmax}}_j\frac{{q^{{(h)}}_i \cdot k^{{(h)}}_j}}{{\sqrt{{{width}}}}}"
    )
    operands = (Operand("heads", None, heads),)
    note = "what the heads give is computed again from the projections: the op hides it"
    return Expansion(
        "formula",
        formula,
        "sum",
        values,
        factors,
        products,
        label,
        operands=operands,
        note=note,
        always=() if bias is None else (count,),
    )


def _heads(given: dict[str, Any], example: int, row: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights (heads, keys) of one query of one example, and what the heads give, side by side (heads * width,)."""

    def line(value: Value) -> torch.Tensor:
        tensor = value.tensor if len(value.shape) == 2 else value.tensor[:, example]
        return tensor.double()  # (positions, features)

    heads = given["num_heads"]
    query, key, value = given["query"], given["key"], given["value"]
    size = query.shape[-1]
    if given["use_separate_proj_weight"]:
        matrices = [given[f"{letter}_proj_weight"].tensor.double() for letter in "qkv"]
    else:
        matrices = list(given["in_proj_weight"].tensor.double().split(size))
    bias = given["in_proj_bias"]
    shifts = [0.0] * 3 if bias is None else list(bias.tensor.double().split(size))
    q = line(query)[row] @ matrices[0].T + shifts[0]  # (features,)
    k = line(key) @ matrices[1].T + shifts[1]  # (keys, features)
    v = line(value) @ matrices[2].T + shifts[2]
    width = size // heads
    scores = torch.einsum("hc,khc->hk", q.view(heads, width), k.view(-1, heads, width)) / math.sqrt(width)
    for name in ("attn_mask", "key_padding_mask"):
        mask: Value | None = given[name]
        if mask is None:
            continue
        tensor = mask.tensor
        if name == "key_padding_mask":
            tensor = tensor[example] if tensor.dim() == 2 else tensor
        else:
            if tensor.dim() == 3:
                tensor = tensor[example * heads : (example + 1) * heads]
            tensor = tensor[..., row, :]
        scores = scores.masked_fill(tensor, -math.inf) if tensor.dtype == torch.bool else scores + tensor.double()
    if given["attn_mask"] is None and given["is_causal"]:
        scores = scores.masked_fill(torch.arange(scores.shape[1]) > row, -math.inf)
    weights = scores.softmax(1)
    return weights, torch.einsum("hk,khc->hc", weights, v.view(-1, heads, width)).flatten()
