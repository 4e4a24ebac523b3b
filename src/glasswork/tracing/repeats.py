"""Values that are not held: made again when somebody asks, bit for bit, by the op that made them first.

What is elementwise, a normalisation by fixed statistics, or a mere view comes out the same each time, given the same
layout and number of threads. Holding all of it costs a third of a forward run of ResNet-152 (fresh pages for what the
plain run would have freed), and copying it before in-place writes as much again; what it was made of is held anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from glasswork.tracing.ops import Op
from glasswork.tracing.values import Value, replace_values
from glasswork.tracing.writes import tensors_in

# each number is one IEEE operation on its operands, or moves: the layout can't matter
_EXACT_NAMES = (
    "batch_norm add add_ sub sub_ rsub mul mul_ div div_ truediv truediv_ rtruediv neg neg_ abs abs_ relu relu_ "
    "relu6 hardtanh hardtanh_ clamp clamp_ leaky_relu leaky_relu_ threshold masked_fill where view reshape "
    "flatten permute transpose unsqueeze squeeze expand chunk split unbind getitem T mT t expand_as view_as "
    "movedim contiguous narrow select unflatten broadcast_to roll cat stack to float"
)
_EXACT = frozenset(_EXACT_NAMES.split())
# vector and scalar code differ in the last bit: the same only on dense operands, cut among as many threads
_DENSE_NAMES = (
    "gelu silu silu_ sigmoid sigmoid_ tanh tanh_ hardswish hardswish_ hardsigmoid hardsigmoid_ elu elu_ mish "
    "softplus exp pow rsqrt sqrt layer_norm softmax"
)
EXACT_IF_DENSE = frozenset(_DENSE_NAMES.split())
_SMALL = 1 << 16  # bytes; parameters up to this are copied, so that later training does not change the past
_DEEP = 10  # ops in a row; asking for one number must not run a whole network


class Repeat:
    """Runs one op once more.

    Args:
        op: the op.
        slot: which of its outputs.
        then: copies of the parameters that it read, by the id of their Value.
        threads: how many ran it.
        stays: whether what it makes may stay in memory.
    """

    __slots__ = ("args", "function", "in_place", "kwargs", "slot", "stays", "then", "threads")

    def __init__(self, op: Op, slot: int, then: dict[int, torch.Tensor] | None, threads: int, stays: bool) -> None:
        self.function, self.args, self.kwargs = op.function, op.args, op.kwargs  # not the op: it holds the value
        self.slot = slot
        self.then = then
        self.threads = threads
        self.stays = stays
        self.in_place = op.name.endswith("_") or bool(op.kwargs.get("inplace")) or op.function.__name__[:3] == "__i"

    def __call__(self) -> torch.Tensor:
        """The tensor, of the layout that it had."""
        then = self.then

        def operand(value: Value) -> torch.Tensor:
            tensor = then.get(id(value)) if then else None
            if tensor is None:
                tensor = value.tensor
            return tensor.clone() if self.in_place else tensor

        args, kwargs = replace_values(operand, self.args), replace_values(operand, self.kwargs)
        threads = torch.get_num_threads()
        if threads != self.threads:
            torch.set_num_threads(self.threads)
        try:
            with torch.no_grad(), torch._C.DisableTorchFunction():
                output = self.function(*args, **kwargs)
        finally:
            if threads != self.threads:
                torch.set_num_threads(threads)
        return output if isinstance(output, torch.Tensor) else tensors_in(output)[self.slot]


class Repeats:
    """Decides what need not be held. One for each run: it shares copies of parameters among the ops that read them.

    Args:
        stays: whether what is made again may then stay in memory.
    """

    def __init__(self, stays: bool) -> None:
        self._stays = stays
        self._then: dict[int, torch.Tensor] = {}
        self._threads = torch.get_num_threads()

    def of(self, op: Op, value: Value, dense: bool) -> Callable[[], torch.Tensor] | None:
        """A function that makes an output of `op` again, bit for bit; None where that is not certain or not cheap.

        Args:
            op: the op.
            value: the output; its `depth` is set.
            dense: whether all that it read is known to have been contiguous.
        """
        name = op.name
        if op.edited or (name not in _EXACT and not (dense and name in EXACT_IF_DENSE)):
            return None
        if torch.is_autocast_enabled("cpu") or value.device.type != "cpu" or "out" in op.kwargs:
            return None
        if name == "batch_norm" and _uses_batch(op):
            return None
        then: dict[int, torch.Tensor] | None = None
        deepest = 0
        for operand in op.operands:
            if operand.held is None:
                if operand.again is None:
                    return None
                deepest = max(deepest, operand.depth)
            if operand.kind not in ("op", "input"):
                copied = self._copied(operand)
                if copied is None:
                    return None
                if then is None:
                    then = {}
                then[id(operand)] = copied
        if deepest >= _DEEP or not op.operands:
            return None
        value.depth = deepest + 1
        return Repeat(op, value.slot, then, self._threads, self._stays)

    def _copied(self, value: Value) -> torch.Tensor | None:
        known = self._then.get(id(value))
        if known is None:
            held = value.held
            if held is None or value.bytes > _SMALL:
                return None
            known = self._then[id(value)] = held.detach().clone()
        return known


def _uses_batch(op: Op) -> bool:
    training: Any = op.args[5] if len(op.args) > 5 else op.kwargs.get("training", False)
    return bool(training) or op.function is torch.batch_norm
