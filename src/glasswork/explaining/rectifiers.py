"""ReLU and its like: the larger of the input and a constant."""

from __future__ import annotations

import torch

from glasswork.explaining.expansion import Expansion, Label, label_of, number
from glasswork.explaining.rules import register
from glasswork.tracing import Op, Trace


@register("relu")
def relu(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """Two terms, the input and the constant 0; the larger is the value."""
    source = op.operands[0]
    values = torch.stack([number(source, index), torch.zeros((), dtype=torch.float64)])
    labels = (label_of(source, index), Label("0"))
    return Expansion("formula", r"y = \max(x, 0)", "max", values, None, values, labels.__getitem__)
