"""What a reader must know of a run beside its numbers: where it ended early, and what in it is not as it seems."""

from __future__ import annotations

import contextlib
import math
import re
from weakref import WeakKeyDictionary

import torch

from glasswork.errors import GlassworkError
from glasswork.scenes.messages import Note, Trouble
from glasswork.tracing import Trace, Value
from glasswork.tracing.rebuilding import can_rebuild

FOLDERS = re.compile(r"(?<![\w.:/\\])(?:[A-Za-z]:)?[/\\](?:[^\s/\\:'\"<>|]+[/\\])+")
MOST = 2000
"""Characters of a reader's own message that a page shows."""


def without_folders(text: str) -> str:
    """A text in which files of this machine go by their last name."""
    return FOLDERS.sub("", text)


def trouble(trace: Trace) -> Trouble | None:
    """Where a run ended early; None for one that finished."""
    failure = trace.failure
    if failure is None:
        return None
    place = failure.module or "the network itself"
    given = " and ".join("×".join(map(str, shape)) or "a number" for shape in failure.shapes)
    why = [f"{without_folders(failure.cause)[:MOST].rstrip('. ')}."]
    if failure.expected:
        why.append(f"{failure.expected}.")
    if given:
        why.append(f"It was given {given}.")
    ran = len(trace.ops)
    return Trouble(
        what=f"{failure.op} can't take what it gets, in {place}" if failure.op else f"{place} raised an error",
        where="" if failure.source is None else f"{failure.source.place}, in {failure.source.function}",
        why=" ".join(why),
        todo=f"The {ran:,} operations before it are below." if ran else "No operation ran before it.",
        module=failure.module,
    )


_notes: WeakKeyDictionary[Trace, list[Note]] = WeakKeyDictionary()


def notes(trace: Trace) -> list[Note]:
    """What is not as it seems: numbers that are none, kernels that tracing turns off, what fused operations hide.

    Found once for each trace: all its numbers are looked at, and a page asks again with each fold.
    """
    if trace not in _notes:
        _notes[trace] = _found(trace)
    return _notes[trace]


def _found(trace: Trace) -> list[Note]:
    found: list[Note] = []
    bad = None if _is_bare(trace) else trace.first_not_finite()
    if bad is not None:
        found.append(_not_finite(bad))
    if _is_bare(trace):
        found.append(Note(kind="not_kept", name=trace.module_type, count=len(trace.ops)))
    for one in trace.deviations:
        found.append(Note(kind="fast_path", name=one.module or "the network itself", size=one.difference))
    hidden = [op for op in trace.ops if can_rebuild(op) and not op.name.endswith("_norm")]
    for name in dict.fromkeys(op.name for op in hidden):
        alike = [op for op in hidden if op.name == name]
        # a use of it that nobody has written down, or what a forged file says of it
        with contextlib.suppress(GlassworkError if trace.recipe else Exception):
            found.append(Note(kind="hidden", name=name, count=len(alike), size=trace.rebuild(alike[0]).error))
    for path, words in trace.edits.items():
        if words.endswith("(but it did not run)"):
            found.append(Note(kind="edit_did_not_run", name=path))
    return found


def _is_bare(trace: Trace) -> bool:
    """Whether a trace was saved without its numbers."""
    return any(True for op in trace.ops for value in op.outputs) and all(
        value.data is None for op in trace.ops[:1] for value in op.outputs
    )


def _not_finite(value: Value) -> Note:
    """The first number that is none, with its place and how many there are beside it."""
    data = value.tensor
    bad = ~data.isfinite()
    place = torch.unravel_index(bad.flatten().int().argmax(), data.shape) if data.dim() else ()
    number = data[tuple(place)]
    is_nan = bool(number.isnan()) if data.is_complex() else math.isnan(number.item())
    index = ",".join(str(int(at)) for at in place)
    path = value.path or value.kind
    return Note(
        kind="nan" if is_nan else "infinite",
        name=path,
        at=f"{path}[{index}]" if value.path else "",
        count=int(bad.sum()),
        size=float(data.numel()),
    )
