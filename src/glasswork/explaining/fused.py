"""Fused ops whose insides are rebuilt: the last step of what they hide, its terms at the addresses of the parts.

An LSTM's number is o tanh(c) of its own step; what o and c are made of is asked of them, at OP/PART. The parts are
computed again (tracing/rebuilding), so that the note names the largest difference to the op's own output.
"""

from __future__ import annotations

import torch

from glasswork.explaining.arithmetic import broadcast
from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion, Label, label_of, number
from glasswork.explaining.moving import moved_from
from glasswork.explaining.rules import register_slots, rule_for
from glasswork.tracing import NotRebuilt, Op, Trace, Value
from glasswork.tracing.rebuilding import Rebuilt

_FORMULAS = {
    ("lstm", "hidden"): r"h_t = o_t \tanh(c_t)",
    ("lstm", "projected"): r"h_t = W_{hr}\,\bigl(o_t \tanh(c_t)\bigr)",
    ("lstm", "cell"): r"c_t = f_t\,c_{t-1} + i_t\,g_t",
    ("gru", "hidden"): r"h_t = (1 - z_t)\,n_t + z_t\,h_{t-1}",
    ("rnn_tanh", "hidden"): r"h_t = \tanh(W x_t + b + U h_{t-1} + b')",
    ("rnn_relu", "hidden"): r"h_t = \max(0,\ W x_t + b + U h_{t-1} + b')",
    ("multi_head_attention_forward", "projected"): (
        r"y_{i,o} = \sum_{h,c} W_{o,(h,c)}\Bigl(\sum_j a^{(h)}_{i,j}\,v^{(h)}_{j,c}\Bigr) + b_o,\quad "
        r"a^{(h)}_i = \operatorname{softmax}_j\frac{q^{(h)}_i \cdot k^{(h)}_j}{\sqrt{d}}"
    ),
}


@register_slots("lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell",
                "multi_head_attention_forward", "_native_multi_head_attention",
                "_transformer_encoder_layer_fwd")  # fmt: skip
def last_step(trace: Trace, op: Op, index: tuple[int, ...], slot: int = 0) -> Expansion:
    """The terms of the last part that is more than a move; products of two parts stand as a value and its factor.

    Raises:
        NoRule: if this use of the op can't be rebuilt: a mask that chance drew and nobody kept, a packed rarity.
    """
    try:
        inside = trace.rebuild(op)
    except NotRebuilt as error:
        raise NoRule(op.name, where=op.path, why=str(error)) from error
    result = inside.results[slot] if slot < len(inside.results) else None
    if result is None:
        raise NoRule(op.name, where=op.path, why=inside.note)
    part, place, value = _made_by(inside, result, index)
    note = f"its parts are rebuilt: what the kernel hides, computed again, differs by at most {inside.error:.1e}"
    if part is None:  # a state that went through untouched
        taken = number(value, place).reshape(1)
        label = label_of(value, place)
        return Expansion("selected", "y = x", "identity", taken, None, taken, lambda _: label, note=note)
    found = _sum_of_products(inside, part, place) or rule_for(part)(inside, part, place)
    name = part.path.rpartition("/")[2].rpartition(".")[2]
    if name == "hidden" and part.name == "linear":
        name = "projected"  # an LSTM with proj_size
    formula = _FORMULAS.get((op.name.removesuffix("_cell"), name), found.formula)
    return Expansion(
        found.kind, formula, found.reduce, found.values, found.factors, found.products, found.label,
        operands=found.operands, own=found.own, always=found.always,
        note="; ".join(filter(None, (found.note, note, inside.note))),
    )  # fmt: skip


def _made_by(inside: Rebuilt, value: Value, place: tuple[int, ...]) -> tuple[Op | None, tuple[int, ...], Value]:
    """The part that computed a number, and where in it the number stands; None for what came in from outside."""
    while True:
        maker = inside.producer(value)
        if maker is None:
            return None, place, value
        origin = moved_from(maker, place)
        if origin is None:
            return maker, place, value
        value, place = origin


def _sum_of_products(inside: Rebuilt, part: Op, place: tuple[int, ...]) -> Expansion | None:
    """a b, or a b + c d, as terms that are a value and its factor; None for other parts."""
    if part.function is torch.mul:
        products = [part]
    elif part.function is torch.add:
        makers = [inside.producer(value) for value in part.operands]
        products = [maker for maker in makers if maker is not None and maker.function is torch.mul]
        if len(products) != len(part.operands):
            return None
    else:
        return None
    values, factors, labels = [], [], []
    for product in products:
        factor, value = product.operands  # a gate, and what it lets through
        at, by = broadcast(value.shape, place), broadcast(factor.shape, place)
        values.append(number(value, at))
        factors.append(number(factor, by))
        labels.append(Label(label_of(value, at).name, value.ref(at), factor.ref(by)))
    value, factor = torch.stack(values), torch.stack(factors)
    return Expansion("formula", r"y = \sum_i a_i\,b_i", "sum", value, factor, value * factor, labels.__getitem__)
