"""Losses: how far the output is from the target, element by element, then averaged or summed."""

from __future__ import annotations

from typing import Any

import torch

from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion, Label, label_of, unravel
from glasswork.explaining.explanation import Operand, Reduce
from glasswork.explaining.replaying import undisturbed, wide
from glasswork.explaining.rules import arguments, register
from glasswork.tracing import Op, Trace, Value, replace_values

_OLD = "size_average reduce reduction"  # what torch took before `reduction`, and still does in these places
# name: one element's loss; the function's arguments up to `reduction`
_ELEMENT = {
    "mse_loss": (r"(x_n - t_n)^2", f"input target {_OLD}"),
    "l1_loss": (r"|x_n - t_n|", f"input target {_OLD}"),
    "smooth_l1_loss": (r"\operatorname{smooth}_{\beta}|x_n - t_n|", f"input target {_OLD} beta"),
    "huber_loss": (r"\operatorname{huber}_{\delta}(x_n - t_n)", "input target reduction delta"),
    "binary_cross_entropy": (r"-t_n \ln x_n - (1 - t_n)\ln(1 - x_n)", f"input target weight {_OLD}"),
    "binary_cross_entropy_with_logits": (
        r"-t_n \ln \sigma(x_n) - (1 - t_n)\ln(1 - \sigma(x_n))",
        f"input target weight {_OLD} pos_weight",
    ),
    "kl_div": (r"t_n\,(\ln t_n - x_n)", f"input target {_OLD} log_target"),
    "poisson_nll_loss": (r"e^{x_n} - t_n x_n", "input target log_input full size_average eps reduce reduction"),
    "gaussian_nll_loss": (r"\tfrac{1}{2}\Bigl(\ln v_n + \frac{(x_n - t_n)^2}{v_n}\Bigr)",
                          "input target var full eps reduction"),
    "soft_margin_loss": (r"\ln(1 + e^{-t_n x_n})", f"input target {_OLD}"),
    "hinge_embedding_loss": (r"x_n \text{ or } \max(0, m - x_n)", f"input target margin {_OLD}"),
    "margin_ranking_loss": (r"\max(0, -t_n (a_n - b_n) + m)", f"input input2 target margin {_OLD}"),
    "cosine_embedding_loss": (r"1 - \cos(a_n, b_n) \text{ or } \max(0, \cos(a_n, b_n) - m)",
                              f"input input2 target margin {_OLD}"),
    "triplet_margin_loss": (r"\max(0,\ d(a_n, p_n) - d(a_n, q_n) + m)",
                            f"anchor positive negative margin p eps swap {_OLD}"),
    "multi_margin_loss": (r"\tfrac{1}{C}\sum_{c \neq t_n} \max(0, m - x_{n,t_n} + x_{n,c})",
                          f"input target p margin weight {_OLD}"),
    "multilabel_margin_loss": (r"\ell(x_n, t_n)", f"input target {_OLD}"),
    "multilabel_soft_margin_loss": (r"\ell(x_n, t_n)", f"input target weight {_OLD}"),
}  # fmt: skip


