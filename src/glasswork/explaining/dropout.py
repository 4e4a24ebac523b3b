"""Dropout: nothing at all when evaluating; in training a random mask, and what stays is scaled up.

N. Srivastava et al., Dropout, 2014, https://jmlr.org/papers/v15/srivastava14a.html; alpha dropout, which puts SELU's
lowest value in place of a zero: G. Klambauer et al., 2017, https://arxiv.org/abs/1706.02515, section 3.
"""

from __future__ import annotations

import math

import torch

from glasswork.explaining.expansion import Expansion, Label, label_of, number, single
from glasswork.explaining.randomness import is_drawn
from glasswork.explaining.rules import arguments, register
from glasswork.tracing import Op, Trace


@register("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout")
def dropout(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """Evaluating: the input itself. Training: the input times mask / (1 - p), the mask read off the output."""
    default = op.function not in (torch.dropout, torch.feature_dropout)
    given = arguments(op, "input p training inplace", p=0.5, training=default)
    source, p = given["input"], given["p"]
    if not given["training"] or p == 0:
        return single(source, index, formula="y = x", note="dropout does nothing when evaluating")
    x, y = number(source, index), number(op.output, index)
    kept = bool(y != 0)
    # what is dropped is an exact zero; whether a zero was dropped can't be seen in it, nor does it matter
    factor = 1 / (1 - p) if kept else 0.0
    values, factors = x.reshape(1), torch.tensor([factor], dtype=torch.float64)
    label = label_of(source, index)
    return Expansion(
        kind="random",
        formula=r"y = \frac{m}{1 - p}\,x, \quad m \sim \text{Bernoulli}(1 - p)",
        reduce="sum",
        values=values,
        factors=factors,
        products=values * factors,
        label=lambda _: label,
        note="kept by chance" if kept else "dropped by chance" if x != 0 else "a zero stays a zero",
    )


_LOWEST = 1.7580993408473766  # SELU's alpha times its scale: minus this is what a dropped number becomes


@register("alpha_dropout", "feature_alpha_dropout")
def alpha_dropout(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """Training: a x + b of what is kept, the constant of what is dropped; both keep the mean and the variance."""
    source = op.operands[0]
    if not is_drawn(op):
        return single(source, index, formula="y = x", note="dropout does nothing when evaluating")
    scale, shift, dropped = alpha_dropout_settings(op)
    slope = alpha_dropout_slope(op, index)
    formula = r"y = a\,x + b \text{ if kept},\quad b - \alpha' a \text{ if dropped}"
    if slope == 0:
        constant = torch.tensor([dropped], dtype=torch.float64)
        label = Label("what is dropped")
        return Expansion("random", formula, "identity", constant, None, constant, lambda _: label,
                         note="dropped by chance")  # fmt: skip
    x = number(source, index)
    values = torch.stack([x, x.new_tensor(shift)])
    factors = torch.tensor([scale, math.nan], dtype=torch.float64)
    products = torch.stack([x * scale, x.new_tensor(shift)])
    labels = (label_of(source, index), Label("shift"))
    return Expansion("random", formula, "sum", values, factors, products, labels.__getitem__, always=(1,),
                     note="kept by chance")  # fmt: skip


def alpha_dropout_settings(op: Op) -> tuple[float, float, float]:
    """The scale and shift of what is kept, and what a dropped number becomes."""
    p = arguments(op, "input p", p=0.5)["p"]
    if p == 1:
        return 0.0, 0.0, 0.0
    scale = 1 / math.sqrt((_LOWEST**2 * p + 1) * (1 - p))
    shift = _LOWEST * scale * p
    return scale, shift, shift - _LOWEST * scale


def alpha_dropout_slope(op: Op, index: tuple[int, ...]) -> float:
    """The scale where the output shows that the number was kept, else 0."""
    scale, shift, dropped = alpha_dropout_settings(op)
    x, y = number(op.operands[0], index).item(), number(op.output, index).item()
    return scale if abs(y - (scale * x + shift)) <= abs(y - dropped) else 0.0
