"""A trace as a file: its tensors as safetensors, all the rest as one JSON text in the header's metadata."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from glasswork.tracing.errors import NotKept
from glasswork.tracing.graph import Trace
from glasswork.tracing.ops import Op
from glasswork.tracing.source import Source
from glasswork.tracing.storing.container import NAMES, write
from glasswork.tracing.storing.functions import name_of
from glasswork.tracing.storing.trees import packed
from glasswork.tracing.values import Value
from glasswork.version import __version__

FORMAT, VERSION = "glasswork-trace", 1


def save(trace: Trace, path: str | os.PathLike[str], *, values: bool = True) -> Path:
    """Write a trace to a file, which `open_trace` reads on any machine; nothing in it is code.

    Args:
        trace: live, or read from another file.
        path: where to; what stood there is replaced at once, or not at all.
        values: False to leave the tensors out and keep shapes, costs and how all hangs together.

    Returns:
        The path.

    Raises:
        BadFile: it can't be written, or would be too large to be read again.
    """
    saver = _Saver(values)
    document = saver.document(trace)
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    path = Path(path)
    metadata = {"format": FORMAT, "version": str(VERSION), "trace": text}
    write(path, metadata, saver.planned, saver.givers)
    return path


class _Saver:
    """Numbers the Values and plans the tensors, then describes the trace in terms of both."""

    def __init__(self, values: bool) -> None:
        self.planned: dict[str, tuple[torch.dtype, tuple[int, ...]]] = {}
        self.givers: list[Callable[[], torch.Tensor]] = []
        self._with_values = values
        self._numbers: dict[int, int] = {}
        self._values: list[dict[str, Any]] = []
        self._known: dict[tuple[Any, ...], str] = {}
        self._alive: list[Any] = []  # what ids and addresses were taken of

    def document(self, trace: Trace) -> dict[str, Any]:
        ops = [self._op(op) for op in trace.ops]
        failure = trace.failure
        return {
            "glasswork": __version__,
            "torch": torch.__version__,
            "module_type": trace.module_type,
            "ops": ops,
            "calls": [asdict(call) for call in trace.calls],
            "inputs": self._named(trace.inputs),
            "parameters": self._named(trace.parameters),
            "buffers": self._named(trace.buffers),
            "output": packed(trace.output, self._place),
            "outputs": [self._number(value) for value in trace.outputs],
            "after": packed(trace.after, self._place),
            "loss": None if trace.loss is None else self._tensor(trace.loss),
            "loss_index": None if trace.loss_index is None else list(trace.loss_index),
            "loss_value": None if trace.loss_value is None else self._number(trace.loss_value),
            "training": trace.training,
            "backward": trace.backward,
            "detail": trace.detail,
            "seconds": trace.seconds,
            "backward_seconds": trace.backward_seconds,
            "failure": None
            if failure is None
            else {**asdict(failure), "source": _source(failure.source), "shapes": [list(s) for s in failure.shapes]},
            "edits": dict(trace.edits),
            "values": self._values,
        }

    def _op(self, op: Op) -> dict[str, Any]:
        return {
            "name": op.name,
            "function": name_of(op.function),
            "args": packed(tuple(op.args), self._place),
            "kwargs": packed(dict(op.kwargs), self._place),
            "operands": [self._number(value) for value in op.operands],
            "outputs": [self._number(value) for value in op.outputs],
            "module": op.module,
            "module_type": op.module_type,
            "call": op.call,
            "source": _source(op.source),
            "path": op.path,
            "seconds": op.seconds,
            "random": None if op.random is None else self._tensor(op.random),
            "edited": op.edited,
            "children": [self._op(child) for child in op.children],
        }

    def _named(self, values: Any) -> dict[str, int]:
        return {name: self._number(value) for name, value in values.items()}

    def _place(self, item: Value | torch.Tensor) -> dict[str, Any]:
        return {"value": self._number(item)} if isinstance(item, Value) else {"tensor": self._tensor(item)}

    def _number(self, value: Value) -> int:
        known = self._numbers.get(id(value))
        if known is not None:
            return known
        number = self._numbers[id(value)] = len(self._values)
        self._alive.append(value)
        stats = value.summary
        self._values.append(
            {
                "shape": list(value.shape),
                "dtype": str(value.dtype).removeprefix("torch."),
                "device": str(value.device),
                "kind": value.kind,
                "producer": value.producer,
                "slot": value.slot,
                "path": value.path,
                "data": self._data(value),
                "grad": None if value.grad is None else self._tensor(value.grad),
                "stats": None if stats is None else [_number_or_none(part) for part in asdict(stats).values()],
            }
        )
        return number

    def _data(self, value: Value) -> str | None:
        if not self._with_values or value.dtype not in (*NAMES, torch.complex128):
            return None
        held = value.held
        if held is not None:
            return self._tensor(held)
        if getattr(value, "again", None) is None:
            return None

        def again() -> torch.Tensor:
            return value.tensor

        try:
            if value.tensor.shape != value.shape or not _is_plain(value.tensor):
                return None
        except NotKept:
            return None
        return self._plan(value.dtype, value.shape, again)

    def _tensor(self, tensor: torch.Tensor) -> str | None:
        """The name of a tensor that is in memory; the same for two that are the same numbers."""
        if not self._with_values or tensor.dtype not in (*NAMES, torch.complex128) or not _is_plain(tensor):
            return None
        key = (
            *(tensor.untyped_storage().data_ptr(), tensor.storage_offset(), tuple(tensor.shape), tensor.stride()),
            *(tensor.dtype, tensor.device, tensor.is_conj(), tensor.is_neg()),
        )
        known = self._known.get(key) if tensor.numel() else None
        if known is None:
            self._alive.append(tensor)
            known = self._known[key] = self._plan(tensor.dtype, tuple(tensor.shape), lambda: tensor)
        return known

    def _plan(self, dtype: torch.dtype, shape: tuple[int, ...], give: Callable[[], torch.Tensor]) -> str:
        name = f"t{len(self.planned)}"
        if dtype == torch.complex128:  # the format has no such type: real and imaginary parts, side by side
            self.planned[name] = (torch.float64, (*shape, 2))
            self.givers.append(lambda: torch.view_as_real(give().resolve_conj()))
        else:
            self.planned[name] = (dtype, shape)
            self.givers.append(lambda: give().resolve_conj().resolve_neg())
        return name


def _is_plain(tensor: torch.Tensor) -> bool:
    return (
        type(tensor) in (torch.Tensor, torch.nn.Parameter, torch.nn.Buffer)
        and tensor.layout is torch.strided
        and tensor.device.type != "meta"
        and not tensor.is_nested
        and not tensor.is_quantized
    )


def _number_or_none(number: float) -> float | None:
    return number if math.isfinite(number) else None


def _source(source: Source | None) -> list[Any] | None:
    """A line without the folders of the machine that it stood on."""
    return None if source is None else [_shortened(source.file), source.line, source.function]


def _shortened(file: str) -> str:
    """Relative to where Python found it, or to the working folder; else the file's name with its folder's."""
    path = Path(file)
    for base in sorted({*sys.path, os.getcwd()}, key=len, reverse=True):
        if base and path.is_absolute() and path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return "/".join(path.parts[-2:]) if path.is_absolute() else path.as_posix()
