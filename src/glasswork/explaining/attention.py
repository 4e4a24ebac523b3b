"""Attention: a mean of the values, weighted by how well query and keys agree.

A. Vaswani et al., Attention is all you need, 2017, https://arxiv.org/abs/1706.03762, equation 1 and section 3.2.2
"""

from __future__ import annotations

import math

import torch

from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion, Label, label_of
from glasswork.explaining.randomness import is_drawn
from glasswork.explaining.rules import arguments, register
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