@register(*_ELEMENT)
def reduced_loss(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """One term for each element or example: the input's number, and as product its loss; averaged or summed."""
    text, names = _ELEMENT[op.name]
    given = arguments(op, names, reduction="mean")
    if given.get("size_average") is not None or given.get("reduce") is not None:
        raise NoRule(f"{op.name} with deprecated reductions", where=op.path)
    how = given["reduction"]
    losses = _element_losses(op, names)
    source = next(value for value in op.operands if value.dtype.is_floating_point)
    same = losses.shape == source.shape
    shape = losses.shape
    products = losses.flatten()
    start = 0
    if how == "none":
        at = int(torch.arange(losses.numel()).reshape(shape)[index])
        products, start = products[at : at + 1], at
    values = source.tensor.double().flatten()[start : start + len(products)] if same else products

    def label(position: int) -> Label:
        place = unravel(position + start, shape)
        return label_of(source, place) if same else Label(f"example {','.join(map(str, place))}")

    reduce: Reduce = "mean" if how == "mean" else "sum"
    formula = f"L = {text}" if how == "none" else rf"L = \sum_n {text}"
    if how == "mean":
        formula = rf"L = \tfrac{{1}}{{{len(products)}}}\sum_n {text}"
    elif how == "batchmean":
        products = products / source.shape[0]
        formula = rf"L = \tfrac{{1}}{{{source.shape[0]}}}\sum_n {text}"
    return Expansion("formula", formula, reduce, values, None, products, label)


def _element_losses(op: Op, names: str) -> torch.Tensor:
    """The loss of each element, before they are reduced; fp64."""
    order = names.split()
    position = order.index("reduction")
    args = list(op.args)
    kwargs = dict(op.kwargs)
    if len(args) > position:
        args[position] = "none"
    else:
        kwargs["reduction"] = "none"

    def operand(value: Value) -> torch.Tensor:
        return wide(value.tensor)

    with undisturbed(), torch.no_grad():
        function: Any = op.function
        return function(*replace_values(operand, args), **replace_values(operand, kwargs))


@register("cross_entropy", "nll_loss")
def cross_entropy(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """One term for each labelled example: its logit, and as product -log p of its class; their mean is the loss.

    With class weights each product is scaled first, and the terms are summed. With smoothed labels or probabilities
    as targets there is a term for each class of each example.
    """
    given = arguments(
        op,
        "input target weight size_average ignore_index reduce reduction label_smoothing",
        ignore_index=-100,
        reduction="mean",
        label_smoothing=0.0,
    )
    if given["size_average"] is not None or given["reduce"] is not None:
        raise NoRule(f"{op.name} with deprecated reductions", where=op.path)
    if op.name == "nll_loss":
        given["label_smoothing"] = 0.0
    target: Value = given["target"]
    if given["label_smoothing"] or target.dtype.is_floating_point:
        return _soft_targets(given, index)
    scores: Value = given["input"]
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
    reduce: Reduce = "mean" if given["reduction"] == "mean" else "sum"
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


def _soft_targets(given: dict[str, Any], index: tuple[int, ...]) -> Expansion:
    """Every class of every example has a share of the target: (1 - e) of the label, e / C of each class."""
    scores, target = given["input"], given["target"]
    axis = 1 if len(scores.shape) > 1 else 0
    raw = scores.tensor.double().movedim(axis, -1)  # (examples..., classes)
    count, smoothing = raw.shape[-1], float(given["label_smoothing"])
    weight = torch.ones(count, dtype=torch.float64) if given["weight"] is None else given["weight"].tensor.double()
    if target.dtype.is_floating_point:
        shares = target.tensor.double().movedim(axis, -1) * (1 - smoothing) + smoothing / count
        shares = shares * weight
        scale = float(raw.numel() // count)
    else:
        classes = target.tensor
        counted = (classes != given["ignore_index"]).unsqueeze(-1)
        chosen = classes.unsqueeze(-1).where(counted, 0)
        hot = torch.zeros_like(raw).scatter(-1, chosen, 1.0)
        shares = (hot * (1 - smoothing) + smoothing / count) * weight * counted
        scale = (weight[chosen] * counted).sum().item()
    products = -raw.log_softmax(-1) * shares
    kept = torch.ones(raw.shape[:-1], dtype=torch.bool)
    if given["reduction"] == "none":
        kept.zero_()[index] = True
    elif given["reduction"] == "mean":
        products = products / scale
    which = kept.unsqueeze(-1).expand(raw.shape).flatten().nonzero().flatten()

    def label(position: int) -> Label:
        *place, cls = unravel(int(which[position]), raw.shape)
        return label_of(scores, (*place[:axis], cls, *place[axis:]))

    over = rf"\tfrac{{1}}{{{scale:g}}}" if given["reduction"] == "mean" else ""
    formula = rf"L = -{over}\sum_n \sum_c q_{{n,c}} \log p_{{n,c}},\quad p_n = \operatorname{{softmax}}(z_n)"
    operands = (Operand("label smoothing", None, smoothing),)
    values, kept_products = raw.flatten()[which], products.flatten()[which]
    return Expansion("formula", formula, "sum", values, None, kept_products, label, operands=operands)
