"""What is changed while a module runs: the output of chosen ops, as if they had computed something else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

from glasswork.tracing.ops import Op
from glasswork.tracing.writes import tensors_in

Change = Callable[[torch.Tensor], torch.Tensor]
Key = tuple[str, str, int]  # module, name and how-manieth call: the same op in another run, also after others are gone


class Edits:
    """Runs ops in a recorder's place; what an edited one returns goes through its change.

    Args:
        changes: for each op, by slot of its outputs, what becomes of it.
    """

    def __init__(self, changes: Mapping[Key, Mapping[int, Change]]) -> None:
        self._changes = changes
        self._counts: Counter[tuple[str, str]] = Counter()
        self.met: set[Key] = set()  # the edited ops that did run

    def run(self, op: Op, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Call an op's function; `op` is what the recorder knows of it before it has run."""
        place = (op.module, op.name)
        key = (*place, self._counts[place] + 1)
        changes = self._changes.get(key)
        if changes is None:
            output = function(*args, **kwargs)
            if tensors_in(output) or function.__name__ in ("__setitem__", "__delitem__"):
                self._counts[place] += 1
            return output
        self._counts[place] += 1
        self.met.add(key)
        with torch.autograd.graph.saved_tensors_hooks(torch.clone, _as_it_is):
            output = function(*args, **kwargs)
        made = tensors_in(output) or tensors_in(args[:1])  # x[i] = v returns nothing: what it wrote is x
        given = tensors_in([args, kwargs])
        new: dict[int, torch.Tensor] = {}
        for slot, change in changes.items():
            tensor = made[slot]
            changed = change(tensor.clone())
            if any(tensor is other for other in given):  # in place: those who hold the tensor see the new numbers too
                with torch.autograd.graph.saved_tensors_hooks(torch.clone, _as_it_is):
                    tensor.copy_(changed)
            else:
                new[id(tensor)] = changed
        return _replaced(output, new)


def _as_it_is(tensor: torch.Tensor) -> torch.Tensor:
    return tensor


def _replaced(tree: Any, new: Mapping[int, torch.Tensor]) -> Any:
    if not new:
        return tree
    if isinstance(tree, torch.Tensor):
        return new.get(id(tree), tree)
    if isinstance(tree, (tuple, list)):
        items = [_replaced(item, new) for item in tree]
        return type(tree)(items) if not hasattr(tree, "_fields") else type(tree)(*items)
    return tree


def words(change: Any) -> str:
    """An edit, to read."""
    if isinstance(change, torch.Tensor):
        return f"a tensor {list(change.shape)}"
    if isinstance(change, Mapping):
        return "; ".join(f"{_index(index)} = {number:g}" for index, number in change.items())
    return getattr(change, "__name__", None) or type(change).__name__


def _index(index: int | Iterable[int]) -> str:
    places = (index,) if isinstance(index, int) else index
    return f"[{','.join(map(str, places))}]"
