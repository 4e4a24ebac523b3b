"""Arithmetic that remembers itself: an expression is at once a formula, the same line in numbers, and its value.

So that a rule is written down once, and what is shown can't differ from what is computed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

QuantityKind = Literal["weight", "gradient", "state", "setting", "between"]

_SUM, _PRODUCT, _POWER, _ATOM = range(4)  # how tightly an expression holds together


@dataclass(frozen=True)
class Expression:
    """A part of a formula.

    Attributes:
        value: what it comes to, in fp64.
        formula: in LaTeX.
        parts: the same in numbers: quantities, and what stands between them ("+", "−", "×", "/", "^", "√", "max",
            brackets, commas, and constants as they are written).
    """

    value: float
    formula: str
    parts: tuple[Quantity | str, ...]
    binding: int = _ATOM

    def __add__(self, other: Expression | float) -> Expression:
        return _joined(self, "+", _lifted(other), self.value + _lifted(other).value)

    def __sub__(self, other: Expression | float) -> Expression:
        return _joined(self, "−", _lifted(other), self.value - _lifted(other).value)

    def __rsub__(self, other: float) -> Expression:
        return _lifted(other) - self

    def __radd__(self, other: float) -> Expression:
        return _lifted(other) + self

    def __mul__(self, other: Expression | float) -> Expression:
        left, right = self, _lifted(other)
        formula = rf"{_held(left, _PRODUCT).formula}\,{_held(right, _PRODUCT).formula}"
        parts = (*_held(left, _PRODUCT).parts, "×", *_held(right, _PRODUCT).parts)
        return Expression(left.value * right.value, formula, parts, _PRODUCT)

    def __rmul__(self, other: float) -> Expression:
        return _lifted(other) * self

    def __truediv__(self, other: Expression | float) -> Expression:
        left, right = self, _lifted(other)
        parts = (*_held(left, _PRODUCT).parts, "/", *_held(right, _POWER).parts)
        return Expression(
            _quotient(left.value, right.value), rf"\frac{{{left.formula}}}{{{right.formula}}}", parts, _PRODUCT
        )

    def __rtruediv__(self, other: float) -> Expression:
        return _lifted(other) / self

    def __pow__(self, other: Expression | float) -> Expression:
        base, exponent = _held(self, _ATOM), _lifted(other)
        parts = (*base.parts, "^", *_held(exponent, _POWER).parts)
        return Expression(self.value**exponent.value, rf"{base.formula}^{{{exponent.formula}}}", parts, _POWER)

    def __rpow__(self, other: float) -> Expression:
        return _lifted(other) ** self

    def __bool__(self) -> bool:
        """Whether it is anything but 0, so that a rule can leave out what does nothing."""
        return self.value != 0


@dataclass(frozen=True, kw_only=True)
class Quantity(Expression):
    """A number with a symbol and a name.

    Attributes:
        name: what it is, to read: "weight", or as torch calls it: "momentum_buffer", "lr".
        kind: whose it is; "between" is what a line makes for the lines after it.
    """

    name: str
    kind: QuantityKind


@dataclass(frozen=True)
class Assignment:
    """One line of a rule: what is set, and to what."""

    target: Quantity
    expression: Expression


def quantity(value: float, formula: str, name: str, kind: QuantityKind) -> Quantity:
    """A number under its symbol."""
    made = Quantity(value=value, formula=formula, parts=(), name=name, kind=kind)
    object.__setattr__(made, "parts", (made,))  # what it is made of is itself
    return made


def root(of: Expression) -> Expression:
    """The square root."""
    return Expression(math.sqrt(of.value), rf"\sqrt{{{of.formula}}}", ("√", "(", *of.parts, ")"))


def maximum(left: Expression, right: Expression) -> Expression:
    """The larger of two."""
    formula = rf"\max({left.formula},\ {right.formula})"
    return Expression(max(left.value, right.value), formula, ("max", "(", *left.parts, ", ", *right.parts, ")"))


def between(low: Expression, of: Expression, high: Expression) -> Expression:
    """What is too low or too high is set to the nearest that is allowed."""
    value = min(max(of.value, low.value), high.value)
    formula = rf"\operatorname{{clip}}({of.formula},\ {low.formula},\ {high.formula})"
    return Expression(value, formula, ("clip", "(", *of.parts, ", ", *low.parts, ", ", *high.parts, ")"))


def magnitude(of: Expression) -> Expression:
    """Without its sign."""
    return Expression(abs(of.value), rf"\lvert {of.formula} \rvert", ("|", *of.parts, "|"))


def sign(of: Expression) -> Expression:
    """-1, 0 or 1."""
    value = float((of.value > 0) - (of.value < 0))
    return Expression(value, rf"\operatorname{{sign}}({of.formula})", ("sign", "(", *of.parts, ")"))


def _lifted(other: Expression | float) -> Expression:
    return other if isinstance(other, Expression) else Expression(float(other), f"{other:g}", (f"{other:g}",))


def _joined(left: Expression, symbol: str, right: Expression, value: float) -> Expression:
    second = _held(right, _PRODUCT) if symbol == "−" else right
    sign_of = {"+": "+", "−": "-"}[symbol]
    return Expression(value, f"{left.formula} {sign_of} {second.formula}", (*left.parts, symbol, *second.parts), _SUM)


def _held(one: Expression, binding: int) -> Expression:
    """In brackets where it would fall apart."""
    if one.binding >= binding:
        return one
    return Expression(one.value, f"({one.formula})", ("(", *one.parts, ")"))


def _quotient(above: float, below: float) -> float:
    if below == 0:
        return math.nan if above == 0 or math.isnan(above) else math.copysign(math.inf, above)
    return above / below
