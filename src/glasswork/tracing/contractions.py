"""How many products a contraction of several tensors takes, in the order that torch takes it."""

from __future__ import annotations

import string
from collections.abc import Sequence
from math import prod
from typing import Any

from glasswork.tracing.values import Value

_LETTERS = string.ascii_letters


def contractions(equation: str | None, arguments: Sequence[Any]) -> int:
    """The MACs of torch.einsum, its operands taken in pairs from the left.

    Args:
        equation: "bij,bjk->bik", with an ellipsis or without; None for the form with lists of axes.
        arguments: of the call: the equation and its operands, or operands and lists of axes by turns.
    """
    if equation is None:
        tensors, terms, result = _from_lists(arguments)
    else:
        tensors = [item for item in arguments[1:] if isinstance(item, Value)]
        if not tensors and len(arguments) > 1:  # the operands as one list
            tensors = list(arguments[1])
        terms, result = _from_text(equation, [len(value.shape) for value in tensors])
    sizes: dict[int, int] = {}
    for term, value in zip(terms, tensors, strict=True):
        for axis, size in zip(term, value.shape, strict=True):
            sizes[axis] = max(sizes.get(axis, 1), size)  # a size of 1 broadcasts
    total, held = 0, set(terms[0])
    for place, term in enumerate(terms[1:], 1):
        later = set(result).union(*terms[place + 1 :])
        shared = held & set(term)
        kept = {axis for axis in held | set(term) if axis in shared or axis in later}  # the rest is summed before
        if kept - later:  # nothing to sum: products of single elements
            total += prod(sizes[axis] for axis in kept)
        held = kept & later
    return total


def chain(sizes: Sequence[int]) -> int:
    """The fewest MACs of a product of matrices, sizes[i] x sizes[i + 1] each, over all orders."""
    count = len(sizes) - 1
    cost = [[0] * count for _ in range(count)]
    for length in range(1, count):
        for first in range(count - length):
            last = first + length
            cost[first][last] = min(
                cost[first][cut] + cost[cut + 1][last] + sizes[first] * sizes[cut + 1] * sizes[last + 1]
                for cut in range(first, last)
            )
    return cost[0][-1]


def _from_text(equation: str, dims: Sequence[int]) -> tuple[list[list[int]], list[int]]:
    """Axes as numbers: letters by their code, those of an ellipsis from the right as -1, -2 and so on."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    widest = 0
    terms = []
    for part, size in zip(parts, dims, strict=True):
        before, dots, behind = part.partition("...")
        hidden = size - len(before) - len(behind) if dots else 0
        widest = max(widest, hidden)
        terms.append([*map(ord, before), *range(-hidden, 0), *map(ord, behind)])
    if not arrow:  # what stands once, in alphabetic order
        return terms, [*range(-widest, 0), *(ord(c) for c in sorted(set(left)) if c.isalpha() and left.count(c) == 1)]
    before, dots, behind = right.partition("...")
    return terms, [*map(ord, before), *(range(-widest, 0) if dots else ()), *map(ord, behind)]


def _from_lists(arguments: Sequence[Any]) -> tuple[list[Value], list[list[int]], list[int]]:
    """The form einsum(a, [0, 1], b, [1, 2], [0, 2]): the same by way of an equation."""
    tensors, lists = list(arguments[: len(arguments) // 2 * 2 : 2]), list(arguments[1::2])
    closing = arguments[-1] if len(arguments) % 2 else None

    def written(axes: Sequence[Any]) -> str:
        return "".join("..." if axis is Ellipsis else _LETTERS[axis] for axis in axes)

    equation = ",".join(map(written, lists)) + ("" if closing is None else f"->{written(closing)}")
    terms, result = _from_text(equation, [len(value.shape) for value in tensors])
    return tensors, terms, result
