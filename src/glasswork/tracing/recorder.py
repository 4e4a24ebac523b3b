"""The recorder: every torch function that a module calls, as it was called, with the values of that moment.

A TorchFunctionMode sees the functions as their author wrote them; composite ones (F.multi_head_attention_forward) once,
from outside. Values are detached aliases, not copies; only what is about to be overwritten is copied first.
What can wait until the run is over, waits (calls.py).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from glasswork.tracing.callees import Callee, Callees
from glasswork.tracing.calls import Call, write_up
from glasswork.tracing.children import Children
from glasswork.tracing.deviations import Suspect, suspect
from glasswork.tracing.edits import Edits
from glasswork.tracing.errors import Cancelled
from glasswork.tracing.gradients import Gradients
from glasswork.tracing.modules import ModuleCall
from glasswork.tracing.moments import Moments
from glasswork.tracing.names import Names
from glasswork.tracing.ops import Op
from glasswork.tracing.source import author_line
from glasswork.tracing.spilling import Budget
from glasswork.tracing.values import Value, map_tensors
from glasswork.tracing.writes import about_to_write, tensors_in

Keep = str | int
Cancel = Callable[[], bool] | threading.Event

_new = tuple.__new__  # a named tuple's own constructor is written in Python

_PLAIN = frozenset([int, float, bool, str, type(None), torch.dtype, torch.device])  # arguments that hold no tensor
_ORDINARY = frozenset([torch.Tensor, nn.Parameter])
_callees = Callees()


class Recorder(TorchFunctionMode):
    """Records one run. Enter it (and `watch_modules(recorder)`) around the call of the module.

    Args:
        names: what the modules, parameters and buffers are called.
        keep: "all", "none", or how many bytes of distinct storage to keep.
        gradients: collects where gradients will pass, or None for a forward run.
        cancel: asked before every op.
        progress: told after every op how many are done.
        edits: runs the ops in the recorder's place, and may change what they return; None for a plain run.
        aten: also record the aten ops inside each op.
    """

    def __init__(
        self,
        names: Names,
        keep: Keep,
        gradients: Gradients | None,
        cancel: Cancel | None,
        progress: Callable[[int], None] | None,
        edits: Edits | None = None,
        aten: bool = False,
    ) -> None:
        super().__init__()
        self.noted: list[Call] = []
        self.calls: list[ModuleCall] = []
        self.gradients = gradients
        self.failed: tuple[BaseException, Call] | None = None
        self.failed_module: tuple[BaseException, str] | None = None
        budget = Budget({"all": None, "none": 0}.get(keep, keep) if isinstance(keep, str) else keep)
        if gradients is not None:
            gradients.budget = budget
        self.moments = Moments(names, budget, gradients, self.noted)
        self._modules = names.modules
        self._open: list[int] = []  # indices into calls, innermost last
        self._here: ModuleCall | None = None  # the innermost
        self._call_counts: dict[str, int] = {}
        self._is_cancelled = cancel.is_set if isinstance(cancel, threading.Event) else cancel
        self._progress = progress
        self._edits = edits
        self.suspects: list[Suspect] = []
        self._suspect: tuple[ModuleCall, Suspect] | None = None
        self._children = Children(self.moments) if aten else None

    # -- ops -----------------------------------------------------------------------------------------------------------

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        callee = _callees[func]
        if callee.role != "op":
            return func(*args, **kwargs) if callee.role == "unseen" else self._other(callee, func, args, kwargs)
        if self._is_cancelled is not None and self._is_cancelled():
            raise Cancelled(
                "The trace was cancelled", where=f"before op {len(self.noted)}", why="the caller asked for it"
            )
        source = author_line()
        operands, kept_args, kept_kwargs = self._values_of(args, kwargs)
        children: list[Op] = []
        if self._children is not None:
            self._children.inside(len(self.noted), children)  # they say what they write
        elif callee.writes or kwargs or callee.may_write:
            for tensor in about_to_write(callee.own, func, args, kwargs):
                self.moments.before_writing(tensor, len(self.noted))
        random = torch.get_rng_state() if callee.draws else None
        edited = ""
        start = time.perf_counter()
        try:
            if self._children is None and self._edits is None:
                output = func(*args, **kwargs)
            else:
                output, edited = self._run(callee, func, args, kwargs)
        except Exception as error:
            seconds = time.perf_counter() - start
            call = Call(
                *(callee, func, kept_args, kept_kwargs, operands, self._here, source, seconds, random, "", children, [])
            )
            self.failed = (error, call)
            raise
        seconds = time.perf_counter() - start
        made = [output] if isinstance(output, torch.Tensor) else tensors_in(output)
        if not made:
            if callee.own not in ("__setitem__", "__delitem__"):
                return output
            made = tensors_in(args[0])
            if not made:
                return output
        dense = callee.exact_if_dense and all(
            tensor.is_contiguous() for tensor in (*tensors_in(args), *tensors_in(kwargs))
        )
        call = _new(
            Call,
            (callee, func, kept_args, kept_kwargs, operands, self._here, source, seconds, random, edited, children, []),
        )
        self._note(call, made, dense)
        return output

    def _other(self, callee: Callee, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """What is no op: an attribute that is read or set, memory that is lent."""
        if callee.role == "lend":
            self.moments.lend(tensors_in(args[0]))
            return func(*args, **kwargs)
        attribute = func.__self__.__name__  # type: ignore[attr-defined]
        if callee.role == "set":
            if attribute == "requires_grad" and args[0].requires_grad == args[1]:
                return None  # what is fed is a copy of the caller's leaf, whose flag torch would not let one set
            if attribute == "data":
                self.moments.forget(args[0])
            return func(*args, **kwargs)
        output = func(*args, **kwargs)
        if isinstance(output, torch.Tensor) and attribute not in ("grad", "_base"):
            operands, kept_args, kept_kwargs = self._values_of(args, kwargs)
            call = Call(
                *(callee, func, kept_args, kept_kwargs, operands, self._here, author_line(3), 0.0, None, "", [], [])
            )
            self._note(call, [output], False)
        return output

    def _run(
        self, callee: Callee, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]
    ) -> tuple[Any, str]:
        """Call it with edits, or with an eye on its aten ops; what it returned, and what was made of that."""
        with self._children or nullcontext():
            if self._edits is None:
                return func(*args, **kwargs), ""
            return self._edits.run(self._here.path if self._here is not None else "", callee.name, func, args, kwargs)

    def _values_of(
        self, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> tuple[list[Value], tuple[Any, ...], dict[str, Any]]:
        """The Values of the tensors among the arguments, and the arguments with those in their place."""
        operands: list[Value] = []
        value_of = self.moments.value_of
        known = self.moments.untouched

        def handle(tensor: torch.Tensor) -> Value:
            value = value_of(tensor)
            operands.append(value)
            return value

        kept: list[Any] = []
        for item in args:
            kind = type(item)
            if kind in _ORDINARY:
                value = known.get(id(item)) or value_of(item)
                operands.append(value)
                kept.append(value)
            else:
                kept.append(item if kind in _PLAIN else map_tensors(handle, item))
        named: dict[str, Any] = {}
        for key, item in kwargs.items():
            kind = type(item)
            if kind in _ORDINARY:
                value = known.get(id(item)) or value_of(item)
                operands.append(value)
                named[key] = value
            else:
                named[key] = item if kind in _PLAIN else map_tensors(handle, item)
        return operands, tuple(kept), named

    def _note(self, call: Call, made: list[torch.Tensor], dense: bool) -> None:
        if self._children is not None:
            self._children.outside(made)
        self.moments.made_by(call, made, dense)
        self.noted.append(call)
        if self._children is not None:
            self._children.join(call.outputs, made)
        if self._progress is not None:
            self._progress(len(self.noted))

    # -- modules (a Watcher, see modules.py) ---------------------------------------------------------------------------

    def enter(self, module: nn.Module, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> None:
        """A module begins: its path becomes the place of the ops that follow."""
        parent = self._open[-1] if self._open else None
        path = self._modules.get(id(module))
        if path is None:  # made on the fly, or kept in a plain list where torch does not register it
            above = self.calls[parent].path if parent is not None else ""
            path = f"{above}.<{type(module).__name__}>".lstrip(".")
        number = self._call_counts[path] = self._call_counts.get(path, 0) + 1
        ops = len(self.noted)
        self._here = call = ModuleCall(path, type(module).__name__, number, parent, ops, ops)
        self._open.append(len(self.calls))
        self.calls.append(call)
        if self._suspect is None:  # of nested ones the outermost
            noted = suspect(module, path, number, args, kwargs or {}, self.moments.value_of)
            if noted is not None:
                self._suspect = (call, noted)
        call.seconds = -time.perf_counter()

    def leave(self, module: nn.Module, output: Any, error: BaseException | None) -> None:
        """A module ends, with its output or with the error that it raised."""
        now = time.perf_counter()
        call = self.calls[self._open.pop()]
        call.seconds += now
        call.last = len(self.noted)
        self._here = self.calls[self._open[-1]] if self._open else None
        if error is not None:
            if self._suspect is not None and self._suspect[0] is call:
                self._suspect = None
            if self.failed_module is None or self.failed_module[0] is not error:
                self.failed_module = (error, call.path)
            return
        returned = [output] if type(output) is torch.Tensor else tensors_in(output)
        if returned:
            call.output = self.moments.producer_of(returned[0])
        if self._suspect is not None and self._suspect[0] is call:
            noted = self._suspect[1]
            noted.outputs = [self.moments.value_of(tensor) for tensor in returned]
            self.suspects.append(noted)
            self._suspect = None
        if call.output is None and call.last > call.first:
            call.output = call.last - 1

    # -- afterwards ----------------------------------------------------------------------------------------------------

    def ops(self) -> list[Op]:
        """Write up what was noted, once: the ops of the run, or those before it failed."""
        self.moments.settle()
        return write_up(self.noted, self.moments.repeats)
