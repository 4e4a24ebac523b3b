"""Writing a fused op out as small ones: each is called by name, and kept as an Op with its Values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from glasswork.tracing.ops import Op
from glasswork.tracing.values import Value, replace_values


class Composer:
    """Runs small ops one after another, each under a name; masks come out as the fused op drew them.

    Args:
        whole: the fused op. What it was given are the inputs of the small ones.
        backward: keep what gradients need.
    """

    def __init__(self, whole: Op, backward: bool) -> None:
        self.ops: list[Op] = []
        self.inputs: dict[str, Value] = {}
        self._whole = whole
        self._backward = backward
        self._live: dict[int, torch.Tensor] = {}  # by the id of the Value, which self.ops and self.inputs keep alive
        self._given: dict[int, Value] = {}

    def given(self, value: Value) -> Value:
        """An operand of the fused op as an input of the small ones: it has the same address."""
        known = self._given.get(id(value))
        if known is None:
            path = value.path or f"{self._whole.path}/given{len(self._given)}"
            kind = "input" if value.kind == "op" else value.kind
            known = self._given[id(value)] = self._outside(path, value.tensor, kind)
        return known

    def standing_in(self) -> list[tuple[Value, Value]]:
        """The operands of the fused op that were read, each with the input that stands for it."""
        operands = {id(value): value for value in self._whole.operands}
        return [(operand, self._given[key]) for key, operand in operands.items() if key in self._given]

    def constant(self, name: str, tensor: torch.Tensor) -> Value:
        """A tensor that the fused op makes of nothing: a causal mask, a first state of zeros."""
        return self._outside(f"{self._whole.path}/{name}", tensor, "constant")

    def __call__(self, name: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Value:
        """`function(*args, **kwargs)`, whose (single) result goes by `name` inside the fused op."""
        operands: list[Value] = []

        def live(value: Value) -> torch.Tensor:
            operands.append(value)
            return self._live[id(value)]

        whole = self._whole
        output = function(*replace_values(live, args), **replace_values(live, kwargs))
        op = Op(
            id=len(self.ops),
            name=function.__name__.strip("_"),
            function=function,
            args=args,
            kwargs=kwargs,
            operands=tuple(operands),
            module=whole.module,
            module_type=whole.module_type,
            call=1,
            source=whole.source,
            path=f"{whole.path}/{name}",
            rebuilt=True,
        )
        value = Value(
            tuple(output.shape), output.dtype, output.device, output.detach(), "op", producer=op.id, path=op.path
        )
        op.outputs = [value]
        self._live[id(value)] = output
        self.ops.append(op)
        return value

    def mask(self, name: str, shape: Sequence[int], like: Value, p: float) -> Value | None:
        """The next dropout mask that the fused op drew: 0 or 1 / (1 - p); None if it is not known where it began."""
        if self._whole.random is None:
            return None
        ones = torch.ones(tuple(shape), dtype=like.dtype, device=like.device)
        return self.constant(name, torch.nn.functional.dropout(ones, p, True))

    def part(self, name: str, source: Value, axis: int, start: int, length: int) -> Value:
        """`length` entries of `source` along an axis; `source` itself where that is all of them."""
        if source.shape[axis] == length:
            return source
        return self(name, torch.narrow, source, axis, start, length)

    def collect(
        self,
        outputs: Sequence[Value | None],
        gradients: Sequence[torch.Tensor | None],
        read_inside: Sequence[int] = (),
    ) -> dict[int, torch.Tensor]:
        """Set `grad` of all that was computed, from the gradients of the outputs; see Composed.read_inside.

        Returns:
            What was handed in at each output, by the id of its Value.
        """
        handed: dict[int, torch.Tensor] = {}
        ends: list[torch.Tensor] = []
        seeds: list[torch.Tensor] = []
        slots = sorted(range(len(outputs)), key=lambda slot: slot in read_inside)  # those last
        for slot in slots:
            output, seed = outputs[slot], gradients[slot]
            if output is None or seed is None or not self._live[id(output)].requires_grad:
                continue
            end = self._live[id(output)]
            if slot in read_inside and ends:
                (inside,) = torch.autograd.grad(ends, end, seeds, retain_graph=True, allow_unused=True)
                seed = seed if inside is None else seed - inside
            ends.append(end)
            seeds.append(seed)
            handed[id(output)] = seed
        values = [*self.inputs.values(), *(op.output for op in self.ops)]
        values = [value for value in values if self._live[id(value)].requires_grad]
        if ends and values:
            found = torch.autograd.grad(ends, [self._live[id(v)] for v in values], seeds, allow_unused=True)
            for value, gradient in zip(values, found, strict=True):
                value.grad = gradient
        self._live.clear()
        return handed

    def _outside(self, path: str, tensor: torch.Tensor, kind: Any) -> Value:
        held = tensor.detach()
        value = Value(tuple(held.shape), held.dtype, held.device, held, kind, path=path)
        floating = self._backward and (held.is_floating_point() or held.is_complex())
        self._live[id(value)] = held.clone().requires_grad_() if floating else held
        self.inputs[path] = value
        return value
