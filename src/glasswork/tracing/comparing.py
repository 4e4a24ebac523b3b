"""What became different between two runs, op by op."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from glasswork.tracing.graph import Trace
from glasswork.tracing.ops import Op
from glasswork.tracing.values import Value

_UNDEFINED = frozenset(["empty", "empty_like", "new_empty", "empty_strided", "new_empty_strided", "empty_permuted"])


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one tensor of the second run is from the same one in the first: new - old.

    Attributes:
        path: its address in both.
        shape: its shape in both.
        largest: the largest absolute difference; infinite where only one of the two is finite.
        mean: the mean absolute difference.
        grad: the largest absolute difference of its gradients; None where one of the two has none.
    """

    path: str
    shape: tuple[int, ...]
    largest: float
    mean: float
    grad: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two runs side by side.

    Attributes:
        first, second: the runs.
        differences: of each output of each op that is in both runs with the same shape, in the first run's order; those
            of `empty` and its like are left out, since they hold whatever stood in memory.
        reshaped: the paths of ops that are in both, with outputs of different shapes.
        gone: the paths of ops that only the first run has.
        new: the paths of ops that only the second has.
        parted: the first op of the second run that the first did not come to at the same place, or the first that is
            missing; None where both went the same way.
    """

    first: Trace
    second: Trace
    differences: tuple[Difference, ...]
    reshaped: tuple[str, ...]
    gone: tuple[str, ...]
    new: tuple[str, ...]
    parted: str | None

    @property
    def changed(self) -> tuple[Difference, ...]:
        """Those that are not zero."""
        return tuple(one for one in self.differences if one.largest > 0)

    @property
    def largest(self) -> Difference | None:
        """The largest one."""
        return max(self.differences, key=lambda one: one.largest, default=None)

    def of(self, path: str) -> torch.Tensor:
        """New - old, element by element, of whatever `path` names in both runs; UnknownAddress if it is not in both."""
        return _subtracted(self.second.value(path), self.first.value(path))


def compare(first: Trace, second: Trace) -> Comparison:
    """What the second of two runs has different: a rerun, another input, another step of training.

    Ops are matched by module, name and call, so that the runs may have taken different ways.
    """
    known = {_key(op): op for op in second.ops}
    before = {_key(op) for op in first.ops}
    differences: list[Difference] = []
    reshaped: list[str] = []
    gone: list[str] = []
    for op in first.ops:
        other = known.get(_key(op))
        if other is None:
            gone.append(op.path)
        elif [v.shape for v in op.outputs] != [v.shape for v in other.outputs]:
            reshaped.append(op.path)
        elif op.name not in _UNDEFINED:
            differences += [_difference(a, b) for a, b in zip(op.outputs, other.outputs, strict=True)]
    new = [op.path for op in second.ops if _key(op) not in before]
    return Comparison(
        first, second, tuple(differences), tuple(reshaped), tuple(gone), tuple(new), _parted(first.ops, second.ops)
    )


def _key(op: Op) -> tuple[str, str, int]:
    return op.module, op.name, op.call


def _parted(first: Sequence[Op], second: Sequence[Op]) -> str | None:
    for old, new in zip(first, second, strict=False):
        if _key(old) != _key(new):
            return new.path
    if len(first) == len(second):
        return None
    return (first if len(first) > len(second) else second)[min(len(first), len(second))].path


def _difference(old: Value, new: Value) -> Difference:
    apart = _subtracted(new, old).abs()
    largest = apart.max().item() if apart.numel() else 0.0
    mean = apart.mean().item() if apart.numel() else 0.0
    grad = None
    old_grad, new_grad = old.grad, new.grad
    if old_grad is not None and new_grad is not None:
        steps = _apart(new_grad, old_grad).abs()
        grad = steps.max().item() if steps.numel() else 0.0
    return Difference(str(old.path), old.shape, largest, mean, grad)


def _subtracted(new: Value, old: Value) -> torch.Tensor:
    return _apart(new.tensor, old.tensor)


def _apart(new: torch.Tensor, old: torch.Tensor) -> torch.Tensor:
    """new - old in fp64; 0 where both are the same infinity or both NaN."""
    kind = torch.complex128 if new.is_complex() or old.is_complex() else torch.float64
    new, old = new.to(kind), old.to(kind)
    apart = new - old
    same = (new == old) | (new.isnan() & old.isnan())
    apart[same] = 0.0
    apart[apart.isnan()] = torch.inf  # one of them is NaN, or infinite the other way
    return apart
