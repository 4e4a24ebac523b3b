"""Slopes written out in parts, for gradients that are the little that is left where large parts cancel.

Softmax hands back p_i (g_i - sum p_j g_j), a normalisation s (g - mean g - x mean(g x)): where the parts are nearly
equal, a kernel in float32 returns their rounding. The plain slope p_i (1 - p_i) hides those parts; written out they are
terms of the same sum, as large as what the kernel added up. For functions of single numbers the slope is the kernel's
own, in its own precision.
"""

from __future__ import annotations

import math

import torch

from glasswork.explaining.columns import Column
from glasswork.explaining.expansion import flat_place
from glasswork.explaining.pointwise import at_element, is_elementwise
from glasswork.explaining.randomness import is_drawn
from glasswork.explaining.replaying import own_precision, undisturbed
from glasswork.explaining.rules import arguments
from glasswork.explaining.written_out import attention_weights
from glasswork.tracing import Op, Value


def written_out_columns(op: Op, value: Value, index: tuple[int, ...]) -> list[Column] | None:
    """The column of an op's only output by one number of one operand, in parts; None where no parts are known."""
    if len(op.outputs) != 1 or is_drawn(op) or sum(operand is value for operand in op.operands) > 1:
        return None
    if any(operand.dtype.is_complex for operand in (*op.operands, op.output)):
        return None
    if is_elementwise(op) and value.shape == op.output.shape:
        return [_as_the_kernel_has_it(op, value, index)]
    if op.name in ("softmax", "log_softmax") and value is op.operands[0]:
        return _through_a_softmax(op, index)
    if op.name == "layer_norm":
        return _through_a_layer_norm(op, value, index)
    if op.name == "scaled_dot_product_attention":
        return _through_attention(op, value, index)
    return None


def _as_the_kernel_has_it(op: Op, value: Value, index: tuple[int, ...]) -> Column:
    leaves: dict[int, torch.Tensor] = {}
    with undisturbed(), torch.enable_grad(), own_precision():
        y = at_element(op, index, leaves)
        slope = torch.autograd.grad(y.sum(), leaves[id(value)], allow_unused=True)[0] if y.requires_grad else None
    slopes = torch.zeros(1, dtype=torch.float64) if slope is None else slope.reshape(1).double()
    note = f"the slope as the kernel has it in {_type(value)}: its rounding shows in this number"
    return Column(op.output, torch.tensor([flat_place(index, value.shape)]), slopes, note)


def _through_a_softmax(op: Op, index: tuple[int, ...]) -> list[Column]:
    """dy_j/dx_i = p_j (own) - p_j p_i; of the logarithm 1 (own) - p_i."""
    source, output = op.operands[0], op.output
    axis = arguments(op, "input dim", dim=None)["dim"]
    if axis is None:
        axis = 0 if len(source.shape) in (0, 1, 3) else 1
    axis %= max(len(source.shape), 1)
    at = tuple(slice(None) if dim == axis else place for dim, place in enumerate(index))
    shares = source.tensor[at].double().reshape(-1).softmax(0)
    own = index[axis] if index else 0
    first = flat_place([0 if dim == axis else place for dim, place in enumerate(index)], source.shape)
    positions = first + torch.arange(len(shares)) * math.prod(source.shape[axis + 1 :])
    logarithm = op.name == "log_softmax"
    straight = torch.ones(1, dtype=torch.float64) if logarithm else shares[own : own + 1]
    shared = -shares[own].expand(len(shares)) if logarithm else -shares * shares[own]
    note = f"written out: {'1 - p' if logarithm else 'p (1 - p)'} nearly cancels here, and {_type(output)} rounds it"
    return [
        Column(output, positions[own : own + 1], straight, note, part="through the numerator"),
        Column(output, positions, shared, note, part="through the sum"),
    ]


def _through_a_layer_norm(op: Op, value: Value, index: tuple[int, ...]) -> list[Column] | None:
    """y_j = gamma_j (x_j - mean) s + beta_j, by x_i and by gamma_i."""
    given = arguments(op, "input normalized_shape weight bias eps", eps=1e-5)
    source, weight, output = given["input"], given["weight"], op.output
    lead = len(source.shape) - len(tuple(given["normalized_shape"]))
    size = math.prod(source.shape[lead:])
    note = f"written out: its parts nearly cancel here, and {_type(output)} rounds them"
    if value is weight:
        lines = source.tensor.double().reshape(-1, size)  # (places, features)
        scale = (lines.var(1, correction=0) + given["eps"]).rsqrt()
        feature = flat_place(index, weight.shape)
        positions = torch.arange(len(lines)) * size + feature
        return [
            Column(output, positions, lines[:, feature] * scale, note, part="by x"),
            Column(output, positions, -lines.mean(1) * scale, note, part="by the mean"),
        ]
    if value is not source:
        return None
    numbers = source.tensor[index[:lead]].double().reshape(-1)
    scale = (numbers.var(correction=0) + given["eps"]).rsqrt()
    scaled = (numbers - numbers.mean()) * scale
    gains = torch.ones(size, dtype=torch.float64) if weight is None else weight.tensor.double().reshape(-1)
    own = flat_place(index[lead:], source.shape[lead:])
    positions = flat_place(index[:lead], source.shape[:lead]) * size + torch.arange(size)
    return [
        Column(output, positions[own : own + 1], (gains * scale)[own : own + 1], note, part="straight"),
        Column(output, positions, -gains * scale / size, note, part="through the mean"),
        Column(output, positions, -gains * scale * scaled * scaled[own] / size, note, part="through the deviation"),
    ]


def _through_attention(op: Op, value: Value, index: tuple[int, ...]) -> list[Column] | None:
    """y = sum a_j v_j, by the query: scale (sum a_j k_j v_j - (sum a_j k_j) y); by a key: scale q a_j (v_j - y)."""
    names = "query key value attn_mask dropout_p is_causal scale enable_gqa"
    given = arguments(op, names, dropout_p=0.0, is_causal=False, enable_gqa=False)
    query, key, values = given["query"], given["key"], given["value"]
    if value is not query and value is not key:
        return None
    if given["enable_gqa"] or not query.shape[:-2] == key.shape[:-2] == values.shape[:-2]:
        return None
    *lead, place, feature = index
    at = tuple(lead)
    q, k, v = (part.tensor[at].double() for part in (query, key, values))  # (L or S, features)
    mask = None if given["attn_mask"] is None else given["attn_mask"].tensor
    if mask is not None:
        mask = mask.expand(*query.shape[:-1], key.shape[-2])[at]
    scale = 1 / math.sqrt(q.shape[-1]) if given["scale"] is None else given["scale"]
    weights = attention_weights(q, k, mask, bool(given["is_causal"]), scale)  # (L, S)
    start = flat_place(at, op.output.shape[:-2]) * len(q) * v.shape[-1]
    note = f"written out: its parts nearly cancel here, and {_type(op.output)} rounds them"
    if value is query:
        positions = start + place * v.shape[-1] + torch.arange(v.shape[-1])
        row, column = weights[place], k[:, feature]
        together, apart = (row * column) @ v, (row @ column) * (row @ v)
    else:
        positions = start + torch.arange(len(q) * v.shape[-1])
        reach = q[:, feature] * weights[:, place]  # (L,)
        together = (reach[:, None] * v[place]).flatten()
        apart = (reach[:, None] * (weights @ v)).flatten()
    return [
        Column(op.output, positions, scale * together, note, part="through the weight itself"),
        Column(op.output, positions, -scale * apart, note, part="through the sum of all weights"),
    ]


def _type(value: Value) -> str:
    return str(value.dtype).removeprefix("torch.")
