"""Any network as a row of columns: its tree of module calls, opened as far as there is room, and folded beyond.

Only the calls of the trace are read, never a network's name: a module that holds nearly everything is stepped through,
one that only holds other modules is a stage, what repeats side by side pleats to the first, the last, and a count of
those that are alike. Operations that only change what stands before them fold into its column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from glasswork.tracing import Op, Trace
from glasswork.tracing.addresses import numbered

Level = Literal["stages", "blocks", "operations"]
LEVELS: tuple[Level, ...] = ("stages", "blocks", "operations")
ROOM = 21
"""Columns that fit on a page, as the style guide counts them."""
ALIKE = 4
"""So many equal blocks in a row pleat."""
WRAPPED = 0.9
"""A module that holds this share of the operations is stepped through."""


@dataclass(eq=False)
class Part:
    """A module call or a single operation of a trace.

    Attributes:
        key: how a page names it: "layer1", "layer1#2" for the second call, or an operation's path.
        first, last: the operations in it, `last` excluded.
        kind: the module's class, or the operation's name.
        module: the path of the module: the one called, or the one whose forward has the operation.
        output: the operation that made what it returned; None if none of the trace did.
        parts: what is in a call, in order.
    """

    trace: Trace
    key: str
    first: int
    last: int
    kind: str
    module: str
    is_call: bool
    output: int | None = None
    parts: list[Part] = field(default_factory=list)

    @property
    def ops(self) -> Sequence[Op]:
        """Its operations, in order."""
        return self.trace.ops[self.first : self.last]

    @property
    def folds(self) -> bool:
        """Whether there is anything to open."""
        return len(self.parts) > 1 or any(part.folds for part in self.parts)

    @cached_property
    def shape(self) -> tuple[object, ...]:
        """What makes two of them alike: the class, the operations in order, and the sizes of what is learned."""
        learned = (value.shape for op in self.ops for value in op.operands if value.kind == "parameter")
        return self.kind, tuple(op.name for op in self.ops), tuple(learned)

    @property
    def only_holds(self) -> bool:
        """Whether its forward does nothing but call other modules: a container."""
        return all(part.is_call for part in self.parts)


@dataclass(eq=False)
class Column:
    """What stands in one column.

    Attributes:
        parts: what was folded into it, in order; for a pleat, the blocks that are alike.
        count: how many blocks it stands for, more than one for a pleat.
        key: what opening it is called; `opens` says whether there is anything to open.
        stage: the path of the module that it stands in, as far as that is opened.
    """

    parts: list[Part]
    stage: str
    count: int = 1

    @property
    def key(self) -> str:
        """The page's name for it."""
        if self.count > 1:
            return f"{self.parts[0].key}..{self.parts[-1].key}"
        return self.parts[0].key if len(self.parts) == 1 else f"{self.parts[0].key}+"

    @property
    def opens(self) -> bool:
        """Whether it can be opened."""
        return self.count > 1 or len(self.parts) > 1 or self.parts[0].folds

    @property
    def ops(self) -> Sequence[Op]:
        """All its operations."""
        first = self.parts[0]
        return first.trace.ops[first.first : self.parts[-1].last]

    @property
    def shown(self) -> Op:
        """The operation whose output it shows: what its last part returned."""
        last = self.parts[-1]
        return last.trace.ops[last.last - 1 if last.output is None else last.output]


def tree(trace: Trace) -> Part:
    """The calls of a trace as a tree; operations are its leaves."""
    made: list[Part] = []
    for call in trace.calls:
        key = numbered(call.path, call.number) if call.path else ""
        made.append(Part(trace, key, call.first, call.last, call.type, call.path, True, call.output))
    root = made[0] if made else Part(trace, "", 0, len(trace.ops), trace.module_type, "", True)
    root.last = _end(trace)  # what was appended at the root ran after its call
    inside: list[list[Part]] = [[] for _ in made]
    for part, call in zip(made[1:], trace.calls[1:], strict=True):
        if part.first < part.last and call.parent is not None:
            inside[call.parent].append(part)
    for part, parts in zip(made or [root], inside or [[]], strict=True):
        part.parts = list(_with_own_ops(part, sorted(parts, key=lambda one: one.first)))
    return root


def _end(trace: Trace) -> int:
    """Where the network ends; what only picks the number that is followed is no part of it."""
    picked = None if trace.loss_value is None else trace.loss_value.producer
    after = trace.calls[0].last if trace.calls else 0
    return picked if picked is not None and picked >= after else len(trace.ops)


def _with_own_ops(part: Part, calls: Sequence[Part]) -> Iterator[Part]:
    at = part.first
    for call in [*calls, None]:
        until = part.last if call is None else call.first
        for op in part.trace.ops[at:until]:
            yield Part(part.trace, op.path, op.id, op.id + 1, op.name, op.module, False, op.id)
        if call is not None:
            at = max(at, call.last)
            yield call


