"""Ops that only move numbers: reshaping, joining, slicing, padding. Each output is one of the inputs.

Which one is not worked out by a rule for each of them: the op itself is run once more on the positions of its inputs
in place of their values, and the answer is read off. What comes out as -1 is no input's: the fill of a padding.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import torch

from glasswork.explaining.expansion import Expansion, Label, single, unravel
from glasswork.explaining.rules import arguments, register
from glasswork.tracing import Op, Trace, Value

_RESHAPES = ("flatten", "reshape", "view", "unflatten", "squeeze", "unsqueeze", "view_as", "reshape_as", "contiguous")
_COPIES = ("clone", "detach", "data", "to", "float", "double", "identity")
_MOVES = ("permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t", "T", "mT", "H", "mH")
_PARTS = ("getitem", "chunk", "split", "narrow", "select", "unbind", "tensor_split", "index_select")
_JOINS = ("cat", "concat", "concatenate", "stack", "hstack", "vstack", "flip", "roll", "expand", "expand_as", "repeat")
_TURNS = ("rot90", "tile", "broadcast_to", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "diagonal")

_origins: WeakKeyDictionary[Op, torch.Tensor] = WeakKeyDictionary()


@register(*_RESHAPES, *_COPIES)
def reshaped(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The same number at another address; row-major order stays, so the flat position says where."""
    source, flat = op.operands[0], 0
    for place, size in zip(index, op.output.shape, strict=True):
        flat = flat * size + place
    formula = "y = x" if op.name.removesuffix("_") in _COPIES else r"y_k = x_{i,j,\ldots}"
    note = "" if source.dtype == op.output.dtype else f"cast from {source.dtype} to {op.output.dtype}"
    return single(source, unravel(flat, source.shape), formula=formula.replace("torch.", ""), note=note)


@register(*_MOVES, *_PARTS, *_JOINS, *_TURNS)
def moved(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """One of the inputs' numbers."""
    source, place = origin(op, index)
    assert source is not None
    return single(source, place, formula=r"y_{i,j,\ldots} = x_{i',j',\ldots}")


@register("pad")
def padded(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """An input's number, or the fill."""
    source, place = origin(op, index)
    if source is not None:
        return single(source, place, formula=r"y_{i,j} = x_{i',j'}")
    fill = arguments(op, "input pad mode value")["value"] or 0.0
    constant = torch.tensor([float(fill)], dtype=torch.float64)
    label = Label("padding")
    return Expansion("given", rf"y = {fill:g}", "identity", constant, None, constant, lambda _: label)


def origin(op: Op, index: tuple[int, ...]) -> tuple[Value | None, tuple[int, ...]]:
    """Which operand, and where in it, the output at `index` was taken from; None for a padding's fill."""
    origins = _origins.get(op)
    if origins is None:
        origins = _origins[op] = _positions(op)
    flat = int(origins[index])
    for value in moved_operands(op):
        size = value.tensor.numel()
        if flat < size:
            return (value, unravel(flat, value.shape)) if flat >= 0 else (None, ())
        flat -= size
    raise AssertionError("a position beyond all operands")


def moved_operands(op: Op) -> list[Value]:
    """The operands whose numbers move; index tensors (of getitem, index_select) say where from."""
    first = op.operands[0]
    return [value for value in op.operands if value is first or value.dtype == first.dtype] if _joins(op) else [first]


def _joins(op: Op) -> bool:
    return op.name in _JOINS


def _positions(op: Op) -> torch.Tensor:
    start = 0
    moving = {id(value) for value in moved_operands(op)}

    def stand_in(value: Value) -> torch.Tensor:
        nonlocal start
        if id(value) not in moving:
            return value.tensor
        count = value.tensor.numel()
        # fp64 holds positions exactly up to 2^53, and F.pad's reflections know no integers
        positions = torch.arange(start, start + count, dtype=torch.float64).reshape(value.shape)
        start += count
        return positions

    args = [_with(stand_in, item) for item in op.args]
    kwargs = {key: _with(stand_in, item) for key, item in op.kwargs.items()}
    if op.name == "pad" and kwargs.get("mode", "constant") == "constant" and (len(args) < 3 or args[2] == "constant"):
        args, kwargs = args[:2], {**kwargs, "mode": "constant", "value": -1.0}
    with torch.no_grad():
        made = op.function(*args, **kwargs)
    return (made if isinstance(made, torch.Tensor) else made[0]).long()


def _with(stand_in: Any, item: Any) -> Any:
    if isinstance(item, Value):
        return stand_in(item)
    if isinstance(item, (list, tuple)) and type(item) is not torch.Size:
        return type(item)([_with(stand_in, part) for part in item])
    return item
