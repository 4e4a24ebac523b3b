"""The recorder: every torch function that a module calls, as it was called, with the values of that moment.

A TorchFunctionMode sees the functions as their author wrote them; composite ones (F.multi_head_attention_forward) once,
from outside. Values are detached aliases, not copies; only what is about to be overwritten is copied first.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from glasswork.tracing.children import Children
from glasswork.tracing.deviations import Suspect, suspect
from glasswork.tracing.edits import Edits
from glasswork.tracing.errors import Cancelled
from glasswork.tracing.gradients import Gradients
from glasswork.tracing.modules import ModuleCall
from glasswork.tracing.moments import Moments
from glasswork.tracing.names import Names
from glasswork.tracing.ops import Op
from glasswork.tracing.repeats import EXACT_IF_DENSE
from glasswork.tracing.source import Source, author_line
from glasswork.tracing.spilling import Budget
from glasswork.tracing.values import Value, map_tensors
from glasswork.tracing.writes import about_to_write, tensors_in

Keep = str | int
Cancel = Callable[[], bool] | threading.Event

# torch functions that return a tensor and yet compute nothing
_NOT_OPS = frozenset(["requires_grad_", "retain_grad", "register_hook", "backward", "share_memory_", "pin_memory"])
# asked for constantly, and never a tensor: not worth the bookkeeping
_QUESTIONS = frozenset(
    "size dim stride numel is_floating_point is_complex storage_offset element_size __len__ __bool__ item".split()  # noqa: SIM905 (one a line would fill the screen)
)
_UNSEEN = _NOT_OPS | _QUESTIONS
_IN_PLACE_OPERATORS = frozenset(
    ["add", "sub", "mul", "truediv", "div", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift", "matmul"]
)
# hand the memory itself to others, who may write there unseen
_LEND = frozenset(["numpy", "__array__", "__dlpack__", "data_ptr", "untyped_storage", "storage", "set_"])
# may draw masks or noise that nobody sees; where the generator stood gives them again
_DRAW_INSIDE = frozenset(
    "lstm gru rnn_tanh rnn_relu scaled_dot_product_attention multi_head_attention_forward gumbel_softmax".split()  # noqa: SIM905
)
_PLAIN_NAMES = {"max_pool1d_with_indices": "max_pool1d", "max_pool2d_with_indices": "max_pool2d"} | {
    "max_pool3d_with_indices": "max_pool3d",
    "rdiv": "rtruediv",
    "_threshold": "threshold",
}
_PLAIN = frozenset([int, float, bool, str, type(None), torch.dtype, torch.device])  # arguments that hold no tensor
_known_names: dict[str, str] = {}


def plain_name(function: Callable[..., Any]) -> str:
    """The field's name of a torch function: `__iadd__` is "add_", `__getitem__` "getitem", `Tensor.T` "T"."""
    own = getattr(function, "__name__", None) or str(function)
    known = _known_names.get(own)
    if known is None:
        known = _plain_name(function, own)
        if own != "__get__":  # which property it is, the name does not say
            _known_names[own] = known
    return known


