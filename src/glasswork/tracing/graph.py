"""A finished trace: the ops of a run as a graph that can be asked."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from glasswork.tracing.addresses import find_op, name_ops, suggestions
from glasswork.tracing.collector import collector_put_off
from glasswork.tracing.deviations import Deviation, Suspect
from glasswork.tracing.errors import UnknownAddress
from glasswork.tracing.modules import ModuleCall
from glasswork.tracing.ops import Op
from glasswork.tracing.recipe import Recipe
from glasswork.tracing.source import Source
from glasswork.tracing.values import Value

if TYPE_CHECKING:
    from glasswork.tracing.rebuilding import Rebuilt

_LATE = ("ops", "outputs", "loss_value", "suspects")
_writing = threading.RLock()


@dataclass(frozen=True, slots=True)
class Failure:
    """Where a run ended early.

    Attributes:
        op: the name of the op that raised, or None where plain Python did.
        module: the path of the module that was running.
        source: the author's line.
        shapes: what the op was given, one entry per tensor.
        cause: the exception's own words.
        expected: what the op takes and what it was given instead, where that is known; or "".
    """

    op: str | None
    module: str
    source: Source | None
    shapes: tuple[tuple[int, ...], ...]
    cause: str
    expected: str = ""


@dataclass(eq=False)
class Trace:
    """Everything that happened in one run of a module.

    Attributes:
        module_type: class name of the traced module.
        ops: in the order they ran; `ops[i].id == i`.
        calls: every call of every module, in the order they began; the root's is first.
        inputs: by name: "input" is the first tensor, then "input.1" and so on, or "input.key" in nested ones.
        parameters: by their names in the module; `grad` is the loss's, whatever the module's own `.grad` holds.
        buffers: likewise, as they were when the run began to read or write them.
        output: what the module returned, detached.
        outputs: the Values of the tensors in it, in order.
        after: what `after` made of it.
        loss: the number whose gradients these are (0-d), or None.
        loss_index: which element of the output it is; None for the output's sum, and for a function's loss.
        loss_value: what a loss function returned, as a Value; None for the other losses.
        training: the root module's mode.
        backward: whether gradients were collected.
        detail: "ops", or "aten" where the ops have `children`.
        seconds: wall time of the forward run, recording included.
        backward_seconds: of the backward run; 0 without one.
        failure: where it ended early; None for a run that finished.
        recipe: what it was made from, for `rerun`; None for traces that were read from a file.
        edits: what `rerun` changed, in words, by address.
        suspects: calls whose plain run may take a fused kernel; see `deviations`.

    With detail="aten" an op's children go by "OP/aten.NAME", such as "conv1/aten.convolution".
    What a fused op hides is rebuilt when it is asked for. Its parts go by "OP/PART", such as
    "encoder/step3.layer0.forward.forget_gate" or ":scaled_dot_product_attention#2/weights"; PART reads from the outside
    in (step, layer, direction, gate), and `rebuild` lists all of them.
    """

    module_type: str
    ops: Sequence[Op] = field(default_factory=tuple)
    calls: Sequence[ModuleCall] = ()
    inputs: Mapping[str, Value] = field(default_factory=dict)
    parameters: Mapping[str, Value] = field(default_factory=dict)
    buffers: Mapping[str, Value] = field(default_factory=dict)
    output: Any = None
    outputs: Sequence[Value] = field(default_factory=tuple)
    after: Any = None
    loss: torch.Tensor | None = None
    loss_index: tuple[int, ...] | None = None
    loss_value: Value | None = field(default_factory=lambda: None)  # no default on the class: see write_later
    training: bool = False
    backward: bool = False
    detail: str = "ops"
    seconds: float = 0.0
    backward_seconds: float = 0.0
    failure: Failure | None = None
    recipe: Recipe | None = None
    edits: Mapping[str, str] = field(default_factory=dict)
    suspects: Sequence[Suspect] = field(default_factory=tuple, repr=False)
    _rebuilt: dict[int, Rebuilt] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        name_ops(self.ops, self.calls, {*self.inputs, *self.parameters, *self.buffers})

    def write_later(self, ops: Callable[[], Sequence[Op]]) -> None:
        """Have the ops written up, and named, when somebody first asks for them: the run itself needn't wait for it."""
        own = self.__dict__
        own["_later"] = (ops, {name: own.pop(name) for name in _LATE})

    def __getattr__(self, name: str) -> Any:
        own = self.__dict__
        if name not in _LATE or "_later" not in own:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        with _writing, collector_put_off():
            if name not in own:  # no other thread was first
                write, late = own["_later"]
                ops = tuple(write())
                name_ops(ops, self.calls, {*self.inputs, *self.parameters, *self.buffers})
                own.update(late, ops=ops, _later=None)
        return own[name]

    @cached_property
    def _by_path(self) -> dict[str, Op]:
        return {part.path: part for op in self.ops for part in (op, *op.children)}

    @cached_property
    def _values(self) -> dict[str, Value]:
        made = {value.path: value for op in self._by_path.values() for value in op.outputs if value.path is not None}
        return {**self.buffers, **self.parameters, **self.inputs, **made}

    @cached_property
    def _readers(self) -> dict[int, tuple[int, ...]]:
        readers: dict[int, list[int]] = {op.id: [] for op in self.ops}
        for op in self.ops:
            for producer in {value.producer for value in op.operands}:
                if producer is not None:
                    readers[producer].append(op.id)
        return {made: tuple(ids) for made, ids in readers.items()}

    def __getitem__(self, address: str | int) -> Op:
        """The op at a module path, "path:name", "path#2", ":name#2" or an integer; UnknownAddress if there is none."""
        if isinstance(address, int):
            if not -len(self.ops) <= address < len(self.ops):
                raise UnknownAddress(
                    f"There is no op {address}",
                    where="the trace",
                    why=f"it has {len(self.ops)} ops",
                    todo="count from 0",
                )
            return self.ops[address]
        op = self._by_path.get(address) or find_op(address, self.ops, self.calls)
        if op is None and "/" in address:
            whole, _, part = address.rpartition("/")
            return self.rebuild(whole)[part]
        if op is None:
            raise self._unknown(address, [*self._by_path, *(call.path for call in self.calls if call.path)])
        return op

    def __contains__(self, address: object) -> bool:
        try:
            return isinstance(address, (str, int)) and self[address] is not None
        except UnknownAddress:
            return False

    def __len__(self) -> int:
        return len(self.ops)

    def value(self, path: str) -> Value:
        """The tensor at "input", "input.1", a parameter's or buffer's name, or an OP; "OP~1" is its second output."""
        value = self._values.get(path)
        if value is not None:
            return value
        if path in ("input", "input.0") and self.inputs:
            return next(iter(self.inputs.values()))
        head, mark, slot = path.rpartition("~")
        if mark and slot.isdigit() and head in self and int(slot) < len(self[head].outputs):
            return self[head].outputs[int(slot)]
        if path in self:
            return self[path].output
        raise self._unknown(path, self._values)

    def rebuild(self, op: Op | str | int) -> Rebuilt:
        """What happened inside a fused op, computed again from what it was given, once; its parts have addresses here.

        Raises:
            NotRebuilt: for ops that hide nothing, or whose insides are not known; `why` says so.
        """
        from glasswork.tracing.rebuilding import rebuild  # only when asked: most traces never are

        op = op if isinstance(op, Op) else self[op]
        if op.id not in self._rebuilt:
            self._rebuilt[op.id] = rebuild(op)
        return self._rebuilt[op.id]

    def save(self, path: str | os.PathLike[str], *, values: bool = True) -> None:
        """Write the trace to a file for `open_trace`; `values=False` leaves the tensors out. BadFile if it can't be."""
        from glasswork.tracing.storing import save  # only when asked

        save(self, path, values=values)

    def producer(self, value: Value) -> Op | None:
        """The op that made a value; None for inputs, parameters, buffers and constants."""
        if value.producer is None:
            return None
        inside = self.around(value)
        return (self.ops if inside is None else inside.ops)[value.producer]

    def consumers(self, op: Op | int) -> tuple[Op, ...]:
        """The ops that read what `op` made, in order."""
        return tuple(self.ops[reader] for reader in self._readers[op if isinstance(op, int) else op.id])

    def readers(self, value: Value) -> tuple[Op, ...]:
        """The ops that read this very value: also for inputs and parameters."""
        inside = self.around(value)
        ops = self.ops if inside is None else inside.ops
        return tuple(op for op in ops if any(operand is value for operand in op.operands))

    def seed(self, value: Value, index: tuple[int, ...]) -> float:
        """How often the loss holds this very number: what a gradient begins with where it begins."""
        inside = self.around(value)
        if inside is not None:
            return inside.seed(value, index)
        if self.loss is None:
            return 0.0
        if self.loss_value is not None:
            return 1.0 if value is self.loss_value else 0.0
        if not value.dtype.is_floating_point:
            return 0.0
        times = sum(output is value for output in self.outputs)
        return float(times if self.loss_index in (None, index) else 0)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the forward run."""
        return sum(op.macs for op in self.ops)

    @cached_property
    def deviations(self) -> tuple[Deviation, ...]:
        """Where the plain run takes a fused fast path that tracing turns off, with the largest difference it makes.

        Everything else equals the plain run to the bit. Those modules run once more when this is asked first.
        """
        found = [suspect.deviation() for suspect in self.suspects]
        return tuple(deviation for deviation in found if deviation is not None)

    def first_not_finite(self) -> Value | None:
        """The earliest value that holds a NaN or an infinity that no mask was written with; see finiteness."""
        from glasswork.tracing.finiteness import first_not_finite  # only where it is asked

        return first_not_finite(self)

    def around(self, value: Value) -> Rebuilt | None:
        """The rebuilt op that a value was made in; None for those of this trace itself."""
        return next((inside for inside in self._rebuilt.values() if inside.holds(value)), None)

    def _unknown(self, address: str, known: Sequence[str] | Mapping[str, Any]) -> UnknownAddress:
        return UnknownAddress(
            f"There is nothing at {address!r}",
            where=f"the trace of {self.module_type}",
            why=f"its {len(self.ops)} ops, its inputs and its parameters go by other names",
            todo=suggestions(address, known),
        )

    def __repr__(self) -> str:
        ended = f", ended early in {self.failure.module or 'the root'}" if self.failure else ""
        return f"<Trace of {self.module_type}: {len(self.ops)} ops{', backward' if self.backward else ''}{ended}>"
