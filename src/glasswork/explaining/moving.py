"""Ops that only move numbers: reshaping, joining, slicing, gathering, padding. Each output is one of the inputs.

Which one is not worked out by a rule for each of them: the op itself is run once more on the positions of its inputs
in place of their values, and the answer is read off. What comes out as no position is a fill: of a padding, a mask.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from weakref import ref

import torch

from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion, Label, flat_place, number, real_shape, single, unravel
from glasswork.explaining.replaying import replay, undisturbed
from glasswork.explaining.rules import register, register_slots
from glasswork.tracing import Op, Trace, Value

_RESHAPES = ("flatten", "reshape", "view", "unflatten", "squeeze", "unsqueeze", "view_as", "reshape_as", "contiguous",
             "ravel", "atleast_1d", "atleast_2d", "atleast_3d", "_unsafe_view", "_reshape_alias")  # fmt: skip
_COPIES = ("clone", "detach", "data", "identity", "alias", "lift_fresh", "cpu", "resolve_conj",
           "resolve_neg", "requires_grad", "checkpoint")  # fmt: skip
_CASTS = ("to", "float", "double", "half", "bfloat16", "long", "int", "bool", "short", "char", "byte", "type",
          "type_as", "_to_copy", "tensor", "as_tensor", "asarray")  # fmt: skip
_MOVES = ("permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "T", "mT", "H", "mH", "adjoint")
_PARTS = ("getitem", "chunk", "split", "narrow", "select", "unbind", "tensor_split", "index_select", "split_with_sizes",
          "gather", "take_along_dim", "take", "masked_select", "diagonal", "diag", "diag_embed", "unfold", "as_strided",
          "hsplit", "vsplit", "dsplit", "unsafe_split", "unsafe_chunk", "slice", "pixel_shuffle", "pixel_unshuffle",
          "channel_shuffle", "native_channel_shuffle", "im2col", "tril", "triu", "block_diag")  # fmt: skip
_SPREADS = ("expand", "expand_as", "repeat", "tile", "broadcast_to", "repeat_interleave", "meshgrid",
            "broadcast_tensors", "cartesian_prod", "combinations")  # fmt: skip
_TURNS = ("flip", "fliplr", "flipud", "roll", "rot90", "pad", "constant_pad_nd", "reflection_pad1d", "reflection_pad2d",
          "replication_pad1d", "replication_pad2d", "reflection_pad3d", "replication_pad3d")  # fmt: skip
_JOINS = ("cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack", "column_stack", "row_stack",
          "meshgrid", "broadcast_tensors", "pad_sequence", "cartesian_prod", "block_diag")  # fmt: skip
# where the numbers that move stand among the arguments, where it is not the first only
_MOVING: dict[str, tuple[int | str, ...]] = {
    "where": (1, 2, "input", "self", "other"),
    "masked_fill": (0, 2, "value"),
    "masked_scatter": (0, 2, "source"),
    "scatter": (0, 3, "src", "value"),
    "index_copy": (0, 3, "source"),
    "index_fill": (0, 3, "value"),
    "index_put": (0, 2, "values"),
    "setitem": (0, 2),
    "slice_scatter": (0, 1, "src"),
    "select_scatter": (0, 1, "src"),
    "diagonal_scatter": (0, 1, "src"),
    "copy": (0, 1, "src"),
}
_FIRST: tuple[int | str, ...] = (0, "input", "self", "tensor", "tensors")

BASE = 2.0**40 + 0.5  # positions are written as this + k: exact in fp64, and nobody's fill
_REMEMBERED = 24
_origins: OrderedDict[tuple[int, int], tuple[ref[Op], torch.Tensor]] = OrderedDict()


@register(*_RESHAPES, *_COPIES, *_CASTS)
def reshaped(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The same number at another address; row-major order stays, so the flat position says where."""
    if not op.operands:
        raise NoRule(f"{op.name} of no tensor", where=op.path)
    source, flat = op.operands[0], flat_place(index, op.output.shape)
    if torch.Size(source.shape).numel() != torch.Size(op.output.shape).numel():
        raise NoRule(f"{op.name} to a tensor of another size", where=op.path)  # view(dtype), tensor([a, b])
    formula = r"y_k = x_{i,j,\ldots}" if op.name.removesuffix("_") in _RESHAPES else "y = x"
    place = unravel(flat, source.shape)
    if source.dtype == op.output.dtype:
        return single(source, place, formula=formula)
    if op.name == "view":
        raise NoRule("a view as another type", where=op.path)
    before, after = (str(value.dtype).removeprefix("torch.") for value in (source, op.output))
    moved = single(source, place, formula=formula, note=f"cast from {before} to {after}")
    product = source.tensor[place].to(op.output.dtype).double().reshape(1)
    return Expansion(
        moved.kind, rf"y = \operatorname{{{after}}}(x)", "identity", moved.values, None, product, moved.label,
        note=moved.note,
    )  # fmt: skip


