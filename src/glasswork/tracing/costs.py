"""What an op costs by formula: multiply-accumulates as the papers count them, and the bytes that it moves.

One step of a sum of products is one MAC; biases, normalisations, activations, pooling and products of single elements
count nothing. Published totals that this reproduces are in TRACING.md (AlexNet 0.714188 G, ResNet-152 11.513627 G).
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt, prod
from typing import TYPE_CHECKING, Any

from glasswork.tracing.contractions import chain, contractions
from glasswork.tracing.values import Value, replace_values

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


def _argument(op: Op, position: int, *names: str, default: Any = None) -> Any:
    """An argument by its place or by any of its names."""
    if len(op.args) > position:
        return op.args[position]
    return next((op.kwargs[name] for name in names if name in op.kwargs), default)


@_formula("conv1d", "conv2d", "conv3d", "deform_conv2d", "_convolution_mode")
def _conv(op: Op) -> int:
    weight = _argument(op, 1, "weight").shape  # (out channels, in channels / groups, kernel...)
    return _elements(op.output) * prod(weight[1:])


@_formula("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _conv_transpose(op: Op) -> int:
    weight = _argument(op, 1, "weight").shape  # (in channels, out channels / groups, kernel...)
    return _elements(_argument(op, 0, "input")) * prod(weight[1:])


@_formula("convolution", "_convolution")
def _general_convolution(op: Op) -> int:
    return _conv_transpose(op) if _argument(op, 6, "transposed", default=False) else _conv(op)


@_formula("conv_tbc")
def _conv_tbc(op: Op) -> int:
    weight = _argument(op, 1, "weight").shape  # (kernel, in channels, out channels)
    return _elements(op.output) * weight[0] * weight[1]


@_formula("linear", "matmul", "mm", "bmm", "mv", "dot", "vdot", "inner", "_grouped_mm", "grouped_mm", "_int_mm")
def _product(op: Op) -> int:
    return _elements(op.output) * (_argument(op, 0, "input", "self").shape or (1,))[-1]


@_formula("rmatmul")
def _reflected_product(op: Op) -> int:
    return _elements(op.output) * op.operands[1].shape[-1]


@_formula("vecdot", "linalg_vecdot")
def _rows(op: Op) -> int:
    axis = _argument(op, 2, "dim", default=-1)
    return _elements(op.output) * max(value.shape[axis] for value in op.operands[:2])


@_formula("addmm", "baddbmm", "addmv")
def _product_and_sum(op: Op) -> int:
    return _elements(op.output) * op.operands[1].shape[-1]


@_formula("addbmm")
def _sum_of_products(op: Op) -> int:
    return _elements(op.output) * op.operands[1].shape[-1] * op.operands[1].shape[0]


@_formula("tensordot")
def _tensordot(op: Op) -> int:
    left, right = op.operands[:2]
    made = _elements(op.output)
    # left = kept a x shared, right = shared x kept b, output = kept a x kept b
    return made * isqrt(_elements(left) * _elements(right) // made) if made else 0


@_formula("multi_dot", "linalg_multi_dot", "chain_matmul")
def _multi_dot(op: Op) -> int:
    shapes = [value.shape for value in op.operands]
    first = shapes[0] if len(shapes[0]) > 1 else (1, *shapes[0])
    last = shapes[-1] if len(shapes[-1]) > 1 else (*shapes[-1], 1)
    return chain([first[0], first[1], *(shape[1] for shape in (*shapes[1:-1], last))])


@_formula("bilinear")
def _bilinear(op: Op) -> int:
    left, right = op.operands[0].shape[-1], op.operands[1].shape[-1]
    return _elements(op.output) * left * right


@_formula("einsum")
def _einsum(op: Op) -> int:
    return contractions(op.args[0] if isinstance(op.args[0], str) else None, op.args)


@_formula("scaled_dot_product_attention")
def _attention(op: Op) -> int:
    query, key, value = (_argument(op, place, name).shape for place, name in enumerate(("query", "key", "value")))
    return prod(query[:-1]) * key[-2] * (query[-1] + value[-1])  # (B, H, L, E) x (B, H, S, E), then (B, H, S, V)


@_formula("multi_head_attention_forward")
def _multi_head_attention(op: Op) -> int:
    query, key, value = (  # (L, B, E), (S, B, K), (S, B, V); without a batch (L, E) and so on
        _argument(op, place, name).shape for place, name in enumerate(("query", "key", "value"))
    )
    width, batch = query[-1], prod(query[1:-1])
    projections = batch * width * (query[0] * width + key[0] * key[-1] + value[0] * value[-1] + query[0] * width)
    extra = (_argument(op, 7, "bias_k") is not None) + bool(_argument(op, 9, "add_zero_attn", default=False))
    return projections + 2 * batch * query[0] * (key[0] + extra) * width


@_formula("_native_multi_head_attention")
def _fused_attention(op: Op) -> int:
    batch, length, width = op.operands[0].shape
    return batch * length * width * (4 * width + 2 * length)


@_formula("_transformer_encoder_layer_fwd")
def _fused_encoder_layer(op: Op) -> int:
    inner = _argument(op, 14, "ffn_weight_1").shape[0]
    batch, length, width = op.operands[0].shape
    return _fused_attention(op) + 2 * batch * length * width * inner


@_formula("lstm", "gru", "rnn_tanh", "rnn_relu")
def _recurrent(op: Op) -> int:
    steps = prod(op.operands[0].shape[:-1])  # time x batch; a packed sequence holds its valid steps only
    weights = op.args[2] if isinstance(op.args[3], bool) else op.args[3]
    return steps * sum(_elements(weight) for weight in weights if len(weight.shape) == 2)


@_formula("lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell")
def _recurrent_cell(op: Op) -> int:
    batch = prod(op.operands[0].shape[:-1])
    weights = (_argument(op, 2, "w_ih"), _argument(op, 3, "w_hh"))
    return batch * sum(map(_elements, weights))


# -- bytes -------------------------------------------------------------------------------------------------------------

_VIEWS = frozenset(
    "view view_as expand expand_as permute transpose swapaxes swapdims movedim moveaxis t T mT H mH adjoint detach "  # noqa: SIM905
    "data real imag squeeze unsqueeze narrow select unbind split chunk tensor_split hsplit vsplit dsplit diagonal "
    "unfold as_strided view_as_real view_as_complex unflatten broadcast_to broadcast_tensors alias conj resolve_conj "
    "atleast_1d atleast_2d atleast_3d ravel".split()
)
_AT_TIMES = frozenset(
    ["reshape", "reshape_as", "flatten", "contiguous", "getitem", "to", "float", "type_as", "identity"]
)
_LOOK_UPS = frozenset(["embedding", "index_select", "gather", "take", "take_along_dim", "index", "embedding_bag"])


def bytes_moved(op: Op) -> int:
    """What an op reads and writes, in bytes: each operand and output once; a view moves nothing, a look-up its rows."""
    name = op.name.rstrip("_")
    if name in _VIEWS or (name in _AT_TIMES and _is_view(op)):
        return 0
    written = sum(value.bytes for value in op.outputs)
    distinct = {id(value): value for value in op.operands}.values()
    if name not in _LOOK_UPS and not (name == "getitem" and len(distinct) > 1):
        return written + sum(value.bytes for value in distinct)
    largest = max(distinct, key=lambda value: value.bytes)  # the table: as many of its numbers are read as written
    rest = sum(value.bytes for value in distinct if value is not largest)
    return written + rest + min(written, largest.bytes)


def _is_view(op: Op) -> bool:
    """Whether an op that copies only when it must did not."""
    if op.name == "getitem":
        return not any(isinstance(part, (Value, list)) for part in _flat(op.args[1:]))  # a mask or a list copies
    source, made = op.operands[0], op.output
    if source.dtype != made.dtype or source.device != made.device:
        return False
    layout = source.data
    if layout is None or op.name not in ("reshape", "reshape_as", "flatten", "contiguous"):
        return True
    if op.name == "contiguous":
        return layout.is_contiguous()
    try:
        layout.view(made.shape)
    except RuntimeError:
        return False
    return True


def _flat(tree: Any) -> list[Any]:
    found: list[Any] = []

    def keep(value: Value) -> Value:
        found.append(value)
        return value

    replace_values(keep, tree)
    return [*found, *(part for item in tree for part in (item if isinstance(item, tuple) else (item,)))]
