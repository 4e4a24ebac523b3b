"""Many numbers become one: sums, means, spreads, norms, the largest and the smallest, and which one that was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion, Label, label_of, number, unravel
from glasswork.explaining.explanation import Operand, Reduce
from glasswork.explaining.rules import arguments, register, register_slots
from glasswork.tracing import Op, Trace, Value


@dataclass(frozen=True, slots=True)
class Group:
    """The numbers that one output is made of.

    Attributes:
        numbers: (n,) fp64, in row-major order.
        axes: the reduced ones.
    """

    source: Value
    numbers: torch.Tensor
    axes: tuple[int, ...]
    at: tuple[int | slice, ...]

    def place(self, position: int) -> tuple[int, ...]:
        """Where one of them stands."""
        inner = iter(unravel(position, [self.source.shape[axis] for axis in self.axes]))
        return tuple(next(inner) if isinstance(at, slice) else at for at in self.at)

    def label(self, position: int) -> Label:
        """What one of them is called."""
        return label_of(self.source, self.place(position))


def group(source: Value, dim: Any, keepdim: bool, index: tuple[int, ...]) -> Group:
    """What is reduced into the output at `index`: all of it where `dim` is None or empty."""
    rank = len(source.shape)
    wanted = [dim] if isinstance(dim, int) else list(dim) if dim is not None else []
    axes = tuple(sorted({axis % max(rank, 1) for axis in wanted})) if wanted and rank else tuple(range(rank))
    kept = iter(place for axis, place in enumerate(index) if not (keepdim and axis in axes))
    at = tuple(slice(None) if axis in axes else next(kept) for axis in range(rank))
    return Group(source, source.tensor[at].double().flatten(), axes, at)


def _given(op: Op, index: tuple[int, ...], names: str = "input dim keepdim") -> tuple[dict[str, Any], Group]:
    given = arguments(op, names, keepdim=False)
    dim = given.get("dim")
    if "axis" in given:
        dim = given["axis"]
    keepdim = bool(given.get("keepdims", given["keepdim"]))
    if len(op.args) > 2 and all(isinstance(item, int) and not isinstance(item, bool) for item in op.args[1:]):
        dim = op.args[1:]  # x.sum(0, 1)
        keepdim = bool(op.kwargs.get("keepdim", False))
    return {**given, "dim": dim}, group(given["input"], dim, keepdim, index)


@register("sum", "mean", "nansum", "nanmean", "count_nonzero", "any", "all")
def total(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The elements themselves, summed or averaged."""
    _, found = _given(op, index)
    numbers, name = found.numbers, op.name
    products = numbers
    if name.startswith("nan"):
        products = numbers.where(~numbers.isnan(), 0.0)
        if name == "nanmean":
            raise NoRule(name, where=op.path)
    if name in ("count_nonzero", "any", "all"):
        products = (numbers != 0).double()
    count = len(numbers)
    reduce: Reduce = {"mean": "mean", "any": "max", "all": "min"}.get(name, "sum")  # type: ignore[assignment]
    text = {
        "mean": rf"y = \tfrac{{1}}{{{count}}}\sum_{{i=0}}^{{{count - 1}}} x_i",
        "count_nonzero": r"y = \sum_i [x_i \neq 0]",
        "any": r"y = x_0 \lor x_1 \lor \ldots",
        "all": r"y = x_0 \land x_1 \land \ldots",
    }.get(name, rf"y = \sum_{{i=0}}^{{{count - 1}}} x_i")
    if not count:
        raise NoRule(f"{name} of nothing", where=op.path)
    return Expansion("formula", text, reduce, numbers, None, products, found.label)


