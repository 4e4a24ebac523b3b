"""Which Value a live tensor is now, and how its numbers are kept: an alias, a copy, a way to make them again, a file.

A tensor has a new Value after each write into its memory, through whatever view. What a Value holds is an alias of the
tensor, which costs nothing; it becomes a copy, at most one for each layout, just before something writes there.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import torch

from glasswork.tracing.calls import Call, op_of
from glasswork.tracing.gradients import Gradients
from glasswork.tracing.names import Names
from glasswork.tracing.repeats import Repeat, Repeats
from glasswork.tracing.spilling import Budget, size_of
from glasswork.tracing.values import Value, ValueKind, map_tensors

ORDINARY = frozenset([torch.Tensor, torch.nn.Parameter])
PLAIN = frozenset([int, float, bool, str, type(None), torch.dtype, torch.device])
"""Arguments that hold no tensor."""
Read = tuple[list[Value], tuple[Any, ...], dict[str, Any]]
"""The Values of the tensors among some arguments; the positional ones and the others with those in their place."""


class _Seen(weakref.ref):  # of a live tensor
    """A live tensor and the Value that it last was."""

    __slots__ = ("value", "writer")
    value: Value
    writer: int | None  # the op that has since written into its storage through another tensor


def storage_of(tensor: torch.Tensor) -> int | None:
    """What tensors that share memory have in common; None for those without a storage (sparse, inside vmap)."""
    try:
        return tensor.untyped_storage()._cdata
    except (RuntimeError, NotImplementedError):
        return None


def shape_of(tensor: torch.Tensor) -> tuple[int, ...]:
    """The sizes; nested tensors, whose rows differ, have their number of rows only."""
    try:
        shape = tuple(tensor.shape)
    except RuntimeError:
        return (tensor.size(0),)
    return shape if not tensor.is_nested else tuple(size for size in shape if isinstance(size, int))


class Moments:
    """The Values of one run.

    Args:
        names: what the parameters and buffers are called; it keeps them alive, so that their ids stay theirs.
        budget: how much may stay in memory.
        gradients: collects where gradients will pass, or None for a forward run.
        calls: the run's ops so far; `producer` of a Value is an index into it.
    """

    def __init__(self, names: Names, budget: Budget, gradients: Gradients | None, calls: Sequence[Call]) -> None:
        self._names: dict[int, tuple[str, ValueKind]] = {id(held): (name, kind) for name, held, kind in names.tensors}
        self._named = names.tensors
        self._budget = budget
        self._gradients = gradients
        self._calls = calls
        self.repeats = Repeats(stays=budget.left is None)
        self._first: dict[str, Value] = {}  # parameters and buffers as they were when first read
        self._unread: dict[int, Value] = {}  # those that nothing has read yet, by the id of the tensor
        self.untouched: dict[int, Value] = {}
        """Parameters and buffers that nothing has written yet, by the id of the tensor."""
        for name, tensor, kind in names.tensors:
            if type(tensor) in ORDINARY:  # others may not have a shape yet
                value = Value(shape_of(tensor), tensor.dtype, tensor.device, tensor, kind, None, None, 0, name)
                self._first[name] = self._unread[id(tensor)] = value
        if gradients is None:  # else each passes its gradient on once it is read
            self.untouched, self._unread = self._unread, {}
        self._seen: dict[int, _Seen] = {}
        self._sharing: dict[int, list[_Seen]] = {}
        self._lent: dict[int, list[torch.Tensor]] | None = (
            None  # parameters and buffers by storage, once something writes
        )
        self._anew: set[int] = set()  # storages that ops made, of those that were written over
        self._outside: set[int] = set()  # storages that others than torch may write into
        self._not_ours: set[int] = (
            set()
        )  # storages of inputs, and of buffers that this run wrote: others write there later

    # -- who is this ---------------------------------------------------------------------------------------------------

    def value_of(self, tensor: torch.Tensor) -> Value:
        """The Value that a live tensor is now."""
        key = id(tensor)
        value = self.untouched.get(key)
        if value is not None:
            return value
        seen = self._seen.get(key)
        if seen is not None and seen() is tensor:
            if seen.writer is None and (not self._outside or self._is_still(tensor, seen.value)):
                return seen.value
            # written through another view since: a new moment of the same memory, without an address of its own
            return self._note(tensor, seen.value.kind, seen.writer)
        named = self._names.get(key)
        if named is None:
            return self._unknown(tensor)
        path, kind = named
        value = self._unread.pop(key, None)
        if value is None:
            value = Value(shape_of(tensor), tensor.dtype, tensor.device, tensor, kind, None, None, 0, path)
        self._first[path] = self.untouched[key] = value
        self._pass_through(tensor, value)
        return value

    def read(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Read:
        """The Values that these arguments are now."""
        operands: list[Value] = []
        untouched, value_of = self.untouched, self.value_of
        kept: list[Any] = []
        for item in args:
            kind = type(item)
            if kind in ORDINARY:
                value = untouched.get(id(item)) or value_of(item)
                operands.append(value)
                kept.append(value)
            elif kind in PLAIN or (kind is tuple and PLAIN.issuperset(map(type, item))):
                kept.append(item)
            elif kind is list and PLAIN.issuperset(map(type, item)):
                kept.append(item.copy())
            else:
                kept.append(self._read_within(item, operands))
        named: dict[str, Any] = {}
        for key, item in kwargs.items():  # as above: a function between them would cost a tenth of the tracer
            kind = type(item)
            if kind in ORDINARY:
                value = untouched.get(id(item)) or value_of(item)
                operands.append(value)
                named[key] = value
            else:
                named[key] = item if kind in PLAIN else self._read_within(item, operands)
        return operands, tuple(kept), named

    def _read_within(self, item: Any, operands: list[Value]) -> Any:
        def handle(tensor: torch.Tensor) -> Value:
            value = self.value_of(tensor)
            operands.append(value)
            return value

        return map_tensors(handle, item)

    def producer_of(self, tensor: torch.Tensor) -> int | None:
        """The op that made a tensor, if one of this run did."""
        seen = self._seen.get(id(tensor))
        return seen.value.producer if seen is not None and seen() is tensor else None

    def _unknown(self, tensor: torch.Tensor) -> Value:
        """A tensor that nobody here made; or another handle of one that is known (C++ hands out new ones)."""
        storage = storage_of(tensor)
        if storage is None:
            inner = _unwrapped(tensor)
            if inner is not tensor:
                value = self.value_of(inner)
                self._remember(tensor, value)
                return value
        for seen in reversed(self._sharing.get(storage, ())) if storage is not None else ():
            live = seen()
            other = seen.value.held if live is None else live
            if seen.writer is None and other is not None and _same_memory(other, tensor):
                self._remember(tensor, seen.value)
                return seen.value
        return self._note(tensor, "constant", storage=storage)

    def lend(self, tensors: Sequence[torch.Tensor]) -> None:
        """The memory of these is given to somebody who may write there unseen (NumPy): copy what was kept of it."""
        for tensor in tensors:
            storage = storage_of(tensor)
            if storage is None:
                continue
            self._outside.add(storage)
            copies: dict[tuple[Any, ...], torch.Tensor] = {}
            self.value_of(tensor)
            for seen in self._sharing.get(storage, ()):
                held = seen.value.held
                if held is not None and storage_of(held) == storage:
                    self._take_away(seen.value, held, copies)

    def forget(self, tensor: torch.Tensor) -> None:
        """This tensor is given other memory (`x.data = ...`): what it is now is no longer known."""
        key = id(tensor)
        self._seen.pop(key, None)
        value = self.untouched.pop(key, None) or self._unread.pop(key, None)
        if value is not None and value.held is tensor:
            value.held = tensor.detach()  # the memory that it had

    def _is_still(self, tensor: torch.Tensor, value: Value) -> bool:
        """Whether a tensor whose memory was lent out has the values that it had."""
        if storage_of(tensor) not in self._outside:
            return True
        data = self._data(value)
        return data is not None and data.shape == tensor.shape and _same_numbers(data, tensor.detach())

    def note_input(self, tensor: torch.Tensor, data: torch.Tensor, path: str, leaf: torch.Tensor | None) -> Value:
        """Name a tensor that is given to the module; `data` is what to show, `leaf` where its gradient arrives."""
        value = Value(shape_of(tensor), tensor.dtype, tensor.device, data, "input", path=path)
        seen = self._remember(tensor, value)
        storage = storage_of(tensor)
        if storage is not None:
            self._sharing.setdefault(storage, []).append(seen)
            self._not_ours.add(storage)
        if leaf is not None:
            self._pass_through(leaf, value)
        return value

    def made_by(self, call: Call, tensor: torch.Tensor, slot: int, again: bool, gone: bool) -> Value:
        """The Value of an output of a call.

        Args:
            call: is about to be the last of the run's calls.
            tensor: what it returned, or one of several.
            slot: which of them.
            again: whether the same function may be run again instead of keeping it.
            gone: whether it has been written over by now, so that this has to be done.
        """
        return self._note(tensor, "op", len(self._calls), slot, call if again else None, gone=gone)

    def made_inside(self, tensor: torch.Tensor, slot: int) -> Value:
        """The Value of what a part of an op made; it stays that of the tensor until the op itself ends."""
        return self._note(tensor, "op", None, slot)

    def handed_on(self, tensor: torch.Tensor, slot: int) -> Value:
        """The Value of what the last part of an op made, where the op itself returns it: that one is remembered."""
        return Value(shape_of(tensor), tensor.dtype, tensor.device, None, "op", None, None, slot)

    def named_values(self) -> tuple[dict[str, Value], dict[str, Value]]:
        """Parameters and buffers by name, as they were when first read; those never read, as they are now."""
        found: dict[str, dict[str, Value]] = {"parameter": {}, "buffer": {}}
        for name, tensor, kind in self._named:
            value = self._first.get(name)
            if value is None:
                value = Value(shape_of(tensor), tensor.dtype, tensor.device, tensor, kind, path=name)
            found[kind][name] = value
        return found["parameter"], found["buffer"]

    # -- how it is kept ------------------------------------------------------------------------------------------------

    def _note(
        self,
        tensor: torch.Tensor,
        kind: ValueKind,
        producer: int | None = None,
        slot: int = 0,
        again: Call | None = None,
        storage: int | None = None,
        gone: bool = False,
    ) -> Value:
        """A new moment of a tensor; `again`: the call that may make it once more; `gone`: that has to."""
        if storage is None:
            storage = storage_of(tensor)
        value = Value(shape_of(tensor), tensor.dtype, tensor.device, None, kind, None, producer, slot)
        seen = self._remember(tensor, value)
        if storage is None:
            inner = _unwrapped(tensor)
            value.held = _detached(inner)
            if value.held is not None and inner is not tensor:
                value.shape = shape_of(inner)
                self._sharing.setdefault(storage_of(inner) or 0, []).append(self._remember(inner, value))
        else:
            sharing = self._sharing.get(storage)
            if sharing is None:
                self._keep(tensor, value, again, gone)
                self._sharing[storage] = [seen]
            else:
                if gone or not _is_kept_anyway(tensor, value, storage, sharing):
                    self._keep(tensor, value, again, gone)
                sharing.append(seen)
        if self._gradients is not None:
            self._pass_through(tensor, value)
        return value

    def _keep(self, tensor: torch.Tensor, value: Value, again: Call | None, gone: bool) -> None:
        if again is not None and type(tensor) is torch.Tensor:
            value.depth = self.repeats.depth(again, value, gone)
            if value.depth:
                return
        if gone:
            return
        if self._budget.left is not None and not self._budget.admits(size_of(tensor)):
            value.again = self._budget.spill(tensor)
            if value.again is not None:
                return
        value.held = tensor.detach()

    def before_writing(self, tensor: torch.Tensor, writer: int) -> None:
        """Just before op `writer` writes into `tensor`: what was kept of its memory becomes a copy, or made again."""
        storage = storage_of(tensor)
        if storage is None:
            return
        copies: dict[tuple[Any, ...], torch.Tensor] = {}
        for named in () if self._is_anew(tensor, storage) else self._in_storage(storage):
            self._not_ours.add(storage)
            value = self.value_of(named)
            if self.untouched.pop(id(named), None) is not None:
                self._sharing.setdefault(storage, []).append(self._remember(named, value))
        alive = []
        for seen in self._sharing.pop(storage, ()):
            value = seen.value
            held = value.held
            if held is not None and storage_of(held) == storage:  # else the address is an older storage's
                self._take_away(value, held, copies)
            if seen() is not None:
                seen.writer = writer
                alive.append(seen)
        if alive:
            self._sharing[storage] = alive

    def _is_anew(self, tensor: torch.Tensor, storage: int) -> bool:
        """Whether an op of this run is known to have made this memory; no parameter or buffer can lie there."""
        if storage in self._anew:
            return True
        seen = self._seen.get(id(tensor))
        if seen is None or seen() is not tensor or seen.value.producer is None:
            return False
        producer = seen.value.producer
        if producer >= len(self._calls):
            return False
        callee = self._calls[producer].callee
        kwargs = self._calls[producer].kwargs
        if not callee.numeric or callee.writes or kwargs.get("inplace") or "out" in kwargs:
            return False
        self._anew.add(storage)
        return True

    def _in_storage(self, storage: int) -> Sequence[torch.Tensor]:
        """The parameters and buffers that lie in a storage."""
        if self._lent is None:
            self._lent = {}
            for _, held, _ in self._named:
                self._lent.setdefault(storage_of(held) or 0, []).append(held)
        return self._lent.get(storage, ())

    def _take_away(self, value: Value, held: torch.Tensor, copies: dict[tuple[Any, ...], torch.Tensor]) -> None:
        value.held = None
        if value.kind == "op" and value.producer is not None and value.producer < len(self._calls):
            call = self._calls[value.producer]
            if call.callee.exact and value.slot < len(call.outputs) and call.outputs[value.slot] is value:
                value.depth = self.repeats.depth(call, value)
        if not value.depth:
            layout = (held.dtype, held.storage_offset(), tuple(held.shape), held.stride())
            if layout not in copies:
                copies[layout] = held.detach().clone()
            value.held = copies[layout]

    def settle(self) -> None:
        """At the end: what was made in the memory of the caller's inputs, or of written buffers, is copied."""
        for storage in self._not_ours:
            copies: dict[tuple[Any, ...], torch.Tensor] = {}
            for seen in self._sharing.get(storage, ()):
                held = seen.value.held
                if held is not None and seen.value.kind == "op" and storage_of(held) == storage:
                    self._take_away(seen.value, held, copies)
        self.repeats.settle()

    def _remember(self, tensor: torch.Tensor, value: Value) -> _Seen:
        seen = _Seen(tensor)
        seen.value = value
        seen.writer = None
        self._seen[id(tensor)] = seen
        return seen

    def _pass_through(self, tensor: torch.Tensor, value: Value) -> None:
        if self._gradients is not None and tensor.requires_grad:
            self._gradients.pass_through(tensor, value)

    def _data(self, value: Value) -> torch.Tensor | None:
        """The numbers of a value while the run goes on, when those that can be made again still have no way to be."""
        if value.held is None and value.again is None and value.depth and value.producer is not None:
            call = self._calls[value.producer]
            for operand in call.operands:
                self._data(operand)
            value.again = Repeat(op_of(call, value.producer), value.slot, self.repeats)
        return value.data


def _is_kept_anyway(tensor: torch.Tensor, value: Value, storage: int, sharing: Sequence[_Seen]) -> bool:
    """Whether something else holds this memory: if so the value is an alias of it."""
    for other in sharing[-4:]:
        held = other.value.held
        if held is not None and storage_of(held) == storage:
            value.held = tensor.detach()
            return True
    return False


def _same_memory(a: torch.Tensor, b: torch.Tensor) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape or a.layout != b.layout:
        return False
    return a.data_ptr() == b.data_ptr() and a.stride() == b.stride()


def _same_numbers(a: torch.Tensor, b: torch.Tensor) -> bool:
    return bool(((a == b) | ((a != a) & (b != b))).all())


def _unwrapped(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor under the wrappers of vmap and grad, whose batch axes are ordinary ones; others as they are."""
    functorch: Any = torch._C._functorch  # type: ignore[attr-defined]
    while functorch.is_functorch_wrapped_tensor(tensor):
        tensor = functorch.get_unwrapped(tensor)
    return tensor


def _detached(tensor: torch.Tensor) -> torch.Tensor | None:
    try:
        return tensor.detach()
    except (RuntimeError, NotImplementedError):  # a kind that can't be detached can't be held without its graph
        return None
