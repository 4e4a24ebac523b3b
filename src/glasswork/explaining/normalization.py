"""Batch normalisation: shift by the mean, scale by the deviation, then the layer's own scale and shift.

S. Ioffe, C. Szegedy, Batch Normalization, 2015, https://arxiv.org/abs/1502.03167
"""

from __future__ import annotations

import math

import torch

from glasswork.explaining.expansion import Expansion, Label, label_of
from glasswork.explaining.explanation import Operand
from glasswork.explaining.rules import arguments, register
from glasswork.tracing import Op, Trace, Value


@register("batch_norm")
def batch_norm(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """Three terms, x s, -mean s and the bias, where s = weight / sqrt(variance + eps).

    In training mode mean and (biased) variance are the batch's own, computed here from it in fp64; else they are the
    running ones.
    """
    names = "input running_mean running_var weight bias training momentum eps"
    given = arguments(op, names, training=False, momentum=0.1, eps=1e-5)
    if op.function is torch.batch_norm:
        given = arguments(op, "input weight bias running_mean running_var training momentum eps")
    source: Value = given["input"]
    channel = index[1]
    means: Value | None = given["running_mean"]
    variances: Value | None = given["running_var"]
    own = bool(given["training"]) or means is None or variances is None
    if means is not None and variances is not None and not own:
        mean, variance = means.tensor[channel].item(), variances.tensor[channel].item()
        mean_label, variance_ref = label_of(means, (channel,)), variances.ref((channel,))
    else:
        numbers = source.tensor.select(1, channel).double()
        mean, variance = numbers.mean().item(), numbers.var(correction=0).item()
        mean_label, variance_ref = Label("mean of the batch"), None
    weight, bias = given["weight"], given["bias"]
    gamma = 1.0 if weight is None else weight.tensor[channel].item()
    scale = gamma / math.sqrt(variance + given["eps"])
    x = source.tensor[index].item()
    rows = [(x, scale, label_of(source, index)), (mean, -scale, mean_label)]
    if bias is not None:
        rows.append((bias.tensor[channel].item(), math.nan, label_of(bias, (channel,))))
    values = torch.tensor([value for value, _, _ in rows], dtype=torch.float64)
    factors = torch.tensor([factor for _, factor, _ in rows], dtype=torch.float64)
    operands = (
        Operand("variance of the batch" if own else "running variance", variance_ref, variance),
        Operand("eps", None, given["eps"]),
        Operand("weight", None if weight is None else weight.ref((channel,)), gamma),
        Operand("scale", None, scale),
    )
    whose = "the batch's own mean and variance" if own else "the running mean and variance, learned in training"
    return Expansion(
        kind="formula",
        formula=r"y = \gamma\,\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta = s\,x - s\,\mu + \beta,"
        r"\quad s = \frac{\gamma}{\sqrt{\sigma^2 + \epsilon}}",
        reduce="sum",
        values=values,
        factors=factors,
        products=torch.where(factors.isnan(), values, values * factors),
        label=lambda position: rows[position][2],
        operands=operands,
        note=whose,
    )
