"""One op of a run, as its author wrote it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from glasswork.tracing.costs import bytes_moved, multiply_accumulates
from glasswork.tracing.source import Source
from glasswork.tracing.values import Value


@dataclass(slots=True, eq=False, weakref_slot=True)
class Op:
    """One call of a torch function: what went in, what came out, who wrote it and what it cost.

    Attributes:
        id: its position in the run; also its index in `trace.ops`.
        name: the function's plain name: "conv2d", "add", "add_" (in place), "getitem", "setitem".
        function: the callable itself; `function(*args, **kwargs)` with tensors for Values runs it again.
        args: its positional arguments as written, each tensor replaced by its Value.
        kwargs: its keyword arguments, likewise.
        operands: the Values among the arguments, in order.
        outputs: the tensors it returned (for `x[i] = v`, which returns nothing: x).
        module: the path of the module whose forward called it; "" for the traced module itself.
        module_type: that module's class name; "" for ops of `after` and `loss`.
        call: the how-manieth op of this name in this module, counted from 1 over all calls.
        source: the author's line: the nearest frame that is neither torch's nor the tracer's.
        path: its canonical address (DESIGN: OP).
        seconds: wall time of the call, forward.
        rebuilt: True for values that were computed again because a fused kernel hides them.
        random: the state of torch's generator just before, for fused ops that draw masks inside; else None.
        edited: what `rerun` made of its output, in words; "" where it is what the function gave.
        parent: for children (detail="aten"), the op as its author wrote it.
    """

    id: int
    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    operands: tuple[Value, ...]
    module: str
    module_type: str
    call: int
    source: Source | None
    outputs: list[Value] = field(default_factory=list)
    path: str = ""
    seconds: float = 0.0
    rebuilt: bool = False
    random: torch.Tensor | None = None
    edited: str = ""
    parent: int | None = None
    children: list[Op] = field(default_factory=list)

    @property
    def inputs(self) -> tuple[int | str | None, ...]:
        """Who made each operand: an op's id; the name of an input, parameter or buffer; None for a constant."""
        return tuple(value.path if value.producer is None else value.producer for value in self.operands)

    @property
    def output(self) -> Value:
        """The single output; the first, where an op has several."""
        return self.outputs[0]

    @property
    def grad(self) -> torch.Tensor | None:
        """d(loss)/d(output), the shape of `output`."""
        return self.output.grad

    @property
    def macs(self) -> int:
        """Multiply-accumulates, counted as the papers do: products of weights or of two activations, no biases."""
        if self.name.startswith("aten."):
            from glasswork.tracing.children import aten_macs  # only where there are any

            return aten_macs(self)
        return multiply_accumulates(self)

    @property
    def bytes(self) -> int:
        """What it read and wrote, in bytes: each operand and output once; nothing for a view."""
        return bytes_moved(self)

    def __repr__(self) -> str:
        shapes = ", ".join(str(list(value.shape)) for value in self.outputs)
        return f"<{self.id} {self.path or self.name} -> {shapes}>"
