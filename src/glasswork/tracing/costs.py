"""Multiply-accumulates of an op by formula, as the papers count them.

One product of a weight or an activation with another is one MAC; biases, normalisations, activations and pooling
count nothing. Published totals that this reproduces are in TRACING.md (AlexNet 0.714188 G, ResNet-152 11.513627 G).
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING

from glasswork.tracing.values import Value

if TYPE_CHECKING:
    from glasswork.tracing.ops import Op

Formula = Callable[["Op"], int]
_FORMULAS: dict[str, Formula] = {}


def multiply_accumulates(op: Op) -> int:
    """The MACs of one op; 0 for those that only add, compare or move."""
    formula = _FORMULAS.get(op.name.rstrip("_"))
    return formula(op) if formula is not None and op.outputs else 0


def _formula(*names: str) -> Callable[[Formula], Formula]:
    def enrol(formula: Formula) -> Formula:
        _FORMULAS.update(dict.fromkeys(names, formula))
        return formula

    return enrol


def _elements(value: Value) -> int:
    return prod(value.shape)


@_formula("conv1d", "conv2d", "conv3d")
def _conv(op: Op) -> int:
    weight = op.operands[1].shape  # (out channels, in channels / groups, kernel...)
    return _elements(op.output) * prod(weight[1:])


@_formula("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _conv_transpose(op: Op) -> int:
    weight = op.operands[1].shape  # (in channels, out channels / groups, kernel...)
    return _elements(op.operands[0]) * prod(weight[1:])


@_formula("linear", "matmul", "mm", "bmm", "mv", "dot")
def _product(op: Op) -> int:
    return _elements(op.output) * op.operands[0].shape[-1]


@_formula("rmatmul")
def _reflected_product(op: Op) -> int:
    return _elements(op.output) * op.operands[1].shape[-1]


@_formula("addmm", "baddbmm", "addmv")
def _product_and_sum(op: Op) -> int:
    return _elements(op.output) * op.operands[1].shape[-1]


@_formula("addbmm")
def _sum_of_products(op: Op) -> int:
    return _elements(op.output) * op.operands[1].shape[-1] * op.operands[1].shape[0]


@_formula("bilinear")
def _bilinear(op: Op) -> int:
    left, right = op.operands[0].shape[-1], op.operands[1].shape[-1]
    return _elements(op.output) * left * right


@_formula("einsum")
def _einsum(op: Op) -> int:
    equation = op.args[0]
    if not isinstance(equation, str) or "..." in equation or len(op.operands) != 2:
        return 0
    sizes: dict[str, int] = {}
    for letters, value in zip(equation.replace(" ", "").split("->")[0].split(","), op.operands, strict=True):
        sizes.update(zip(letters, value.shape, strict=True))
    return prod(sizes.values())


@_formula("scaled_dot_product_attention")
def _attention(op: Op) -> int:
    query, key, value = (operand.shape for operand in op.operands[:3])
    return prod(query[:-1]) * key[-2] * (query[-1] + value[-1])  # (B, H, L, E) x (B, H, S, E), then (B, H, S, V)


@_formula("multi_head_attention_forward")
def _multi_head_attention(op: Op) -> int:
    query, key, value = (operand.shape for operand in op.operands[:3])  # (L, B, E), (S, B, E), (S, B, E)
    width, batch = query[-1], prod(query[1:-1])
    projections = batch * width * (query[0] * width + key[0] * key[-1] + value[0] * value[-1] + query[0] * width)
    return projections + 2 * batch * query[0] * key[0] * width


@_formula("lstm", "gru", "rnn_tanh", "rnn_relu")
def _recurrent(op: Op) -> int:
    steps = prod(op.operands[0].shape[:-1])  # time x batch; a packed sequence holds its valid steps only
    return steps * sum(_elements(value) for value in op.operands if value.kind == "parameter" and len(value.shape) == 2)


@_formula("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell")
def _recurrent_cell(op: Op) -> int:
    batch = prod(op.operands[0].shape[:-1])
    return batch * sum(_elements(v) for v in op.operands if v.kind == "parameter" and len(v.shape) == 2)
