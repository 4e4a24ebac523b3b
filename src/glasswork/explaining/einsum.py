"""Einstein's sums: any equation, as the products that meet at one output.

Each letter of the output stands at its place; the terms run over all values of the other letters, in the order in
which those first appear.
"""

from __future__ import annotations

from itertools import count

import torch

from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion, Label, label_of, unravel
from glasswork.explaining.rules import register
from glasswork.tracing import Op, Trace, Value


@register("einsum")
def einsum(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """One term for each assignment of the summed letters: the first operand's number times the others'."""
    equation = op.args[0] if op.args else op.kwargs.get("equation")
    if not isinstance(equation, str):
        raise NoRule("einsum with sublists", where=op.path)
    values = list(op.operands)
    subscripts, output = letters(equation, [len(value.shape) for value in values])
    sizes = {
        letter: max(v.shape[a] for v, s in zip(values, subscripts, strict=True) for a, x in enumerate(s) if x == letter)
        for letter in {letter for sub in subscripts for letter in sub}
    }
    fixed = dict(zip(output, index, strict=True))
    summed = list(dict.fromkeys(letter for sub in subscripts for letter in sub if letter not in fixed))
    shape = [sizes[letter] for letter in summed]
    numbers = [_spread(value, sub, fixed, summed, shape) for value, sub in zip(values, subscripts, strict=True)]
    first, rest = numbers[0], numbers[1:]
    factors = None
    if rest:
        factors = torch.stack(rest).prod(0)

    def place(position: int, which: int) -> tuple[int, ...]:
        at = {**fixed, **dict(zip(summed, unravel(position, shape), strict=True))}
        sub, value = subscripts[which], values[which]
        return tuple(0 if size == 1 else at[letter] for letter, size in zip(sub, value.shape, strict=True))

    def label(position: int) -> Label:
        other = values[1].ref(place(position, 1)) if len(values) == 2 else None
        return label_of(values[0], place(position, 0), other)

    products = first if factors is None else first * factors
    return Expansion("formula", _formula(subscripts, output, summed), "sum", first, factors, products, label)


def letters(equation: str, ranks: list[int]) -> tuple[list[list[str]], list[str]]:
    """The letters of each operand and of the output, an ellipsis spelled out as "0", "1" and so on."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    widest = max(
        (rank - len(part.replace("...", "")) for part, rank in zip(parts, ranks, strict=True) if "." in part), default=0
    )
    subscripts = [
        _spelled(part, rank - len(part.replace("...", "")), widest) for part, rank in zip(parts, ranks, strict=True)
    ]
    if arrow:
        return subscripts, _spelled(right, widest, widest)
    plain = [letter for part in parts for letter in part.replace("...", "")]
    once = sorted(letter for letter in set(plain) if plain.count(letter) == 1)
    return subscripts, [*(str(at) for at in range(widest)), *once]


def _spelled(part: str, width: int, widest: int) -> list[str]:
    before, dots, after = part.partition("...")
    more = [str(at) for at in range(widest - width, widest)] if dots else []
    return [*before, *more, *after]


def _spread(value: Value, sub: list[str], fixed: dict[str, int], summed: list[str], shape: list[int]) -> torch.Tensor:
    """An operand's numbers for every assignment of the summed letters, flat fp64."""
    tensor, names = value.tensor, list(sub)
    for letter in [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        axes = [axis for axis, name in enumerate(names) if name == letter]
        while len(axes) > 1:  # the diagonal goes to the last axis
            tensor = tensor.diagonal(dim1=axes[0], dim2=axes[1])
            names = [name for axis, name in enumerate(names) if axis not in axes[:2]] + [letter]
            axes = [axis for axis, name in enumerate(names) if name == letter]
    for letter in [name for name in names if name in fixed]:
        axis = names.index(letter)
        tensor = tensor.select(axis, 0 if tensor.shape[axis] == 1 else fixed[letter])
        names.pop(axis)
    order = [names.index(letter) for letter in summed if letter in names]
    tensor = tensor.permute(order)
    for axis, letter in zip(count(), summed):
        if letter not in names:
            tensor = tensor.unsqueeze(axis)
    return tensor.expand(shape).double().flatten()


def _formula(subscripts: list[list[str]], output: list[str], summed: list[str]) -> str:
    names = "abcdef"
    operands = r"\,".join(f"{names[at % 6]}_{{{','.join(sub)}}}" for at, sub in enumerate(subscripts))
    place = f"_{{{','.join(output)}}}" if output else ""
    sums = rf"\sum_{{{','.join(summed)}}} " if summed else ""
    return rf"y{place} = {sums}{operands}"
