"""Values that a later op wrote over, made again when somebody asks, instead of being copied by everybody always.

Most in-place writes go over the output of a normalisation or an addition (a ReLU in place, `out += identity`). Those
ops come out the same to the bit each time, element by element and whatever the number of threads; so their output
need not be saved before it is overwritten: what they read is kept anyway. Copies would cost a third of a forward run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from glasswork.tracing.ops import Op
from glasswork.tracing.values import Value, replace_values

_EXACT = frozenset(["batch_norm", "add", "add_", "sub", "sub_", "mul", "mul_", "relu", "relu_", "hardtanh"])
_SMALL = 1 << 16  # bytes; parameters up to this are copied, so that later training does not change the past


def repeat_of(op: Op) -> Callable[[], torch.Tensor] | None:
    """A function that makes the op's single output again, bit for bit; None where that is not certain or not cheap."""
    if op.edited or op.name not in _EXACT or len(op.outputs) != 1 or torch.is_autocast_enabled("cpu"):
        return None
    if op.output.device.type != "cpu" or (op.name == "batch_norm" and _uses_batch(op)):
        return None
    then: dict[int, torch.Tensor] = {}  # parameters as they are now
    for value in op.operands:
        if not value.is_kept:
            return None
        if value.kind not in ("op", "input"):
            if value.bytes > _SMALL:
                return None
            then[id(value)] = value.tensor.clone()
    function, args, kwargs = op.function, op.args, op.kwargs  # not the op itself, which holds the value: no cycle
    in_place = op.name.endswith("_") or bool(kwargs.get("inplace"))

    def again() -> torch.Tensor:
        def operand(value: Value) -> torch.Tensor:
            tensor = then.get(id(value))
            tensor = value.tensor if tensor is None else tensor
            return tensor.clone() if in_place else tensor

        with torch.no_grad():
            return function(*replace_values(operand, args), **replace_values(operand, kwargs))

    return again


def _uses_batch(op: Op) -> bool:
    training: Any = op.args[5] if len(op.args) > 5 else op.kwargs.get("training", False)
    return bool(training) or op.function is torch.batch_norm
