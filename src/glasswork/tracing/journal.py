"""What a run has done and nobody has written down yet: calls of torch functions, beginnings and ends of modules.

Between two kernels all that Python touches has left the processor's caches, and each function that runs there costs
several times what it costs in a loop. So the run only lays down what happened, and some dozens of ops at a time are
turned into Values and calls. Tensors stay alive until then, so that each is still known by its id.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from glasswork.tracing.calls import Call
from glasswork.tracing.children import Children
from glasswork.tracing.deviations import Suspect
from glasswork.tracing.modules import ModuleCall
from glasswork.tracing.moments import ORDINARY, PLAIN, Moments
from glasswork.tracing.names import Names
from glasswork.tracing.values import Value
from glasswork.tracing.writes import tensors_in

_new = tuple.__new__  # a named tuple's own constructor is written in Python
_LASTING = PLAIN | ORDINARY | {torch.Size, torch.layout, torch.memory_format, type(Ellipsis)}
MANY = 64
"""Entries."""
LARGE = 1 << 21
"""Numbers that they alone hold alive: the plain run would have freed them, and written the next ones in their place."""
OP, ENTER, LEAVE = range(3)
"""How an entry begins.

Of an op, one call of a torch function, then follow: what is known of the function, the function, its arguments, those
by keyword, the tensor or the list of tensors that it made, the Values of the arguments if they were asked for before it
ran, what it wrote over while nobody was told, the layer of which it is the whole if there is one, the author's line,
the seconds, where the generator stood, whether autocast was on, what was made of its output, its aten ops. Where a
module begins: the module, the time. Where it ends: its output, its error, the time.
"""


class Journal:
    """The entries of one run, in order, and what they have been written down as.

    Args:
        names: what the modules are called.
        moments: which Value each tensor is.
        noted: where the calls go.
        children: the aten ops of each, if they are recorded.

    Attributes:
        calls: the modules' calls.
        here: the innermost module that is running, as far as it is written down.
        suspects: calls that may have lost their fused kernel.
        failed_module: the first error that left a module, and the path of that.
        entries: what is not written down yet.
        repeatable: what the last op among them made, if it can be made again, be it cheap or not.
        alive: how many numbers the ops among them made that need not be held: they live until they are written down.
    """

    def __init__(self, names: Names, moments: Moments, noted: list[Call], children: Children | None) -> None:
        self.calls: list[ModuleCall] = []
        self.here: ModuleCall | None = None
        self.suspects: list[Suspect] = []
        self.failed_module: tuple[BaseException, str] | None = None
        self.repeatable: torch.Tensor | None = None
        self.alive = 0
        self.entries: list[tuple[Any, ...]] = []
        self._gone: set[int] = set()  # places of entries whose output has been written over since
        self._paths = names.modules
        self._moments = moments
        self._noted = noted
        self._children = children
        self._open: list[int] = []  # indices into calls, innermost last
        self._numbers: dict[str, int] = {}
        self._suspect: tuple[ModuleCall, Suspect] | None = None

    # -- while kernels run: as little as can be; the recorder appends to `entries` itself ------------------------------

    def last_is_gone(self) -> None:
        """What the last op made is about to be written over; it can be made again."""
        entries = self.entries
        place = len(entries) - 1
        while entries[place][0] != OP:
            place -= 1
        self._gone.add(place)

    # -- in a loop -----------------------------------------------------------------------------------------------------

    def catch_up(self) -> None:
        """Write down all that is there."""
        entries = self.entries
        if not entries:
            return
        gone = self._gone
        for place, entry in enumerate(entries):
            if entry[0] == OP:
                self._write_op(entry, place in gone)
            elif entry[0] == ENTER:
                self._write_enter(entry[1], entry[2])
            else:
                self._write_leave(entry[1], entry[2], entry[3])
        entries.clear()
        gone.clear()
        self.repeatable = None
        self.alive = 0

    def _write_op(self, entry: tuple[Any, ...], gone: bool) -> None:
        _, callee, function, args, kwargs, made, read, written, layer, *rest = entry
        moments, noted = self._moments, self._noted
        operands, kept_args, kept_kwargs = read or moments.read(args, kwargs)
        for tensor in written:
            moments.before_writing(tensor, len(noted))
        again = callee.exact or (
            callee.exact_if_dense and all(tensor.is_contiguous() for tensor in (*tensors_in(args), *tensors_in(kwargs)))
        )
        outputs: list[Value] = []
        here = self.here if layer is None else self._called(layer)
        call = _new(Call, (callee, function, kept_args, kept_kwargs, operands, here, *rest, outputs))
        if self._children is None:
            for slot, tensor in enumerate(made if type(made) is list else (made,)):
                outputs.append(moments.made_by(call, tensor, slot, again, gone))
        else:
            made = made if type(made) is list else [made]
            self._children.outside(made)
            for slot, tensor in enumerate(made):
                outputs.append(moments.made_by(call, tensor, slot, again, gone))
            self._children.join(outputs, made)
        noted.append(call)
        if layer is not None and here is not None:
            here.last, here.output, here.seconds = len(noted), len(noted) - 1, call.seconds

    def _called(self, module: nn.Module) -> ModuleCall:
        """A call of a module begins."""
        parent = self._open[-1] if self._open else None
        path = self._paths.get(id(module))
        if path is None:  # made on the fly, or kept in a plain list where torch does not register it
            above = self.calls[parent].path if parent is not None else ""
            path = f"{above}.<{type(module).__name__}>".lstrip(".")
        number = self._numbers[path] = self._numbers.get(path, 0) + 1
        ops = len(self._noted)
        call = ModuleCall(path, type(module).__name__, number, parent, ops, ops)
        self.calls.append(call)
        return call

    def _write_enter(self, module: nn.Module, now: float) -> None:
        self.here = self._called(module)
        self.here.seconds = -now
        self._open.append(len(self.calls) - 1)

    def _write_leave(self, output: Any, error: BaseException | None, now: float) -> None:
        call = self.calls[self._open.pop()]
        call.seconds += now
        call.last = len(self._noted)
        self.here = self.calls[self._open[-1]] if self._open else None
        suspected = self._suspect is not None and self._suspect[0] is call
        if error is not None:
            if suspected:
                self._suspect = None
            if self.failed_module is None or self.failed_module[0] is not error:
                self.failed_module = (error, call.path)
            return
        returned = [output] if type(output) is torch.Tensor else tensors_in(output)
        if returned:
            call.output = self._moments.producer_of(returned[0])
        if suspected and self._suspect is not None:
            noted = self._suspect[1]
            noted.outputs = [self._moments.value_of(tensor) for tensor in returned]
            self.suspects.append(noted)
            self._suspect = None
        if call.output is None and call.last > call.first:
            call.output = call.last - 1

    def suspect(self, noted: Suspect) -> None:
        """The call of the module that has just begun may lose its fused kernel; of nested ones the outermost counts."""
        if self._suspect is None and self.here is not None:
            self._suspect = (self.here, noted)


def lasts(items: Iterable[Any]) -> bool:
    """Whether all of these arguments will still be what they are when they are read later."""
    for item in items:
        kind = type(item)
        if kind not in _LASTING and not (kind is tuple and lasts(item)):
            return False
    return True
