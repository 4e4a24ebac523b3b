"""Softmax and its logarithm."""

from __future__ import annotations

from glasswork.explaining.expansion import Expansion, Label, label_of
from glasswork.explaining.explanation import Operand
from glasswork.explaining.rules import arguments, register
from glasswork.tracing import Op, Trace


@register("softmax", "log_softmax", "_softmax", "_log_softmax")
def softmax(trace: Trace, op: Op, index: tuple[int, ...]) -> Expansion:
    """The terms are the logits along the axis; their products are e^(z - max), the own one over the sum of all.

    The maximum is taken off first, as PyTorch does, so that nothing overflows; the quotient is the same.
    """
    given = arguments(op, "input dim", dim=None)
    source = op.operands[0]
    axis = given["dim"]
    if axis is None:  # torch's own deprecated guess
        axis = 0 if len(source.shape) in (0, 1, 3) else 1
    axis %= max(len(source.shape), 1)
    logits = source.tensor[tuple(slice(None) if dim == axis else place for dim, place in enumerate(index))].double()
    logits = logits.reshape(-1)
    largest = logits.max()
    products = (logits - largest).exp()

    def label(position: int) -> Label:
        return label_of(source, (*index[:axis], position, *index[axis + 1 :]))

    own = index[axis] if index else 0
    top = int(logits.argmax())
    operands = (
        Operand("largest logit", label(top).ref, largest.item()),
        Operand("sum of exponentials", None, products.sum().item()),
    )
    share = r"\frac{e^{z_k - \max z}}{\sum_j e^{z_j - \max z}}"
    logarithm = "log" in op.name
    return Expansion(
        kind="formula",
        formula=rf"y_k = \log {share}" if logarithm else rf"y_k = {share}",
        reduce="log_softmax" if logarithm else "softmax",
        values=logits,
        factors=None,
        products=products,
        label=label,
        operands=operands,
        own=own,
        note="the largest logit is taken off first, so that no exponential overflows; the quotient stays the same",
    )
