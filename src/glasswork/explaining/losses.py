"""Cross-entropy: minus the logarithm of the probability that the network gave to the right class."""

from __future__ import annotations

import torch

from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion, Label, label_of, unravel
from glasswork.explaining.rules import arguments, register
from glasswork.tracing import Op, Trace, Value


@register("cross_entropy", "nll_loss")
def cross_entropy(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """One term for each labelled example: its logit, and as product -log p of its class; their mean is the loss.

    With class weights each product is scaled first, and the terms are summed.
    """
    given = arguments(
        op,
        "input target weight size_average ignore_index reduce reduction label_smoothing",
        ignore_index=-100,
        reduction="mean",
        label_smoothing=0.0,
    )
    if op.name == "nll_loss":
        given["label_smoothing"] = 0.0
    scores: Value = given["input"]
    target: Value = given["target"]
    if given["label_smoothing"] or target.dtype.is_floating_point:
        what = "label smoothing" if given["label_smoothing"] else "class probabilities as targets"
        raise NoRule(f"{op.name} with {what}", where=op.path)
    axis = 1 if len(scores.shape) > 1 else 0
    logits = scores.tensor.double().movedim(axis, -1)  # (examples..., classes)
    if op.name == "cross_entropy":
        logits = logits.log_softmax(-1)
    classes = target.tensor
    counted = classes != given["ignore_index"]
    chosen = classes.where(counted, 0).unsqueeze(-1)
    losses = -logits.gather(-1, chosen).squeeze(-1)
    raw = scores.tensor.double().movedim(axis, -1).gather(-1, chosen).squeeze(-1)
    weights = given["weight"].tensor.double()[chosen.squeeze(-1)] if given["weight"] is not None else None

    if given["reduction"] == "none":
        here = torch.zeros_like(counted)
        here[index] = True
        counted = counted & here  # an example that is ignored has no terms, and its loss is 0
    which = counted.flatten().nonzero().flatten()
    products, values = losses.flatten()[which], raw.flatten()[which]
    reduce = "mean" if given["reduction"] == "mean" else "sum"
    note = ""
    if weights is not None:
        shares = weights.flatten()[which]
        note = "each example is scaled by the weight of its class"
        if reduce == "mean":
            shares, reduce = shares / shares.sum(), "sum"
            note += ", divided by the sum of those weights"
        products = products * shares
    shape = classes.shape

    def label(position: int) -> Label:
        place = unravel(int(which[position]), shape)
        label = label_of(scores, (*place[:axis], int(classes[place]), *place[axis:]))
        return Label(f"-log p at {label.name}", label.ref)

    inner = r"-\log p_{n,t_n}" if op.name == "cross_entropy" else r"-x_{n,t_n}"
    scale = "" if weights is None else r"w_n\,"
    formula = {
        "mean": rf"L = \tfrac{{1}}{{{len(which)}}}\sum_n {inner}",
        "sum": rf"L = \sum_n {scale}{inner}",
    }[reduce]
    if op.name == "cross_entropy":
        formula += r",\quad p_n = \operatorname{softmax}(z_n)"
    return Expansion("formula", formula, reduce, values, None, products, label, note=note)
