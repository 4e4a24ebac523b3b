"""A trace from a file that anybody may have made: every number in it is checked, nothing in it is run or looked for."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NoReturn

import torch

from glasswork.tracing.errors import BadFile
from glasswork.tracing.graph import Failure, Trace
from glasswork.tracing.modules import ModuleCall
from glasswork.tracing.ops import Op
from glasswork.tracing.source import Source
from glasswork.tracing.storing.container import AGAIN, MOST_AXES, MOST_HEADER, Container, parsed
from glasswork.tracing.storing.functions import function_of
from glasswork.tracing.storing.saving import FORMAT, VERSION
from glasswork.tracing.storing.trees import unpacked
from glasswork.tracing.values import Stats, Value

_KINDS = ("op", "input", "parameter", "buffer", "constant")
_LONGEST = 4096
_LARGEST = 1 << 53
_DTYPES = {str(item).removeprefix("torch."): item for item in vars(torch).values() if isinstance(item, torch.dtype)}


def open_trace(path: str | os.PathLike[str] | BinaryIO, *, name: str = "", most_header: int = MOST_HEADER) -> Trace:
    """Read a trace that `save` wrote. Its tensors are read from the file when they are asked for.

    Torch's own functions are found again by name, so that numbers are explained and fused ops rebuilt as in the run;
    what the file calls by any other name can be looked at, and not called. Nothing else is imported, run or opened.

    Args:
        path: where it lies, or the open file, which is then closed with the last of its tensors.
        name: what errors call an open file.
        most_header: bytes that the description may have.

    Raises:
        BadFile: it is no trace file, is damaged, or says what can't be.
    """
    source = Path(path) if isinstance(path, (str, os.PathLike)) else path
    container = Container(source, name, most_header)
    try:
        if container.metadata.get("format") != FORMAT:
            raise BadFile(
                f"{container.name} is no trace file",
                where=container.where,
                why="it is a safetensors file, but not one that glasswork saved a trace in",
                todo="Save one with trace.save, or `glasswork trace TARGET -o FILE`.",
            )
        version = container.metadata.get("version", "")
        if version != str(VERSION):
            raise BadFile(
                f"{container.name} is of another version",
                where=container.where,
                why=f"it says {version[:20]!r}; this glasswork reads {VERSION}",
                todo="Open it with the glasswork that saved it, or save it again.",
            )
        document = parsed(container.metadata.get("trace", ""), container)
        return _Opener(container).trace(document)
    except BaseException:
        container.close()
        raise


def is_trace_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file says that it is a trace; it may still be a bad one."""
    try:
        container = Container(Path(path))
    except BadFile:
        return False
    container.close()
    return container.metadata.get("format") == FORMAT


class _Stored:
    """Reads one tensor of a file when it is asked for."""

    __slots__ = ("_container", "_dtype", "_name")
    stays = False

    def __init__(self, container: Container, name: str, dtype: torch.dtype) -> None:
        self._container = container
        self._name = name
        self._dtype = dtype

    def __call__(self) -> torch.Tensor:
        tensor = self._container.read(self._name)
        return torch.view_as_complex(tensor) if self._dtype == torch.complex128 else tensor


