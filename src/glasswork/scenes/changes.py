"""What if: changes of single numbers and whole channels, as a page asks for them and as `rerun` takes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.scenes.messages import Edit
from glasswork.tracing import Comparison, Op, Trace
from glasswork.tracing.edits import Edit as Change

MOST = 256
"""So many changes at once."""


def changes(
    trace: Trace, edits: Sequence[Edit], others: Callable[[str], Trace] | None = None
) -> dict[Op | str | int, Change]:
    """What becomes of each changed tensor, by its address.

    Args:
        trace: the run that is changed.
        edits: how.
        others: gives the runs that numbers are taken from.

    Raises:
        GlassworkError: there is no such tensor or place, or a value is no number.
    """
    if len(edits) > MOST:
        raise GlassworkError(
            "these are too many changes", where="What if", why=f"{len(edits)} of at most {MOST}", todo="Undo some."
        )
    found: dict[str, list[Edit]] = {}
    for edit in edits:
        value = trace.value(edit.at)
        _check(edit, value.shape)
        found.setdefault(edit.at, []).append(edit)
    taken = {
        (edit.other, edit.at): others(edit.other).value(edit.at).tensor.detach()
        for edit in edits
        if edit.action == "patch" and others is not None
    }
    return {path: _together(group, taken) for path, group in found.items()}


def _check(edit: Edit, shape: tuple[int, ...]) -> None:
    fits = len(edit.index) == len(shape) and all(0 <= at < size for at, size in zip(edit.index, shape, strict=True))
    if not fits or not (edit.axis is None or 0 <= edit.axis < len(shape)):
        raise GlassworkError(
            f"{edit.index} does not point into {edit.at}",
            where="What if",
            why=f"its shape is {list(shape)}",
            todo="Choose the number on the page.",
        )
    if not math.isfinite(edit.value) or abs(edit.value) > torch.finfo(torch.float32).max:
        raise GlassworkError(
            "this is no number that a tensor holds", where=edit.at, why=str(edit.value), todo="Give another one."
        )


def _together(edits: Sequence[Edit], taken: Mapping[tuple[str, str], Tensor]) -> Callable[[Tensor], Tensor]:
    def change(tensor: Tensor) -> Tensor:
        changed = tensor.clone()
        for edit in edits:
            place = _place(edit)
            if edit.action == "patch":
                changed[place] = taken[edit.other, edit.at][_at(edit.other_index, edit.axis)]
                continue
            changed[place] = changed[place] * edit.value if edit.action == "scale" else _number(edit)
        return changed

    change.words = "; ".join(map(in_words, edits))  # type: ignore[attr-defined]
    return change


def _place(edit: Edit) -> tuple[int | slice, ...]:
    return _at(edit.index, edit.axis)


def _at(index: Sequence[int], axis: int | None) -> tuple[int | slice, ...]:
    if axis is None:
        return tuple(index)
    return tuple(at if each == axis else slice(None) for each, at in enumerate(index))


def _number(edit: Edit) -> float:
    return 0.0 if edit.action == "off" else edit.value


def in_words(edit: Edit) -> str:
    """ "[:,7,:,:] switched off", as it stands on a card."""
    place = _place(edit)
    index = ",".join(str(at) if isinstance(at, int) else ":" for at in place)
    if edit.action == "off":
        return f"[{index}] switched off"
    if edit.action == "patch":
        return f"[{index}] taken from trace:{edit.other}"
    return f"[{index}] {'times' if edit.action == 'scale' else 'set to'} {edit.value:g}"


class Differences:
    """New - old between a changed run and the one before, for the tensors that both have in one shape."""

    def __init__(self, before: Trace, after: Trace) -> None:
        self._pair = Comparison(before, after, (), (), (), (), None)  # only what is drawn is subtracted
        self._before = before

    def of(self, path: str, shape: tuple[int, ...]) -> Tensor | None:
        """fp64, of the shape of both; None where only one of the runs has this tensor, or in another shape."""
        try:
            if self._before.value(path).shape != shape:
                return None
            return self._pair.of(path)
        except GlassworkError:
            return None

    def of_slopes(self, path: str, slopes: Tensor | None) -> Tensor | None:
        """The same for slopes, fp64, of the shape of `slopes`; where nothing depends on them they are 0."""
        if slopes is None:
            return None
        try:
            before = self._before.value(path)
        except GlassworkError:
            return None
        if before.shape != slopes.shape:
            return None
        return slopes.double() - (0 if before.grad is None else before.grad.double())
