"""Dropout: nothing at all when evaluating; in training a random mask, and what stays is scaled up.

N. Srivastava et al., Dropout, 2014, https://jmlr.org/papers/v15/srivastava14a.html
"""

from __future__ import annotations

import torch

from glasswork.explaining.expansion import Expansion, label_of, number, single
from glasswork.explaining.randomness import drawn
from glasswork.explaining.rules import arguments, register
from glasswork.tracing import Op, Trace


@register("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")
def dropout(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """Evaluating: the input itself. Training: the input times mask / (1 - p), the mask read off the output."""
    default = op.function not in (torch.dropout, torch.feature_dropout)
    given = arguments(op, "input p training inplace", p=0.5, training=default)
    source, p = given["input"], given["p"]
    if op.name.removesuffix("_") in ("alpha_dropout", "feature_alpha_dropout"):
        default = op.function in (torch.alpha_dropout, torch.feature_alpha_dropout)
        given = arguments(op, "input p training inplace", p=0.5, training=default)
        if given["training"] and given["p"]:
            return drawn(op, index, 0)
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
