"""What happens inside a fused op, computed again as small ops that each have a textbook formula."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from glasswork.randomness import kept_random_state
from glasswork.tracing.errors import NotRebuilt
from glasswork.tracing.graph import Trace
from glasswork.tracing.ops import Op
from glasswork.tracing.rebuilding.composing import Composer
from glasswork.tracing.values import Value


@dataclass(frozen=True, slots=True)
class Composed:
    """What a composition found.

    Attributes:
        outputs: what stands for each output of the op; None where it could not be made.
        note: what could not be rebuilt, or is not as in the fused kernel; or "".
        read_inside: slots of outputs that other outputs are made of, where autograd sees that: the gradient recorded
            for such a one holds what comes back through the others too.
    """

    outputs: Sequence[Value | None]
    note: str = ""
    read_inside: tuple[int, ...] = ()


Composition = Callable[[Composer, Op], Composed]
_COMPOSITIONS: dict[str, Composition] = {}


def composes(*names: str) -> Callable[[Composition], Composition]:
    """Enrol how ops of these names are written out."""

    def enrol(composition: Composition) -> Composition:
        _COMPOSITIONS.update(dict.fromkeys(names, composition))
        return composition

    return enrol


def can_rebuild(op: Op) -> bool:
    """Whether the insides of ops of this kind are known."""
    return op.name in _COMPOSITIONS and not op.rebuilt


@dataclass(eq=False, repr=False)
class Rebuilt(Trace):
    """The inside of one op, a trace of its own; each of its ops has `rebuilt` set.

    `inputs` are what the op was given, by their addresses in the trace around it; the `grad` of those is what passes
    through this op alone. Gradients inside begin with the op's own.

    Attributes:
        op: the fused op.
        given: what the op was given, and beside it what stands for that in here, one of `inputs`.
        results: what stands for each of its outputs; None for those that could not be rebuilt.
        error: the largest absolute difference to the op's own outputs; NaN if none could be rebuilt.
        note: what is missing or differs, in words; or "".
    """

    op: Op = field(kw_only=True)
    given: Sequence[tuple[Value, Value]] = ()
    results: Sequence[Value | None] = ()
    error: float = 0.0
    note: str = ""
    _handed: Mapping[int, torch.Tensor] = field(default_factory=dict, repr=False)
    _held: frozenset[int] = field(default=frozenset(), repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._held = frozenset(id(value) for op in self.ops for value in op.outputs)
        start = len(self.op.path) + 1  # in here, PART alone names it too
        self._by_path |= {op.path[start:]: op for op in self.ops}
        self._values |= {op.path[start:]: op.output for op in self.ops}
        self._values |= {path[start:]: v for path, v in self.inputs.items() if path[:start] == f"{self.op.path}/"}

    def holds(self, value: Value) -> bool:
        """Whether a value was made in here."""
        return id(value) in self._held

    def seed(self, value: Value, index: tuple[int, ...]) -> float:
        """What the gradient of one number begins with: the op's own, where the number stands for one of its outputs."""
        handed = self._handed.get(id(value))
        return 0.0 if handed is None else handed[index].item()


def rebuild(op: Op) -> Rebuilt:
    """Compute again what happens inside a fused op, from what it was given.

    Raises:
        NotRebuilt: for kinds of ops that have no composition, and uses of one that are not known.
        NotKept: if what it was given was not kept.
    """
    composition = _COMPOSITIONS.get(op.name)
    if composition is None or op.rebuilt:
        raise NotRebuilt(
            f"{op.path} hides nothing that is known",
            where=str(op.source or op.module_type),
            why=f"{op.name} is a single step" if op.rebuilt else f"there is no composition of {op.name}",
            todo=f"those that have one: {', '.join(sorted(_COMPOSITIONS))}",
        )
    backward = any(value.grad is not None for value in op.outputs)
    composer = Composer(op, backward)
    with torch.inference_mode(mode=False), torch.set_grad_enabled(backward), kept_random_state():
        if op.random is not None:
            torch.set_rng_state(op.random)
        composed = composition(composer, op)
        outputs = [*composed.outputs, *[None] * (len(op.outputs) - len(composed.outputs))][: len(op.outputs)]
        handed = composer.collect(outputs, [value.grad for value in op.outputs], composed.read_inside)
    return Rebuilt(
        op.module_type,
        ops=tuple(composer.ops),
        inputs=composer.inputs,
        outputs=[value for value in outputs if value is not None],
        backward=backward,
        op=op,
        given=composer.standing_in(),
        results=outputs,
        error=_difference(outputs, op.outputs),
        note=composed.note,
        _handed=handed,
    )


def _difference(rebuilt: Sequence[Value | None], own: Sequence[Value]) -> float:
    largest = [
        _largest(value.tensor, other.tensor)
        for value, other in zip(rebuilt, own, strict=True)
        if value is not None and other.tensor.numel()
    ]
    return max(largest) if largest else float("nan")


def _largest(a: torch.Tensor, b: torch.Tensor) -> float:
    a, b = (tensor.to(torch.complex128 if tensor.is_complex() else torch.float64) for tensor in (a, b))
    apart = (a - b).abs()
    apart[(a == b) | (a.isnan() & b.isnan())] = 0.0  # the same infinity, or nothing on both sides
    return apart.max().item()


def bound(op: Op, names: str, **defaults: Any) -> dict[str, Any]:
    """The arguments of an op by their names; `names` are the parameters of its function, separated by spaces."""
    order = names.split()
    return {**dict.fromkeys(order), **defaults, **dict(zip(order, op.args, strict=False)), **op.kwargs}
