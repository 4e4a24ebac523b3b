"""What an op is made of: its aten ops (detail="aten"), each an Op of its own under the one that its author wrote.

A TorchDispatchMode sees them, below autograd and autocast. It stands only while an op of the author runs, so that
what the tracer does itself is not among them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence, Set
from functools import cache
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from glasswork.tracing.moments import Moments
from glasswork.tracing.ops import Op
from glasswork.tracing.values import Value, replace_values
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
        self._counts: dict[str, int] = {}
        self._last: tuple[Op, list[torch.Tensor]] | None = None  # and what it made, of which nothing is noted yet
        self._made: list[tuple[torch.Tensor, Op, int]] = []

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing here is compiled: PyTorch need not load its compiler to be kept from it, which takes seconds."""
        return False

    def inside(self, parent: int, children: list[Op]) -> None:
        """The aten ops that follow are those of the op `parent`, and go to its `children`."""
        self._note_last()
        self._parent = parent
        self._found = children
        self._counts = {}
        self._made = []

    def outside(self, made: Sequence[torch.Tensor]) -> None:
        """The parent has run and returned `made`: it decides how those are kept."""
        returned = set(map(id, made))
        self._note_last(returned)
        handed_on: list[tuple[torch.Tensor, Op, int]] = []
        for tensor, child, slot in reversed(self._made):  # an older child's moment, since written over, stays its own
            if id(tensor) in returned:
                returned.discard(id(tensor))
                child.outputs[slot].held = None
                handed_on.append((tensor, child, slot))
        self._made = handed_on

    def join(self, outputs: Sequence[Value], made: Sequence[torch.Tensor]) -> None:
        """Let the Values of what the parent returned stand for those of the children that made it."""
        own = {id(tensor): value for tensor, value in zip(made, outputs, strict=True)}
        for tensor, child, slot in self._made:
            value = own.get(id(tensor))
            inner = child.outputs[slot]
            if value is not None and inner.held is None and inner.again is None:
                inner.again = _Same(value)
        self._made = []
        self._parent = None

    def __torch_dispatch__(
        self, func: Any, types: Iterable[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one aten op and note it."""
        kwargs = kwargs or {}
        parent = self._parent
        if parent is None:
            return func(*args, **kwargs)
        self._note_last()
        operands, kept_args, kept_kwargs = self._moments.read(args, kwargs)
        name, writes = _traits(func)
        call = self._counts[name] = self._counts.get(name, 0) + 1
        child = Op(
            id=len(self._found),
            name=name,
            function=func,
            args=kept_args,
            kwargs=kept_kwargs,
            operands=tuple(operands),
            module="",  # these three are the parent's, once that is written up
            module_type="",
            call=call,
            source=None,
            parent=parent,
        )
        if writes:
            for tensor in _written(writes, args, kwargs):
                self._moments.before_writing(tensor, parent)
        start = time.perf_counter()
        output = func(*args, **kwargs)
        child.seconds = time.perf_counter() - start
        self._last = (child, [output] if type(output) is torch.Tensor else tensors_in(output))
        self._found.append(child)
        return output

    def _note_last(self, returned: Set[int] = frozenset()) -> None:
        """Note what the last child made; what its parent returned, by these ids, the parent will note."""
        if self._last is None:
            return
        child, made = self._last
        self._last = None
        moments = self._moments
        for slot, tensor in enumerate(made):
            own = type(tensor) is torch.Tensor and id(tensor) in returned
            child.outputs.append(moments.handed_on(tensor, slot) if own else moments.made_inside(tensor, slot))
            self._made.append((tensor, child, slot))


Writes = tuple[tuple[int, str], ...]
"""Arguments that are written over, by place and by name."""
_STATISTICS: Writes = ((3, "running_mean"), (4, "running_var"))


@cache
def _traits(func: Any) -> tuple[str, Writes]:
    """The name of an aten op, and what it writes over."""
    schema = func._schema
    name = schema.name.replace("::", ".")
    if name == "aten.native_batch_norm":  # writes its running statistics and does not say so (TRACING.md, 5)
        return name, _STATISTICS
    written = [
        (place, argument.name)
        for place, argument in enumerate(schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    return name, tuple(written)


def _written(writes: Writes, args: Sequence[Any], kwargs: dict[str, Any]) -> list[torch.Tensor]:
    if writes is _STATISTICS and not args[5]:
        return []
    return tensors_in([args[place] if place < len(args) else kwargs.get(name) for place, name in writes])


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