@register_slots(*_MOVES, *_PARTS, *_SPREADS, *_TURNS, *[name for name in _JOINS if name not in _SPREADS + _PARTS],
                *_MOVING)  # fmt: skip
def moved(trace: Trace, op: Op, index: tuple[int, ...], slot: int = 0) -> Expansion:
    """One of the inputs' numbers, or a fill."""
    source, place = origin(op, index, slot)
    if source is not None:
        return single(source, place, formula=r"y_{i,j,\ldots} = x_{i',j',\ldots}")
    constant = number(op.outputs[slot], index).reshape(1)
    name = "padding" if "pad" in op.name else "fill"
    label = Label(name)
    return Expansion("given", rf"y = {constant.item():g}", "identity", constant, None, constant, lambda _: label)


@register("embedding")
def embedding(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """One number of the row that the token's number points at."""
    tokens, weight = embedding_operands(op)
    row = int(tokens.tensor[index[:-1]])
    formula = rf"y_{{t,i}} = E_{{{row},i}}"
    return single(weight, (row, index[-1]), formula=formula, note=f"row {row} of the table, chosen by the token")


def embedding_operands(op: Op) -> tuple[Value, Value]:
    """The token numbers and the table of an embedding, in whichever order its function takes them."""
    first, second = op.operands[:2]
    return (second, first) if first.dtype.is_floating_point else (first, second)


def origin(op: Op, index: tuple[int, ...], slot: int = 0) -> tuple[Value | None, tuple[int, ...]]:
    """Which operand, and where in it, the output at `index` was taken from; None for a fill."""
    flat = float(origins(op, slot)[index]) - BASE
    if flat < 0 or flat != int(flat):
        return None, ()
    at = int(flat)
    for value in moved_operands(op):
        size = value.tensor.numel()
        if at < size:
            return value, unravel(at, value.shape)
        at -= size
    raise NoRule(op.name, where=op.path, why="a position beyond all operands")


def moved_from(op: Op, index: tuple[int, ...]) -> tuple[Value, tuple[int, ...]] | None:
    """Which operand, and where in it, the first output was taken from; None for an op that computes, and for a fill."""
    if is_move(op):
        source, place = origin(op, index)
        return None if source is None else (source, place)
    if op.name in _RESHAPES and op.operands:
        source = op.operands[0]
        return source, unravel(flat_place(index, op.output.shape), source.shape)
    return None


def column(op: Op, value: Value, index: tuple[int, ...], slot: int = 0) -> torch.Tensor | None:
    """Which outputs (flat) of an op that moves are the number at `index` of an operand; None if it does not move it."""
    start = BASE
    for operand in moved_operands(op):
        if operand is value:
            wanted = start + flat_place(index, value.shape)
            return (origins(op, slot).flatten() == wanted).nonzero().flatten()
        start += operand.tensor.numel()
    return None


def is_move(op: Op) -> bool:
    """Whether an op only moves numbers, by running it on positions."""
    name = op.name if op.name in _MOVING or op.name == "setitem" else op.name.removesuffix("_")
    return name in _MOVES + _PARTS + _SPREADS + _TURNS + _JOINS or name in _MOVING


def moved_operands(op: Op) -> list[Value]:
    """The operands whose numbers move, once each; index tensors and masks say where from."""
    plain = op.name.removesuffix("_")
    if plain in _JOINS:
        return list({id(value): value for value in op.operands}.values())
    found: dict[int, Value] = {}
    for key in _MOVING.get(plain, _FIRST):
        item: Any = op.kwargs.get(key) if isinstance(key, str) else op.args[key] if key < len(op.args) else None
        if isinstance(item, Value):
            found[id(item)] = item
    return list(found.values())


def origins(op: Op, slot: int = 0) -> torch.Tensor:
    """For each output number of an op that moves, `BASE` + the position it was taken from, or the fill itself."""
    key = (id(op), slot)
    known = _origins.get(key)
    if known is not None and known[0]() is op:
        _origins.move_to_end(key)
        return known[1]
    with undisturbed(), torch.no_grad():
        made = replay(op, _positions(op))
    for number_, output in enumerate(made):
        if number_ == slot or output.numel() < 1 << 16:
            _origins[(id(op), number_)] = (ref(op), output.double())
    while len(_origins) > _REMEMBERED:
        _origins.popitem(last=False)
    return made[slot].double()


def _positions(op: Op) -> Callable[[Value], torch.Tensor]:
    starts: dict[int, float] = {}
    start = BASE
    for value in moved_operands(op):
        if value.dtype.is_complex:
            raise NoRule(f"{op.name} of complex numbers", where=op.path)
        starts[id(value)] = start
        start += torch.Size(value.shape).numel()

    def stand_in(value: Value) -> torch.Tensor:
        if id(value) not in starts:
            return value.tensor.clone()
        count = torch.Size(real_shape(value)).numel()
        return (starts[id(value)] + torch.arange(count, dtype=torch.float64)).reshape(value.shape)

    return stand_in
