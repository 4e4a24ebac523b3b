"""Ops that draw by chance: their numbers come from nowhere but the generator."""

from __future__ import annotations

from typing import Any

import torch

from glasswork.explaining.expansion import Expansion, Label, number
from glasswork.explaining.rules import arguments
from glasswork.tracing import Op, Value

_UNSET = ("empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided")
_DRAWS = frozenset(
    [
        *("rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "normal", "poisson"),
        *("bernoulli", "bernoulli_", "multinomial", "binomial", "normal_", "uniform_", "exponential_", "geometric_"),
        *("cauchy_", "log_normal_", "random_", "gumbel_softmax", "_standard_gamma", "_sample_dirichlet", *_UNSET),
    ]
)
_MASKS = ("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout", "alpha_dropout", "feature_alpha_dropout")
_FRACTIONAL = ("fractional_max_pool2d", "fractional_max_pool3d")


def is_drawn(op: Op) -> bool:
    """Whether chance has a part in what this call returned."""
    name = op.name
    if name in _DRAWS:
        return True
    if name.removesuffix("_") in _MASKS:
        native = op.function in (torch.dropout, torch.feature_dropout, torch.alpha_dropout, torch.feature_alpha_dropout)
        default = native or name.startswith("dropout")
        given = arguments(op, "input p training inplace", p=0.5, training=default)
        return bool(given["training"]) and given["p"] != 0
    if name.removesuffix("_") == "rrelu":
        return bool(arguments(op, "input lower upper training inplace", training=False)["training"])
    if name == "scaled_dot_product_attention":
        return bool(arguments(op, "query key value attn_mask dropout_p", dropout_p=0.0)["dropout_p"])
    if name == "multi_head_attention_forward":
        return bool(_inside(op, 10, "dropout_p", 0.0)) and bool(_inside(op, 13, "training", True))
    if name in ("lstm", "gru", "rnn_tanh", "rnn_relu"):  # (..., has_biases, num_layers, dropout, train, ...)
        flags = [item for item in op.args if not isinstance(item, (Value, list, tuple))]
        return len(flags) >= 4 and bool(flags[2]) and bool(flags[3])
    return name in _FRACTIONAL and _inside(op, 5, "_random_samples", None) is None


def drawn(op: Op, index: tuple[int, ...], slot: int) -> Expansion:
    """A number that chance had a part in: itself, with no claim of how it fell."""
    output = op.outputs[slot]
    value = number(output, index).reshape(1)
    fresh = op.name in _DRAWS and op.name != "gumbel_softmax"
    note = "memory as it was found, not set to anything" if op.name in _UNSET else "drawn by chance"
    if not fresh:
        note = "chance has a part in it: a random mask inside this op, which its output does not show"
    label = Label(f"{op.name}, by chance")
    return Expansion("random", r"y \sim \text{chance}", "identity", value, None, value, lambda _: label, note=note)


def _inside(op: Op, position: int, name: str, default: Any) -> Any:
    return op.args[position] if len(op.args) > position else op.kwargs.get(name, default)
