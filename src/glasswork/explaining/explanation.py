"""One number and where it comes from (DESIGN: Explanation)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["formula", "linear", "linearised", "selected", "given", "random"]
Reduce = Literal["sum", "mean", "max", "min", "product", "norm", "logsumexp", "softmax", "log_softmax", "identity"]


@dataclass(frozen=True, slots=True)
class Term:
    """One of the things that a number is made of.

    Attributes:
        name: what it is, to read: "block1.relu1[0,3,7,7]", "padding", "constant".
        ref: the reference of `value` within the trace, `path[i,j]@value`; None for constants and padding.
        value: the operand itself.
        factor: what it is multiplied by; None where nothing is.
        factor_ref: the reference of `factor`; None where it is no tensor's element as it stands.
        product: what goes into the reduction: value * factor, or what the formula makes of value.
        position: its place in the full list, whichever part of that is listed.
    """

    name: str
    ref: str | None
    value: float
    factor: float | None
    factor_ref: str | None
    product: float
    position: int


@dataclass(frozen=True, slots=True)
class Operand:
    """A number that stands in the formula beside the terms: a variance, a denominator, a divisor."""

    name: str
    ref: str | None
    value: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where one number comes from.

    Attributes:
        op: the canonical path of the op that made it, or the name of the input or parameter that it is of.
        index: where in that tensor, every axis counted; a complex tensor has one more, 0 for the real part and 1 for
            the imaginary one.
        of: "value" or "grad".
        kind: formula; linear or linearised (autodiff); selected; given; random.
        value: the tensor's own number.
        formula: LaTeX, in the field's notation, with this op's own sizes.
        reduce: how the products of all terms become the value. sum, mean, max, min, product; norm: the square root of
            the sum of their squares; logsumexp: log of the sum of their exponentials; identity: the one term is the
            value; softmax: the own term's product over the sum of all; log_softmax: the logarithm of that.
        terms: those listed: all in order, or, where there are more than the limit, a page of them: the largest first
            and a bias last, or in their order.
        count: how many there are in all.
        remainder: the same reduction (for softmax: the sum) of the products of the terms not listed, computed from
            them in fp64; 0 when all are listed.
        nonlinear: what a linearisation leaves over, value - sum of all its terms; 0 for kinds that claim a value.
        error: |reduce(all terms) - value| / max(sum |products|, |value|, 1e-12), in fp64.
        operands: the numbers in the formula beside the terms.
        own: for softmax and log_softmax, the position of the term in the numerator.
        note: a short remark, or "".
        exact_error: `error`, where terms are as fine as the kernel's own rounding: the error of the plain formula in
            fp64, which the number misses by what its kernel rounded away; else equal to `error`.
        failed: what this op's rule raised, where one crashed and autodiff stands in for it; else "".
    """

    op: str
    index: tuple[int, ...]
    of: Literal["value", "grad"]
    kind: Kind
    value: float
    formula: str
    reduce: Reduce
    terms: tuple[Term, ...]
    count: int
    remainder: float
    nonlinear: float
    error: float
    operands: tuple[Operand, ...] = ()
    own: int | None = None
    note: str = ""
    exact_error: float = 0.0
    failed: str = ""
