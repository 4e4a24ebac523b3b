"""The recorder: every torch function that a module calls, as it was called, with the values of that moment.

A TorchFunctionMode sees the functions as their author wrote them; composite ones (F.multi_head_attention_forward) once,
from outside. Values are detached aliases, not copies; only what is about to be overwritten is copied first.
What can wait a little, waits in the journal (journal.py); what can wait until the run is over, in its calls (calls.py).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from glasswork.tracing.callees import Callee, Callees
from glasswork.tracing.calls import Call, write_up
from glasswork.tracing.children import Children
from glasswork.tracing.deviations import FUSED, suspect
from glasswork.tracing.edits import Edits
from glasswork.tracing.errors import Cancelled
from glasswork.tracing.gradients import Gradients
from glasswork.tracing.journal import ENTER, LARGE, LEAVE, MANY, OP, Journal, lasts
from glasswork.tracing.layers import LAYERS, layer_call
from glasswork.tracing.moments import Moments, Read
from glasswork.tracing.names import Names
from glasswork.tracing.ops import Op
from glasswork.tracing.source import Source, author_line, is_layers_own
from glasswork.tracing.spilling import Budget
from glasswork.tracing.writes import about_to_write, tensors_in

Keep = str | int
Cancel = Callable[[], bool] | threading.Event

_callees = Callees()
_autocasts = torch._C._is_any_autocast_enabled


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
        self.failed: tuple[BaseException, Call] | None = None
        budget = Budget({"all": None, "none": 0}.get(keep, keep) if isinstance(keep, str) else keep)
        if gradients is not None:
            gradients.budget = budget
        self.moments = Moments(names, budget, gradients, self.noted)
        self._is_cancelled = cancel.is_set if isinstance(cancel, threading.Event) else cancel
        self._progress = progress
        self._edits = edits
        self._children = Children(self.moments) if aten else None
        self.journal = Journal(names, self.moments, self.noted, self._children)
        # hooks for gradients, aten ops and edits belong to the very moment; a budget counts what is alive
        self._at_once = budget.left is not None or any(
            each is not None for each in (gradients, self._children, edits, cancel, progress)
        )

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self.journal.catch_up()

    # -- ops -----------------------------------------------------------------------------------------------------------

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        callee = _callees[func]
        if callee.role != "op":
            return func(*args, **kwargs) if callee.role == "unseen" else self._other(callee, func, args, kwargs)
        return self._call(callee, func, args, kwargs, author_line())

    def _call(
        self,
        callee: Callee,
        func: Callable[..., Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
        source: Source | None,
        layer: nn.Module | None = None,
    ) -> Any:
        """Run an op, and note it; `layer`: the module of which it is the whole."""
        journal = self.journal
        read: Read | None = None
        written: Sequence[torch.Tensor] = ()
        children: list[Op] = []
        if self._at_once:
            self._ask_whether_cancelled()
            read = self.moments.read(args, kwargs)
        elif layer is None and not (lasts(args) and (not kwargs or lasts(kwargs.values()))):
            journal.catch_up()  # a list may be another by the time that it is read
            read = self.moments.read(args, kwargs)
        elif len(journal.entries) > MANY or journal.alive > LARGE:
            journal.catch_up()
        if self._children is not None:
            self._children.inside(len(self.noted), children)  # they say what they write
        elif callee.writes or ((kwargs or callee.may_write) and not _keeps_statistics(callee, args, kwargs)):
            written = about_to_write(callee.own, func, args, kwargs)
            if written:
                if callee.numeric and len(written) == 1 and written[0] is journal.repeatable:
                    journal.last_is_gone()
                else:
                    journal.catch_up()
                    read = read or self.moments.read(args, kwargs)
                    for tensor in written:
                        self.moments.before_writing(tensor, len(self.noted))
                    written = ()
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
            if layer is not None:
                journal.entries.append((ENTER, layer, start))
            journal.catch_up()
            if self._children is not None:
                self._children.outside(())
            operands, kept_args, kept_kwargs = read or self.moments.read(args, kwargs)
            place = (journal.here, source, seconds, random, _autocasts())
            call = Call(callee, func, kept_args, kept_kwargs, operands, *place, "", children, [])
            self.failed = (error, call)
            raise
        seconds = time.perf_counter() - start
        made: Any = output
        if type(output) is not torch.Tensor:
            made = tensors_in(output)
            if not made and callee.own in ("__setitem__", "__delitem__"):
                made = tensors_in(args[0])
            if not made:
                return output
        autocast = _autocasts()
        journal.entries.append(
            (
                *(OP, callee, func, args, kwargs, made, read, written),
                *(layer, source, seconds, random, autocast, edited, children),
            )
        )
        journal.repeatable = None
        if self._at_once:
            journal.catch_up()
            if self._progress is not None:
                self._progress(len(self.noted))
        else:
            if made is output and (callee.numeric or callee.exact_if_dense):
                journal.alive += output.numel()
            repeatable = callee.numeric and made is output and not autocast and output.is_cpu and "out" not in kwargs
            if repeatable and (callee.statistics is None or _keeps_statistics(callee, args, kwargs)):
                journal.repeatable = output
        return output

    def _ask_whether_cancelled(self) -> None:
        if self._is_cancelled is not None and self._is_cancelled():
            raise Cancelled(
                "The trace was cancelled", where=f"before op {len(self.noted)}", why="the caller asked for it"
            )

    def _other(self, callee: Callee, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """What is no op: an attribute that is read or set, memory that is lent."""
        self.journal.catch_up()
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
            read = self.moments.read(args, kwargs)
            self.journal.entries.append(
                (
                    OP,
                    callee,
                    func,
                    args,
                    kwargs,
                    output,
                    read,
                    (),
                    None,
                    author_line(3),
                    0.0,
                    None,
                    _autocasts(),
                    "",
                    [],
                )
            )
            self.journal.catch_up()
        return output

    def _run(
        self, callee: Callee, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]
    ) -> tuple[Any, str]:
        """Call it with edits, or with an eye on its aten ops; what it returned, and what was made of that."""
        here = self.journal.here
        with self._children or nullcontext():
            if self._edits is None:
                return func(*args, **kwargs), ""
            return self._edits.run("" if here is None else here.path, callee.name, func, args, kwargs)

    # -- modules (a Watcher, see modules.py) ---------------------------------------------------------------------------

    def enter(self, module: nn.Module, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> None:
        """A module begins: its path becomes the place of the ops that follow."""
        self.journal.entries.append((ENTER, module, time.perf_counter()))
        if self._at_once or isinstance(module, FUSED):
            with torch._C.DisableTorchFunction():
                self.journal.catch_up()
                here = self.journal.here
                if here is not None:
                    noted = suspect(module, here.path, here.number, args, kwargs or {}, self.moments.value_of)
                    if noted is not None:
                        self.journal.suspect(noted)

    def leave(self, module: nn.Module, output: Any, error: BaseException | None) -> None:
        """A module ends, with its output or with the error that it raised."""
        self.journal.entries.append((LEAVE, output, error, time.perf_counter()))
        if self._at_once:
            with torch._C.DisableTorchFunction():
                self.journal.catch_up()

    def run_whole(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a layer that is one op, and note both; None where it is more, or where each moment counts."""
        if self._at_once or type(module) not in LAYERS:
            return None
        with torch._C.DisableTorchFunction():  # also for the question how many axes the input has
            called = layer_call(module, args, kwargs)
            source = author_line(3) if called is not None else None
            if called is None or source is None or is_layers_own(source):
                return None
            function, args, kwargs = called
            try:
                return self._call(_callees[function], function, args, kwargs, source, module)
            except BaseException as error:
                self.journal.entries.append((LEAVE, None, error, time.perf_counter()))
                raise

    # -- afterwards ----------------------------------------------------------------------------------------------------

    def ops(self) -> Callable[[], list[Op]]:
        """What writes up what was noted: the ops of the run, or those before it failed; to be called once."""
        self.moments.settle()
        return partial(write_up, self.noted, self.moments.repeats)


def _keeps_statistics(callee: Callee, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Whether a normalisation is told to leave its running statistics alone."""
    place = callee.statistics
    if place is None:
        return False
    return args[place] is False if len(args) > place else kwargs.get(callee.statistics_flag) is False
