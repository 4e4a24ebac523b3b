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
from glasswork.explaining.expansion import flat_place, number
from glasswork.explaining.pointwise import at_element, gelu_parts, is_elementwise
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
    if op.name == "gelu":
        return _through_a_gelu(op, index)
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


def _through_a_gelu(op: Op, index: tuple[int, ...]) -> list[Column]:
    """(1 + t + x t') / 2, where t is the erf, or the tanh that stands for it."""
    x = number(op.operands[0], index)
    inner, slope = gelu_parts(op, x)
    position = torch.tensor([flat_place(index, op.output.shape)])
    note = f"written out: its parts nearly cancel here, and {_type(op.output)} rounds them"
    slopes = {"by x / 2": torch.full_like(x, 0.5), "by x / 2 times the erf": inner / 2, "by the erf": x * slope / 2}
    return [Column(op.output, position, part.reshape(1), note, part=name) for name, part in slopes.items()]


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
    times = query.shape[-3] // key.shape[-3] if given["enable_gqa"] and len(query.shape) > 2 else 1
    heads = [part.shape[:-2] if times == 1 else part.shape[:-3] for part in (query, key, values)]
    if len(set(heads)) > 1 or key.shape[:-2] != values.shape[:-2]:
        return None  # broadcast
    *lead, place, feature = index
    if times == 1:
        pairs = [(tuple(lead), tuple(lead))]
    elif value is query:
        pairs = [(tuple(lead), (*lead[:-1], lead[-1] // times))]
    else:  # a key head serves several query heads
        pairs = [((*lead[:-1], lead[-1] * times + head), tuple(lead)) for head in range(times)]
    scale = 1 / math.sqrt(query.shape[-1]) if given["scale"] is None else given["scale"]
    note = f"written out: its parts nearly cancel here, and {_type(op.output)} rounds them"
    found = []
    for at, shared in pairs:
        q, k, v = query.tensor[at].double(), key.tensor[shared].double(), values.tensor[shared].double()
        mask = given["attn_mask"]
        mask = None if mask is None else mask.tensor.expand(*query.shape[:-1], key.shape[-2])[at]
        weights = attention_weights(q, k, mask, bool(given["is_causal"]), scale)  # (L, S)
        positions = flat_place(at, op.output.shape[:-2]) * len(q) * v.shape[-1] + torch.arange(len(q) * v.shape[-1])
        if value is query:
            positions = positions.reshape(len(q), -1)[place]
            row, column = weights[place], k[:, feature]
            together, apart = (row * column) @ v, (row @ column) * (row @ v)
        else:
            reach = q[:, feature] * weights[:, place]  # (L,)
            together, apart = (reach[:, None] * v[place]).flatten(), (reach[:, None] * (weights @ v)).flatten()
        found += [
            Column(op.output, positions, scale * together, note, part="through the weight itself"),
            Column(op.output, positions, -scale * apart, note, part="through the sum of all weights"),
        ]
    return found


def _type(value: Value) -> str:
    return str(value.dtype).removeprefix("torch.")