def fold(
    trace: Trace, level: Level = "blocks", opened: Collection[str] = (), shut: Collection[str] = (), room: int = ROOM
) -> list[Column]:
    """The columns of a trace.

    Args:
        trace: any run.
        level: how far modules are opened by themselves.
        opened: keys of columns that the reader opened.
        shut: paths of modules that the reader folded again.
        room: how many columns fit; beyond it what is alike pleats.
    """
    root = tree(trace)
    by_itself = _deepened(root, _Choice(level, frozenset(), frozenset(shut)), room)
    choice = _Choice(level, by_itself.opened | set(opened), frozenset(shut), tuple(_spans(root, opened)))
    columns = _columns(root, root.module, choice)
    if level == "operations":
        return columns
    return _pleated(columns, choice, 1) if level == "stages" else _fitted(columns, choice, room)


def _deepened(root: Part, choice: _Choice, room: int) -> _Choice:
    """The stages that are open before the reader opens any: as many levels of them as there is room for."""
    while choice.level == "blocks":
        columns = _fitted(_columns(root, root.module, choice), choice, room)
        deeper = _Choice(choice.level, choice.opened | {one.key for one in columns if _is_stage(one)}, choice.shut)
        wider = _fitted(_columns(root, root.module, deeper), deeper, room)
        if len(deeper.opened) == len(choice.opened) or len(wider) > room:
            break
        choice = deeper
    return choice


def _spans(root: Part, opened: Collection[str]) -> Iterator[tuple[int, int]]:
    """The operations, from the first to past the last, of each pleat that was opened."""
    pleats = [key.split("..") for key in opened if ".." in key]
    places = {part.key: part for part in _walk(root)} if pleats else {}
    for first, last in (ends for ends in pleats if len(ends) == 2):
        if first in places and last in places:
            yield places[first].first, places[last].last


def _walk(part: Part) -> Iterator[Part]:
    yield part
    for one in part.parts:
        yield from _walk(one)


def _fitted(columns: list[Column], choice: _Choice, room: int) -> list[Column]:
    return columns if len(columns) <= room else _pleated(columns, choice, 2)


@dataclass(frozen=True)
class _Choice:
    level: Level
    opened: frozenset[str]
    shut: frozenset[str]
    pleats: tuple[tuple[int, int], ...] = ()

    def has_opened(self, pleat: Column) -> bool:
        """Whether a pleat was opened, or is what is left of one that was."""
        first, last = pleat.parts[0].first, pleat.parts[-1].last
        return any(first < end and start < last for start, end in self.pleats)


def _is_stage(column: Column) -> bool:
    return len(column.parts) == 1 and column.parts[0].folds and column.parts[0].only_holds


def _columns(part: Part, stage: str, choice: _Choice, wrapper: bool = True) -> list[Column]:
    """The columns inside an opened part; a wrapper holds nearly all of the network."""
    found: list[Column] = []
    run: list[Part] = []
    for one in [*part.parts, None]:
        if one is not None and not one.folds:
            run.append(one)
            continue
        found.extend(_grouped(run, stage, choice))
        run.clear()
        if one is None:
            break
        wraps = wrapper and len(one.ops) >= WRAPPED * len(part.ops)
        if (one.key in choice.opened or choice.level == "operations" or wraps) and one.key not in choice.shut:
            found.extend(_columns(one, one.key, choice, wraps))
        else:
            found.append(Column([one], stage))
    return found


def _grouped(run: Sequence[Part], stage: str, choice: _Choice) -> Iterator[Column]:
    """Single operations side by side: each that mixes begins a column, the others join it."""
    if choice.level == "operations":
        yield from (Column([one], stage) for one in run)
        return
    group: list[Part] = []
    for one in [*run, None]:
        if group and (one is None or one.ops[0].macs > 0):
            column = Column(group, stage)
            if column.key in choice.opened:
                yield from (Column([each], stage) for each in group)
            else:
                yield column
            group = []
        if one is not None:
            group.append(one)


def _pleated(columns: list[Column], choice: _Choice, ends: int) -> list[Column]:
    """Rows of equal blocks as the first, those between, and the last (ends=2), or as one column (ends=1)."""
    found: list[Column] = []
    at = 0
    while at < len(columns):
        until = at + 1
        while until < len(columns) and _alike(columns[at], columns[until]):
            until += 1
        row = columns[at:until]
        inner = row if ends == 1 else row[1:-1]
        pleat = Column([column.parts[0] for column in inner], row[0].stage, len(inner)) if inner else None
        if len(row) >= ALIKE and pleat is not None and not choice.has_opened(pleat):
            found += [pleat] if ends == 1 else [row[0], pleat, row[-1]]
        else:
            found += row
        at = until
    return found


def _alike(one: Column, other: Column) -> bool:
    return (
        len(one.parts) == len(other.parts) == 1
        and one.stage == other.stage
        and one.parts[0].folds
        and one.parts[0].shape == other.parts[0].shape
    )