@register("prod")
def product(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The elements, multiplied."""
    _, found = _given(op, index)
    return Expansion("formula", r"y = \prod_i x_i", "product", found.numbers, None, found.numbers, found.label)


@register("logsumexp")
def logsumexp(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The elements; the logarithm of the sum of their exponentials."""
    _, found = _given(op, index)
    return Expansion("formula", r"y = \ln \sum_i e^{x_i}", "logsumexp", found.numbers, None, found.numbers, found.label)


@register("cumsum", "cumprod")
def cumulative(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """All elements up to this one."""
    given = arguments(op, "input dim")
    source, axis = given["input"], given["dim"] % max(len(op.output.shape), 1)
    line = group(source, axis, False, index[:axis] + index[axis + 1 :])
    numbers = line.numbers[: index[axis] + 1] if index else line.numbers
    sums = op.name.removesuffix("_") == "cumsum"
    formula = rf"y_k = \{'sum' if sums else 'prod'}_{{i=0}}^{{k}} x_i"
    return Expansion("formula", formula, "sum" if sums else "product", numbers, None, numbers, line.label)


@register_slots("max", "amax", "min", "amin", "argmax", "argmin", "aminmax")
def extreme(trace: Trace, op: Op, index: tuple[int, ...], slot: int = 0) -> Expansion:
    """The largest or smallest of all; and, of the second output, where it stood."""
    given = arguments(op, "input dim keepdim", keepdim=False)
    if isinstance(given["dim"], Value):
        return _of_two(op, index, given["dim"])
    if isinstance(op.kwargs.get("other"), Value):
        return _of_two(op, index, op.kwargs["other"])
    _, found = _given(op, index)
    largest = "max" in op.name if op.name != "aminmax" else slot == 1
    letter = "max" if largest else "min"
    if not op.outputs[slot].dtype.is_floating_point and (op.name.startswith("arg") or slot == 1):
        at = int(number(op.outputs[slot], index))
        formula = rf"k = \operatorname{{arg\,{letter}}}_i x_i"
        return _position(op, found, at, formula)
    formula = rf"y = \{letter}_i x_i"
    reduce: Reduce = "max" if largest else "min"
    return Expansion("selected", formula, reduce, found.numbers, None, found.numbers, found.label)


@register("maximum", "minimum", "fmax", "fmin")
def larger_of_two(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """Two terms, the larger or smaller of which is the value."""
    return _of_two(op, index, op.operands[1])


def _of_two(op: Op, index: tuple[int, ...], other: Value) -> Expansion:
    pairs = [op.operands[0], other]
    places = [
        tuple(0 if size == 1 else at for size, at in zip(v.shape, index[len(index) - len(v.shape) :], strict=True))
        for v in pairs
    ]
    numbers = torch.stack([number(value, place) for value, place in zip(pairs, places, strict=True)])
    largest = "max" in op.name
    formula = rf"y = \{'max' if largest else 'min'}(a, b)"
    labels = [label_of(value, place) for value, place in zip(pairs, places, strict=True)]
    if bool(numbers.isnan().any()):
        raise NoRule(f"{op.name} of NaN", where=op.path)
    return Expansion("selected", formula, "max" if largest else "min", numbers, None, numbers, labels.__getitem__)


@register_slots("sort", "argsort", "topk", "kthvalue", "median", "nanmedian", "mode", "msort", "cummax", "cummin")
def ranked(trace: Trace, op: Op, index: tuple[int, ...], slot: int = 0) -> Expansion:
    """The element of that rank; and, of the second output, where it stood."""
    places = op.outputs[-1]
    if places.dtype.is_floating_point:  # msort, median of all: no places among the outputs
        raise NoRule(f"{op.name} without places", where=op.path)
    names = {"topk": "input k dim", "kthvalue": "input k dim", "cummax": "input dim", "cummin": "input dim"}
    given = arguments(op, names.get(op.name, "input dim"), dim=-1)
    source: Value = given["input"]
    rank = len(source.shape)
    axis = given["dim"] % max(rank, 1)
    keeps = len(places.shape) == rank
    ahead = index[:axis] + index[axis + 1 :] if keeps else index
    line = group(source, axis, False, ahead)
    at = int(number(places, index))
    if slot == len(op.outputs) - 1:
        return _position(op, line, at, rf"k:\ x_k \text{{ has rank }} {index[axis] if keeps and index else 0}")
    taken, label = line.numbers[at].reshape(1), line.label(at)
    return Expansion("selected", r"y = x_k", "identity", taken, None, taken, lambda _: label, note=f"k = {at}")


def _position(op: Op, found: Group, at: int, formula: str) -> Expansion:
    value, label = found.numbers[at].reshape(1), found.label(at)
    product = torch.tensor([float(at)], dtype=torch.float64)
    return Expansion(
        "selected", formula, "identity", value, None, product, lambda _: label,
        note=f"where the number {value.item():.6g} stands: place {at} of {len(found.numbers)}",
    )  # fmt: skip


@register_slots("var", "std", "var_mean", "std_mean")
def spread(trace: Trace, op: Op, index: tuple[int, ...], slot: int = 0) -> Expansion:
    """The squared distances from the mean; of the second output, the mean."""
    given, found = _given(op, index)
    if slot == 1:
        return Expansion(
            "formula", r"\mu = \tfrac{1}{n}\sum_i x_i", "mean", found.numbers, None, found.numbers, found.label
        )
    unbiased = given.get("unbiased", True)
    if isinstance(given["dim"], bool):  # x.var(False)
        unbiased, found = given["dim"], group(given["input"], None, False, index)
    elif len(op.args) > 2 and isinstance(op.args[2], bool):  # x.var(dim, unbiased, keepdim)
        unbiased = op.args[2]
        keepdim = bool(op.args[3]) if len(op.args) > 3 else bool(op.kwargs.get("keepdim", False))
        found = group(given["input"], given["dim"], keepdim, index)
    correction = op.kwargs.get("correction")
    less = (1 if unbiased else 0) if correction is None else correction
    mean, count = found.numbers.mean(), len(found.numbers)
    operands = (Operand("mean", None, mean.item()), Operand("n", None, count))
    if op.name.startswith("var"):
        products = (found.numbers - mean) ** 2 / max(count - less, 0)
        formula = rf"y = \tfrac{{1}}{{{count - less}}}\sum_i (x_i - \mu)^2"
        return Expansion("formula", formula, "sum", found.numbers, None, products, found.label, operands=operands)
    products = (found.numbers - mean) / max(count - less, 0) ** 0.5
    formula = rf"y = \sqrt{{\tfrac{{1}}{{{count - less}}}\sum_i (x_i - \mu)^2}}"
    return Expansion("formula", formula, "norm", found.numbers, None, products, found.label, operands=operands)


@register("norm", "vector_norm", "linalg_norm", "linalg_vector_norm")
def norm(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The elements; by their sizes summed, squared or compared."""
    if op.name == "norm":
        given = arguments(op, "input p dim keepdim", p="fro", keepdim=False)
        p = 2 if given["p"] in ("fro", None) else given["p"]
    elif op.name == "linalg_norm":
        given = arguments(op, "input ord dim keepdim", keepdim=False)
        if given["ord"] is not None and not isinstance(given["dim"], int) and len(given["input"].shape) > 1:
            raise NoRule("the norm of a matrix", where=op.path)
        p = 2 if given["ord"] is None else given["ord"]
    else:
        given = arguments(op, "input ord dim keepdim", ord=2, keepdim=False)
        p = given["ord"]
    found = group(given["input"], given["dim"], bool(given["keepdim"]), index)
    return _norm(op, found, p)


def _norm(op: Op, found: Group, p: Any) -> Expansion:
    ways: dict[float, tuple[Reduce, str]] = {
        1.0: ("sum", r"y = \sum_i |x_i|"),
        2.0: ("norm", r"y = \sqrt{\sum_i x_i^2}"),
        float("inf"): ("max", r"y = \max_i |x_i|"),
        float("-inf"): ("min", r"y = \min_i |x_i|"),
    }
    if not isinstance(p, (int, float)) or float(p) not in ways:
        raise NoRule(f"the {p}-norm", where=op.path)
    reduce, formula = ways[float(p)]
    products = found.numbers if reduce == "norm" else found.numbers.abs()
    return Expansion("formula", formula, reduce, found.numbers, None, products, found.label)


def line_of(source: Value, axis: int, index: Sequence[int]) -> Group:
    """The numbers along one axis through `index`."""
    axis %= max(len(source.shape), 1)
    return group(source, axis, False, (*index[:axis], *index[axis + 1 :]))
