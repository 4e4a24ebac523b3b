"""Linear layers and matrix products: sums of products along one axis."""

from __future__ import annotations

from collections.abc import Callable

import torch

from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion, Label, label_of, number
from glasswork.explaining.rules import arguments, register
from glasswork.tracing import Op, Trace, Value


@register("linear")
def linear(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """One term for each input feature, in order; the bias is the last."""
    given = arguments(op, "input weight bias")
    source: Value = given["input"]
    weight: Value = given["weight"]
    bias: Value | None = given["bias"]
    lead, feature = (index[:-1], index[-1]) if len(weight.shape) == 2 else (index, None)
    row = () if feature is None else (feature,)
    count = weight.shape[-1]
    formula = rf"y_o = \sum_{{i=0}}^{{{count - 1}}} w_{{o,i}}\,x_i" + ("" if bias is None else " + b_o")

    def label(position: int) -> Label:
        if bias is not None and position == count:
            return label_of(bias, row)
        return label_of(source, (*lead, position), weight.ref((*row, position)))

    values, factors = source.tensor[lead].double(), weight.tensor[row].double()
    return _sum(values, factors, label, formula, None if bias is None else number(bias, row))


@register("matmul", "mm", "bmm", "mv", "dot")
def matrix_product(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """One term for each step along the axis that both share; batch axes broadcast."""
    left, right = op.operands[0], op.operands[1]
    return _product(left, right, index, r"y_{i,j} = \sum_{k} a_{i,k}\,b_{k,j}")


@register("addmm", "addmv", "addbmm", "baddbmm")
def product_and_sum(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The products along the shared axis, and beta times what is added, last."""
    given = arguments(op, "input left right beta alpha", beta=1, alpha=1)
    names = {"addmm": ("mat1", "mat2"), "addmv": ("mat", "vec")}.get(op.name.removesuffix("_"), ("batch1", "batch2"))
    left, right = (given.get(name, given[place]) for name, place in zip(names, ("left", "right"), strict=True))
    if op.name.startswith("addbmm") or not isinstance(left, Value) or not isinstance(right, Value):
        raise NoRule(op.name, where=op.path)
    shift: Value = given["input"]
    place = tuple(_broadcast(shift.shape, list(index)))
    alpha, beta = float(given["alpha"]), float(given["beta"])
    scale = "" if alpha == 1 else f"{alpha:g}\\,"
    formula = rf"y_{{i,j}} = {scale}\sum_{{k}} a_{{i,k}}\,b_{{k,j}} + {'' if beta == 1 else f'{beta:g}'}c_{{i,j}}"
    inner = _product(left, right, index, formula)
    assert inner.factors is not None
    factors = inner.factors * alpha
    added = number(shift, place).reshape(1)
    count = len(inner)

    def label(position: int) -> Label:
        if position == count:
            return label_of(shift, place)
        named = inner.label(position)
        return named if alpha == 1 else Label(named.name, named.ref)

    own = factors.new_full((1,), torch.nan if beta == 1 else beta)
    return Expansion(
        "formula", formula, "sum", torch.cat([inner.values, added]), torch.cat([factors, own]),
        torch.cat([inner.values * factors, added * beta]), label, always=(count,),
    )  # fmt: skip


@register("rmatmul")
def reflected_product(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """Python's `other @ self`."""
    return _product(op.operands[1], op.operands[0], index, r"y_{i,j} = \sum_{k} a_{i,k}\,b_{k,j}")


def _product(left: Value, right: Value, index: tuple[int, ...], formula: str) -> Expansion:
    rest = list(index)
    column = (rest.pop(),) if len(right.shape) > 1 else ()
    row = (rest.pop(),) if len(left.shape) > 1 else ()
    ahead_left = _broadcast(left.shape[: max(len(left.shape) - 2, 0)], rest)
    ahead_right = _broadcast(right.shape[: max(len(right.shape) - 2, 0)], rest)
    values = left.tensor[(*ahead_left, *row)].double()
    factors = right.tensor[(*ahead_right, slice(None), *column)].double()

    def label(position: int) -> Label:
        return label_of(left, (*ahead_left, *row, position), right.ref((*ahead_right, position, *column)))

    return _sum(values, factors, label, formula, None)


def _broadcast(shape: tuple[int, ...], index: list[int]) -> tuple[int, ...]:
    tail = index[len(index) - len(shape) :]
    return tuple(0 if size == 1 else place for size, place in zip(shape, tail, strict=True))


def _sum(
    values: torch.Tensor,
    factors: torch.Tensor,
    label: Callable[[int], Label],
    formula: str,
    bias: torch.Tensor | None,
) -> Expansion:
    products = values * factors
    always: tuple[int, ...] = ()
    if bias is not None:
        always = (values.numel(),)
        values = torch.cat([values, bias.reshape(1)])
        factors = torch.cat([factors, factors.new_full((1,), torch.nan)])
        products = torch.cat([products, bias.reshape(1)])
    return Expansion("formula", formula, "sum", values, factors, products, label, always=always)