class _Opener:
    """Builds a trace from its description, and believes none of it."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._values: list[Value] = []
        self._ops = 0

    def trace(self, document: Mapping[str, Any]) -> Trace:
        try:
            return self._trace(document)
        except (ValueError, TypeError, KeyError, RuntimeError, OverflowError, RecursionError) as error:
            if isinstance(error, BadFile):
                raise
            why = f"{type(error).__name__}: {str(error).splitlines()[0][:200]}" if str(error) else type(error).__name__
            raise BadFile(
                f"{self._container.name} is damaged", where=self._container.where, why=why, todo=AGAIN
            ) from error

    def _trace(self, document: Mapping[str, Any]) -> Trace:
        described = _of(document, "ops", list)
        self._ops = len(described)
        self._values = [self._value(item) for item in _of(document, "values", list)]
        ops = [self._op(number, item) for number, item in enumerate(described)]
        calls = [self._call(number, item) for number, item in enumerate(_of(document, "calls", list))]
        loss = document["loss"]
        trace = Trace(
            _text(document["module_type"]),
            ops=tuple(ops),
            calls=tuple(calls),
            inputs=self._named(document, "inputs", "input"),
            parameters=self._named(document, "parameters", "parameter"),
            buffers=self._named(document, "buffers", "buffer"),
            output=unpacked(document["output"], self._take),
            outputs=[self._held(number) for number in _of(document, "outputs", list)],
            after=unpacked(document["after"], self._take),
            loss=None if loss is None else self._tensor(loss, None, None).reshape(()),
            loss_index=None if document["loss_index"] is None else _sizes(document["loss_index"]),
            loss_value=None if document["loss_value"] is None else self._held(document["loss_value"]),
            training=_of(document, "training", bool),
            backward=_of(document, "backward", bool),
            detail=_text(document["detail"]),
            seconds=_number(document["seconds"]),
            backward_seconds=_number(document["backward_seconds"]),
            failure=None if document["failure"] is None else _failure(document["failure"]),
            edits={_text(path): _text(words) for path, words in _of(document, "edits", dict).items()},
        )
        paths = [part.path for op in ops for part in (op, *op.children)]
        if len(set(paths)) != len(paths):
            raise ValueError("two ops go by one path")
        return trace

    def _value(self, item: Any) -> Value:
        shape, dtype = _sizes(item["shape"]), _DTYPES[_text(item["dtype"])]
        producer, slot, path = item["producer"], item["slot"], item["path"]
        if item["kind"] not in _KINDS:
            raise ValueError("a value is of an unknown kind")
        if producer is not None:
            _within(producer, self._ops, "op")
        value = Value(
            shape,
            dtype,
            torch.device("cpu"),  # wherever it was: here it is on the CPU
            None,
            item["kind"],
            None,
            producer,
            _within(slot, 1 << 20, "slot"),
            None if path is None else _text(path),
        )
        if item["data"] is not None:
            value.again = self._stored(item["data"], dtype, shape)
        if item["grad"] is not None:
            value.grad = self._stored(item["grad"], dtype, shape)
        stats = item["stats"]
        if stats is not None:
            value.summary = Stats(*(math.nan if part is None else _number(part) for part in _list(stats, 5)))
        return value

    def _op(self, number: int, item: Any, parent: int | None = None) -> Op:
        operands = tuple(self._held(place) for place in _list(item["operands"]))
        earliest = number if parent is None else parent + 1  # an op's children may pass on what it will have made
        if any(value.producer is not None and value.producer >= earliest for value in operands):
            raise ValueError("an op reads what a later one makes")
        outputs = [self._held(place) for place in _list(item["outputs"])]
        if parent is None and any((v.producer, v.slot) != (number, slot) for slot, v in enumerate(outputs)):
            raise ValueError("an op's outputs are another's")
        children = _list(item["children"])
        if parent is not None and children:
            raise ValueError("an op's child has children")
        args, kwargs = unpacked(item["args"], self._take), unpacked(item["kwargs"], self._take)
        if not isinstance(args, tuple) or not isinstance(kwargs, dict) or not all(type(key) is str for key in kwargs):
            raise ValueError("an op's arguments are not in their form")
        random = item["random"]
        return Op(
            id=number,
            name=_text(item["name"]),
            function=function_of(_text(item["function"])),
            args=args,
            kwargs=kwargs,
            operands=operands,
            module=_text(item["module"]),
            module_type=_text(item["module_type"]),
            call=_within(item["call"], _LARGEST, "call"),
            source=_source(item["source"]),
            outputs=outputs,
            path=_text(item["path"]) or _refuse("an op without a path"),
            seconds=_number(item["seconds"]),
            random=None if random is None else self._random(random),
            edited=_text(item["edited"]),
            parent=parent,
            children=[self._op(place, child, number) for place, child in enumerate(children)],
        )

    def _call(self, number: int, item: Any) -> ModuleCall:
        parent, output = item["parent"], item["output"]
        first, last = _within(item["first"], self._ops + 1, "op"), _within(item["last"], self._ops + 1, "op")
        if first > last:
            raise ValueError("a call ends before it begins")
        return ModuleCall(
            path=_text(item["path"]),
            type=_text(item["type"]),
            number=_within(item["number"], _LARGEST, "call"),
            parent=None if parent is None else _within(parent, number, "call"),
            first=first,
            last=last,
            output=None if output is None else _within(output, self._ops, "op"),
            seconds=_number(item["seconds"]),
        )

    def _named(self, document: Mapping[str, Any], which: str, kind: str) -> dict[str, Value]:
        found = {_text(name): self._held(number) for name, number in _of(document, which, dict).items()}
        if any(value.kind != kind or value.producer is not None for value in found.values()):
            raise ValueError(f"one of the {which} is none")
        return found

    def _take(self, kind: str, held: Any) -> Any:
        return self._held(held) if kind == "value" else None if held is None else self._tensor(held, None, None)

    def _held(self, number: Any) -> Value:
        return self._values[_within(number, len(self._values), "value")]

    def _tensor(self, name: Any, dtype: torch.dtype | None, shape: tuple[int, ...] | None) -> torch.Tensor:
        entry = self._container.entries.get(_text(name))
        if (
            entry is None
            or (shape is not None and entry.shape != shape)
            or (dtype is not None and entry.dtype != dtype)
        ):
            raise ValueError(f"there is no such tensor as {str(name)[:40]!r} should be")
        return self._container.read(name)

    def _random(self, name: Any) -> torch.Tensor:
        state = self._tensor(name, torch.uint8, None)
        torch.Generator().set_state(state)  # raises where it is none
        return state

    def _stored(self, name: Any, dtype: torch.dtype, shape: tuple[int, ...]) -> _Stored:
        entry = self._container.entries.get(_text(name))
        wanted = (torch.float64, (*shape, 2)) if dtype == torch.complex128 else (dtype, shape)
        if entry is None or (entry.dtype, entry.shape) != wanted:
            raise ValueError(f"there is no tensor {str(name)[:40]!r} of the type and shape that its value has")
        return _Stored(self._container, name, dtype)


def _failure(item: Any) -> Failure:
    return Failure(
        op=None if item["op"] is None else _text(item["op"]),
        module=_text(item["module"]),
        source=_source(item["source"]),
        shapes=tuple(_sizes(shape) for shape in _list(item["shapes"])),
        cause=_text(item["cause"], 1 << 16),
    )


def _source(item: Any) -> Source | None:
    """A line of code, by a name that leads nowhere on this machine."""
    if item is None:
        return None
    file, line, function = _list(item, 3)
    path = PurePosixPath(_text(file).replace("\\", "/").replace("\0", ""))
    parts = [part for part in path.parts if part not in ("/", "//", "..", ".") and ":" not in part]
    return Source("/".join(parts), _within(line, _LARGEST, "line"), _text(function))


def _of(document: Mapping[str, Any], key: str, kind: type) -> Any:
    held = document[key]
    return held if isinstance(held, kind) else _refuse(f"{key} is no {kind.__name__}")


def _list(item: Any, size: int | None = None) -> list[Any]:
    if not isinstance(item, list) or (size is not None and len(item) != size):
        raise ValueError("a list is missing, or of another length")
    return item


def _text(item: Any, longest: int = _LONGEST) -> str:
    return item if isinstance(item, str) and len(item) <= longest else _refuse("a text is missing, or too long")


def _number(item: Any) -> float:
    good = isinstance(item, (int, float)) and not isinstance(item, bool) and math.isfinite(item)
    return float(item) if good else _refuse("a number is missing")


def _within(item: Any, end: int, what: str) -> int:
    return item if type(item) is int and 0 <= item < end else _refuse(f"there is no {what} {str(item)[:40]}")


def _sizes(item: Any) -> tuple[int, ...]:
    good = isinstance(item, list) and len(item) <= MOST_AXES
    good = good and all(type(size) is int and 0 <= size < _LARGEST for size in item)
    return tuple(item) if good else _refuse("a shape is none")


def _refuse(why: str) -> NoReturn:
    raise ValueError(why)