def _plain_name(function: Callable[..., Any], name: str) -> str:
    if name == "__get__":  # a property that makes a tensor: x.T, x.real, x.data
        name = getattr(getattr(function, "__self__", None), "__name__", name)
    elif name.startswith("__i") and name[3:-2] in _IN_PLACE_OPERATORS:
        name = name[3:-2] + "_"
    name = name.removeprefix("__").removesuffix("__") if name.startswith("__") else name
    return _PLAIN_NAMES.get(name, name).split(".")[0]


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
        self.ops: list[Op] = []
        self.calls: list[ModuleCall] = []
        self.gradients = gradients
        self.failed: tuple[BaseException, Op] | None = None
        self.failed_module: tuple[BaseException, str] | None = None
        budget = Budget({"all": None, "none": 0}.get(keep, keep) if isinstance(keep, str) else keep)
        if gradients is not None:
            gradients.budget = budget
        self.moments = Moments(names, budget, gradients, self.ops)
        self._modules = names.modules
        self._open: list[int] = []  # indices into calls, innermost last
        self._call_counts: Counter[str] = Counter()
        self._op_counts: Counter[tuple[str, str]] = Counter()
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
        name = getattr(func, "__name__", "")
        if name in _UNSEEN:
            return func(*args, **kwargs)
        if name == "__set__":
            if func.__self__.__name__ == "requires_grad" and args[0].requires_grad == args[1]:  # type: ignore[attr-defined]
                return None  # what is fed is a copy of the caller's leaf, whose flag torch would not let one set
            if func.__self__.__name__ == "data":  # type: ignore[attr-defined]
                self.moments.forget(args[0])
            return func(*args, **kwargs)
        if name in _LEND:
            self.moments.lend(tensors_in(args[0]))
            return func(*args, **kwargs)
        if name == "__get__":
            output = func(*args, **kwargs)
            if not isinstance(output, torch.Tensor) or func.__self__.__name__ in ("grad", "_base"):  # type: ignore[attr-defined]
                return output
            op = self._begin(func, args, kwargs, author_line())
            self._finish(op, [output], dense=False)
            return output
        if self._is_cancelled is not None and self._is_cancelled():
            raise Cancelled(
                "The trace was cancelled", where=f"before op {len(self.ops)}", why="the caller asked for it"
            )
        op = self._begin(func, args, kwargs, author_line())
        if self._children is None:
            for tensor in about_to_write(name, func, args, kwargs):
                self.moments.before_writing(tensor, op.id)
        else:
            self._children.inside(op)  # they say what they write
        if op.name in _DRAW_INSIDE:
            op.random = torch.get_rng_state()
        start = time.perf_counter()
        try:
            output = self._run(op, func, args, kwargs)
        except Exception as error:
            op.seconds = time.perf_counter() - start
            self.failed = (error, op)
            raise
        op.seconds = time.perf_counter() - start
        made = [output] if isinstance(output, torch.Tensor) else tensors_in(output)
        if not made and name in ("__setitem__", "__delitem__"):
            made = tensors_in(args[0])
        if made:
            dense = op.name in EXACT_IF_DENSE and all(
                tensor.is_contiguous() for tensor in (*tensors_in(args), *tensors_in(kwargs))
            )
            self._finish(op, made, dense)
        return output

    def _run(self, op: Op, func: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if self._children is None:
            return func(*args, **kwargs) if self._edits is None else self._edits.run(op, func, args, kwargs)
        with self._children:
            return func(*args, **kwargs) if self._edits is None else self._edits.run(op, func, args, kwargs)

    def _begin(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], source: Source | None
    ) -> Op:
        operands: list[Value] = []
        value_of = self.moments.value_of

        def handle(tensor: torch.Tensor) -> Value:
            value = value_of(tensor)
            operands.append(value)
            return value

        call = self.calls[self._open[-1]] if self._open else None
        kept_args = tuple([item if type(item) in _PLAIN else map_tensors(handle, item) for item in args])
        kept_kwargs = {key: item if type(item) in _PLAIN else map_tensors(handle, item) for key, item in kwargs.items()}
        return Op(
            id=len(self.ops),
            name=plain_name(function),
            function=function,
            args=kept_args,
            kwargs=kept_kwargs,
            operands=tuple(operands),
            module=call.path if call is not None else "",
            module_type=call.type if call is not None else "",
            call=0,
            source=source,
        )

    def _finish(self, op: Op, made: list[torch.Tensor], dense: bool) -> None:
        key = (op.module, op.name)
        self._op_counts[key] += 1
        op.call = self._op_counts[key]
        self.ops.append(op)
        if self._children is not None:
            self._children.outside(made)
        self.moments.made_by(op, made, dense)
        if self._children is not None:
            self._children.join(op, made)
        if self._progress is not None:
            self._progress(len(self.ops))

    # -- modules (a Watcher, see modules.py) ---------------------------------------------------------------------------

    def enter(self, module: nn.Module, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> None:
        """A module begins: its path becomes the place of the ops that follow."""
        parent = self._open[-1] if self._open else None
        path = self._modules.get(id(module))
        if path is None:  # made on the fly, or kept in a plain list where torch does not register it
            above = self.calls[parent].path if parent is not None else ""
            path = f"{above}.<{type(module).__name__}>".lstrip(".")
        self._call_counts[path] += 1
        here = len(self.ops)
        call = ModuleCall(path, type(module).__name__, self._call_counts[path], parent, here, here)
        call.seconds = -time.perf_counter()
        self._open.append(len(self.calls))
        self.calls.append(call)
        if self._suspect is None:  # of nested ones the outermost
            noted = suspect(module, path, call.number, args, kwargs or {}, self.moments.value_of)
            if noted is not None:
                self._suspect = (call, noted)

    def leave(self, module: nn.Module, output: Any, error: BaseException | None) -> None:
        """A module ends, with its output or with the error that it raised."""
        call = self.calls[self._open.pop()]
        call.seconds += time.perf_counter()
        call.last = len(self.ops)
        if error is not None:
            if self._suspect is not None and self._suspect[0] is call:
                self._suspect = None
            if self.failed_module is None or self.failed_module[0] is not error:
                self.failed_module = (error, call.path)
            return
        for tensor in tensors_in(output)[:1]:
            call.output = self.moments.producer_of(tensor)
        if self._suspect is not None and self._suspect[0] is call:
            noted = self._suspect[1]
            noted.outputs = [self.moments.value_of(tensor) for tensor in tensors_in(output)]
            self.suspects.append(noted)
            self._suspect = None
        if call.output is None and call.last > call.first:
            call.output = call.last - 1
