"""Adding, subtracting, multiplying and dividing tensors and numbers, with broadcasting."""

from __future__ import annotations

from typing import Any

import torch

from glasswork.explaining.expansion import Expansion, Label, label_of, number
from glasswork.explaining.explanation import Operand
from glasswork.explaining.pointwise import evaluated
from glasswork.explaining.rules import arguments, register
from glasswork.tracing import Op, Trace, Value


def broadcast(shape: tuple[int, ...], index: tuple[int, ...]) -> tuple[int, ...]:
    """Where in a tensor of `shape` the element stands that broadcasts to `index`."""
    tail = index[len(index) - len(shape) :]
    return tuple(0 if size == 1 else place for size, place in zip(shape, tail, strict=True))


def _operand(item: Any, index: tuple[int, ...]) -> tuple[float, Label]:
    """An operand's number at `index` and what it is called."""
    if isinstance(item, Value):
        place = broadcast(item.shape, index)
        return number(item, place).item(), label_of(item, place)
    return float(item), Label("constant")


@register("add", "radd", "sub", "rsub", "subtract")
def add(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """Two terms; the second has a factor where it is scaled by `alpha` or subtracted."""
    given = arguments(op, "input other alpha", alpha=1)
    first, second = given["input"], given["other"]
    if op.name.startswith("r"):
        first, second = second, first
    minus = "sub" in op.name
    factor = -float(given["alpha"]) if minus else float(given["alpha"])
    (a, a_label), (b, b_label) = _operand(first, index), _operand(second, index)
    values = torch.tensor([a, b], dtype=torch.float64)
    factors = None if factor == 1 else torch.tensor([torch.nan, factor], dtype=torch.float64)
    products = torch.tensor([a, b * factor], dtype=torch.float64)
    size = "" if abs(factor) == 1 else f"{abs(factor):g}\\,"
    formula = f"y = a {'-' if factor < 0 else '+'} {size}b"
    return Expansion("formula", formula, "sum", values, factors, products, (a_label, b_label).__getitem__)


@register("mul", "rmul", "multiply")
def multiply(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """One term, a value and its factor."""
    given = arguments(op, "input other")
    (a, a_label), (b, b_label) = _operand(given["input"], index), _operand(given["other"], index)
    return _product(a, b, Label(a_label.name, a_label.ref, b_label.ref), r"y = a \cdot b")


@register("div", "truediv", "rtruediv", "divide", "true_divide")
def divide(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """One term, the dividend times 1 / divisor; the divisor stands among the operands."""
    given = arguments(op, "input other rounding_mode")
    if given["rounding_mode"] is not None:
        how = {"floor": r"\lfloor a / b \rfloor"}.get(given["rounding_mode"], r"\operatorname{trunc}(a / b)")
        return evaluated(op, index, f"y = {how}")
    top, bottom = given["input"], given["other"]
    if op.name.startswith("r"):
        top, bottom = bottom, top
    (a, a_label), (b, b_label) = _operand(top, index), _operand(bottom, index)
    inverse = 1 / b if b else float("nan") if a == 0 else float("inf")
    divisor = Operand(b_label.name, b_label.ref, b)
    return _product(a, inverse, a_label, r"y = \frac{a}{b}", (divisor,))


def _product(a: float, b: float, label: Label, formula: str, operands: tuple[Operand, ...] = ()) -> Expansion:
    values, factors = torch.tensor([a], dtype=torch.float64), torch.tensor([b], dtype=torch.float64)
    return Expansion("formula", formula, "sum", values, factors, values * factors, lambda _: label, operands=operands)
