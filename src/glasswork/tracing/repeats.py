"""Values that are not held: made again when somebody asks, bit for bit, by the op that made them first.

What is elementwise, a normalisation by fixed statistics, or a mere view comes out the same each time, given the same
layout and number of threads. Holding all of it costs a third of a forward run of ResNet-152 (fresh pages for what the
plain run would have freed), and copying it before in-place writes as much again; what it was made of is held anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from glasswork.tracing.ops import Op
from glasswork.tracing.values import Value, replace_values
from glasswork.tracing.writes import tensors_in

if TYPE_CHECKING:
    from glasswork.tracing.calls import Call

# each number is one IEEE operation on its operands, or moves: the layout can't matter
_NUMERIC_NAMES = (
    "batch_norm add add_ sub sub_ rsub mul mul_ div div_ truediv truediv_ rtruediv neg neg_ abs abs_ relu relu_ "
    "relu6 hardtanh hardtanh_ clamp clamp_ leaky_relu leaky_relu_ threshold masked_fill where roll cat stack"
)
_MOVING_NAMES = (
    "view reshape flatten permute transpose unsqueeze squeeze expand chunk split unbind getitem T mT t expand_as "
    "view_as movedim contiguous narrow select unflatten broadcast_to to float"
)
NUMERIC = frozenset(_NUMERIC_NAMES.split())
"""Of the exact ones those that make memory of their own, or write over their first argument; others may be views."""
EXACT = NUMERIC | frozenset(_MOVING_NAMES.split())
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
        repeats: those of the run: its threads, its copies of parameters, and whether what it makes may stay in memory.
    """

    __slots__ = ("args", "function", "in_place", "kwargs", "repeats", "slot")

    def __init__(self, op: Op, slot: int, repeats: Repeats) -> None:
        self.function, self.args, self.kwargs = op.function, op.args, op.kwargs  # not the op: it holds the value
        self.slot = slot
        self.repeats = repeats
        self.in_place = op.name.endswith("_") or bool(op.kwargs.get("inplace")) or op.function.__name__[:3] == "__i"

    @property
    def stays(self) -> bool:
        """Whether what is made may stay in memory."""
        return self.repeats.stays

    def __call__(self) -> torch.Tensor:
        """The tensor, of the layout that it had."""
        copy_of = self.repeats.copy_of

        def operand(value: Value) -> torch.Tensor:
            tensor = value.tensor if value.kind in ("op", "input") else copy_of(value)
            return tensor.clone() if self.in_place else tensor

        args, kwargs = replace_values(operand, self.args), replace_values(operand, self.kwargs)
        threads, then = torch.get_num_threads(), self.repeats.threads
        if threads != then:
            torch.set_num_threads(then)
        try:
            with torch.no_grad(), torch._C.DisableTorchFunction():
                output = self.function(*args, **kwargs)
        finally:
            if threads != then:
                torch.set_num_threads(threads)
        return output if isinstance(output, torch.Tensor) else tensors_in(output)[self.slot]


class Repeats:
    """Decides what need not be held. One for each run: it shares copies of parameters among the ops that read them.

    Args:
        stays: whether what is made again may then stay in memory.
    """

    def __init__(self, stays: bool) -> None:
        self.stays = stays
        self.threads = torch.get_num_threads()
        self._read: dict[int, Value] = {}  # parameters, buffers and constants that are read again, until `settle`
        self._copies: dict[int, torch.Tensor | tuple[torch.Tensor, int]] = {}  # the tensor, or where it begins in one

    def depth(self, call: Call, value: Value, at_any_price: bool = False) -> int:
        """How many ops, one after another, would make an output of `call` again, bit for bit.

        0 where that is not certain or not cheap: then it has to be held. `at_any_price`: be it cheap or not.
        """
        if call.edited or call.autocast or value.device.type != "cpu":
            return 0
        kwargs = call.kwargs
        if kwargs and ("out" in kwargs or (call.callee.name == "batch_norm" and _uses_batch(call))):
            return 0
        deepest = 0
        read = self._read
        for operand in call.operands:
            if operand.held is None:
                if operand.again is None and not operand.depth:
                    return 0
                if operand.depth > deepest:
                    deepest = operand.depth
            if operand.kind not in ("op", "input") and id(operand) not in read:
                if operand.held is None or (operand.held.nbytes > _SMALL and not at_any_price):
                    return 0
                read[id(operand)] = operand
        return deepest + 1 if (deepest < _DEEP or at_any_price) and call.operands else 0

    def settle(self) -> None:
        """At the end of the run: copy what later training may change, all in one piece."""
        rows: dict[torch.dtype, list[torch.Tensor]] = {}
        starts: dict[torch.dtype, int] = {}
        places: list[tuple[int, torch.dtype, int]] = []
        with torch.no_grad():
            for key, value in self._read.items():
                held = value.held if value.held is not None else value.data
                if held is None:
                    continue
                if not _is_plain_row(held):
                    self._copies[key] = held.detach().clone()
                    continue
                start = starts.get(value.dtype, 0)
                rows.setdefault(value.dtype, []).append(held)
                places.append((key, value.dtype, start))
                starts[value.dtype] = start + value.shape[0]
            whole = {dtype: torch.cat(parts) for dtype, parts in rows.items()}
        for key, dtype, start in places:
            self._copies[key] = (whole[dtype], start)
        self._read.clear()

    def copy_of(self, value: Value) -> torch.Tensor:
        """A parameter, buffer or constant as it was in the run."""
        copy = self._copies.get(id(value))
        if copy is None:
            return value.tensor
        if isinstance(copy, torch.Tensor):
            return copy
        whole, start = copy
        return whole[start : start + value.shape[0]]


def _is_plain_row(tensor: torch.Tensor) -> bool:
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter) or tensor.layout is not torch.strided:
        return False
    return tensor.dim() == 1 and tensor.is_cpu and not tensor.is_quantized and tensor.is_contiguous()


def _uses_batch(call: Call) -> bool:
    args = call.args
    training: Any = args[5] if len(args) > 5 else call.kwargs.get("training", False)
    return bool(training) or call.function is torch.batch_norm
