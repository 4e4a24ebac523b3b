"""What an op is made of: its aten ops (detail="aten"), each an Op of its own under the one that its author wrote.

A TorchDispatchMode sees them, below autograd and autocast. It stands only while an op of the author runs, so that
what the tracer does itself is not among them.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from glasswork.tracing.moments import Moments
from glasswork.tracing.ops import Op
from glasswork.tracing.values import Value, map_tensors, replace_values
from glasswork.tracing.writes import tensors_in


class _Same:
    """What stands for a child's output that its parent returned: the parent's own Value."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        self.value = value

    def __call__(self) -> torch.Tensor:
        return self.value.tensor


class Children(TorchDispatchMode):
    """Records the aten ops of one op after another: call `inside`, run the op under this mode, then call `outside`.

    Args:
        moments: which Value each tensor is.
    """

    def __init__(self, moments: Moments) -> None:
        super().__init__()
        self._moments = moments
        self._parent: int | None = None
        self._found: list[Op] = []
        self._counts: Counter[str] = Counter()
        self._made: list[tuple[torch.Tensor, Op, int]] = []

    def inside(self, parent: int, children: list[Op]) -> None:
        """The aten ops that follow are those of the op `parent`, and go to its `children`."""
        self._parent = parent
        self._found = children
        self._counts.clear()
        self._made.clear()

    def outside(self, made: Sequence[torch.Tensor]) -> None:
        """The parent has run and returned `made`: it decides how those are kept."""
        returned = {id(tensor) for tensor in made}
        for tensor, child, slot in self._made:
            if id(tensor) in returned:
                child.outputs[slot].held = None

    def join(self, outputs: Sequence[Value], made: Sequence[torch.Tensor]) -> None:
        """Let the Values of what the parent returned stand for those of the children that made it."""
        own = {id(tensor): value for tensor, value in zip(made, outputs, strict=True)}
        for tensor, child, slot in self._made:
            value = own.get(id(tensor))
            inner = child.outputs[slot]
            if value is not None and inner.held is None and inner.again is None:
                inner.again = _Same(value)
        self._made.clear()
        self._parent = None

    def __torch_dispatch__(
        self, func: Any, types: Iterable[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one aten op and note it."""
        kwargs = kwargs or {}
        parent = self._parent
        if parent is None:
            return func(*args, **kwargs)
        moments = self._moments
        operands: list[Value] = []

        def handle(tensor: torch.Tensor) -> Value:
            value = moments.value_of(tensor)
            operands.append(value)
            return value

        name = func._schema.name.replace("::", ".")
        self._counts[name] += 1
        child = Op(
            id=len(self._found),
            name=name,
            function=func,
            args=tuple([map_tensors(handle, item) for item in args]),
            kwargs={key: map_tensors(handle, item) for key, item in kwargs.items()},
            operands=tuple(operands),
            module="",  # these three are the parent's, once that is written up
            module_type="",
            call=self._counts[name],
            source=None,
            parent=parent,
        )
        for tensor in _written(func, args, kwargs):
            moments.before_writing(tensor, parent)
        start = time.perf_counter()
        output = func(*args, **kwargs)
        child.seconds = time.perf_counter() - start
        for slot, tensor in enumerate(tensors_in(output)):
            child.outputs.append(moments.made_inside(tensor, slot))
            self._made.append((tensor, child, slot))
        self._found.append(child)
        return output


def _written(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> list[torch.Tensor]:
    schema = func._schema
    if schema.name == "aten::native_batch_norm":  # writes its running statistics and does not say so (TRACING.md, 5)
        return tensors_in(args[3:5]) if args[5] else []
    if not schema.is_mutable:
        return []
    written: list[torch.Tensor] = []
    for place, argument in enumerate(schema.arguments):
        if argument.alias_info is not None and argument.alias_info.is_write:
            given = args[place] if place < len(args) else kwargs.get(argument.name)
            written += tensors_in(given)
    return written


def aten_macs(op: Op) -> int:
    """The multiply-accumulates of an aten op: half of what PyTorch's own formulas count as operations.

    Those leave out attention and recurrent layers on the CPU (pytorch#195460): counted here.
    """
    name = op.name.removeprefix("aten.")
    if name == "_scaled_dot_product_flash_attention_for_cpu":
        query, key, value = (operand.shape for operand in op.operands[:3])  # (B, H, L, E), (B, H, S, E), (B, H, S, V)
        return query[0] * query[1] * query[2] * key[2] * (query[3] + value[3])
    if name == "mkldnn_rnn_layer":
        steps = op.operands[0].shape[0] * op.operands[0].shape[1]
        return steps * sum(value.shape[0] * value.shape[1] for value in op.operands[1:3])
    from torch.utils.flop_counter import flop_registry

    function: Any = op.function
    formula: Callable[..., int] | None = flop_registry.get(function._overloadpacket)
    if formula is None or not op.outputs:
        return 0

    def shape(value: Value) -> torch.Tensor:
        return torch.empty(value.shape, device="meta")

    made = tuple(shape(value) for value in op.outputs)
    counted = formula(
        *replace_values(shape, op.args), **replace_values(shape, op.kwargs), out_val=made[0] if len(made) == 1 else made
    )
    return counted // 2
