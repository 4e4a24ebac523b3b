"""What is changed while a module runs: the output of chosen ops, as if they had computed something else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from glasswork.randomness import kept_random_state
from glasswork.tracing.errors import BadEdit
from glasswork.tracing.writes import about_to_write, tensors_in

Index = int | tuple[Any, ...]
Edit = Callable[[torch.Tensor], torch.Tensor] | torch.Tensor | Mapping[Index, Any] | float
Key = tuple[str, str, int]  # module, name and how-manieth call: the same op in another run, also after others are gone


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One edit of one tensor.

    Attributes:
        edit: a function of the tensor; a tensor to put in its place; a mask (of bools), which leaves what is True and
            clears the rest; single elements by index; or one number for all.
        where: whose tensor it is, for errors.
    """

    edit: Edit
    where: str

    def __call__(self, tensor: torch.Tensor) -> torch.Tensor:
        """What becomes of a tensor: a new one of its shape and dtype."""
        with kept_random_state():  # an edit that draws must not shift what the module draws after it
            try:
                changed = self._changed(tensor)
            except (RuntimeError, IndexError, TypeError, ValueError) as error:
                raise self._misfit(tensor, f"{type(error).__name__}: {str(error).splitlines()[0]}") from error
        if not isinstance(changed, torch.Tensor) or changed.shape != tensor.shape:
            found = list(changed.shape) if isinstance(changed, torch.Tensor) else type(changed).__name__
            raise self._misfit(tensor, f"it gives {found}")
        return changed.to(tensor.dtype)

    def _changed(self, tensor: torch.Tensor) -> torch.Tensor:
        edit = self.edit
        if isinstance(edit, torch.Tensor):
            edit = edit.detach().to(tensor.device)
            if edit.dtype == torch.bool and tensor.dtype != torch.bool:
                return torch.where(edit, tensor, torch.zeros((), dtype=tensor.dtype, device=tensor.device))
            return edit.expand(tensor.shape).clone()
        if callable(edit):
            return edit(tensor)
        if isinstance(edit, Mapping):
            changed = tensor.clone()
            for index, number in edit.items():
                changed[index] = number
            return changed
        return torch.full_like(tensor, edit)

    def _misfit(self, tensor: torch.Tensor, why: str) -> BadEdit:
        return BadEdit(
            f"The edit does not fit {self.where}",
            where=f"a {list(tensor.shape)} tensor",
            why=why,
            todo="give a function, a tensor or a mask of this shape, {index: number}, or one number",
        )

    def __str__(self) -> str:
        edit = self.edit
        if isinstance(edit, torch.Tensor):
            kind = "kept by a mask" if edit.dtype == torch.bool else "set to a tensor"
            return f"{kind} {list(edit.shape)}"
        if isinstance(edit, Mapping):
            shown = [f"[{','.join(map(str, _tuple(index)))}] set to {number}" for index, number in edit.items()]
            return "; ".join(shown[:8]) + (f"; and {len(shown) - 8} more" if len(shown) > 8 else "")
        if callable(edit):
            return getattr(edit, "words", "") or f"changed by {getattr(edit, '__name__', type(edit).__name__)}"
        return f"set to {edit:g}"


def _tuple(index: Index) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else (index,)


class Edits:
    """Runs ops in a recorder's place; what an edited one returns goes through its changes.

    Args:
        changes: for each op, by slot of its outputs, what becomes of it.

    Attributes:
        met: the edited ops that did run.
    """

    def __init__(self, changes: Mapping[Key, Mapping[int, Change]]) -> None:
        self._changes = changes
        self._counts: Counter[tuple[str, str]] = Counter()
        self.met: set[Key] = set()

    def run(
        self, module: str, name: str, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Any, str]:
        """Call the function of the next op of this name in this module.

        Returns:
            What it gave, edited, and what was made of it in words: "" where nothing was.
        """
        place = (module, name)
        changes = self._changes.get((*place, self._counts[place] + 1))
        if changes is None:
            output = function(*args, **kwargs)
        else:
            # what is saved for backward is copied, since an in-place op's output is about to be written once more
            with torch.autograd.graph.saved_tensors_hooks(torch.clone, _as_it_is):
                output = function(*args, **kwargs)
        made = tensors_in(output)
        if not made and name in ("setitem", "delitem"):
            made = tensors_in(args[0])  # x[i] = v returns nothing: what it made is x
        if not made:
            return output, ""
        self._counts[place] += 1
        if changes is None:
            return output, ""
        self.met.add((*place, self._counts[place]))
        written = about_to_write(getattr(function, "__name__", ""), function, args, kwargs)
        new: dict[int, torch.Tensor] = {}
        for slot, change in changes.items():
            tensor = made[slot]
            changed = change(tensor.clone())
            if any(tensor is other for other in written):  # whoever holds the tensor sees the new numbers too
                tensor.copy_(changed)
                continue
            if tensor.requires_grad and not changed.requires_grad:  # what reads it still has a gradient
                changed = changed.detach().requires_grad_()
            new[id(tensor)] = changed
        return _replaced(output, new), "; ".join(map(str, changes.values()))


def _as_it_is(tensor: torch.Tensor) -> torch.Tensor:
    return tensor


def _replaced(tree: Any, new: Mapping[int, torch.Tensor]) -> Any:
    if not new:
        return tree
    if isinstance(tree, torch.Tensor):
        return new.get(id(tree), tree)
    if isinstance(tree, (tuple, list)):
        items = [_replaced(item, new) for item in tree]
        if type(tree) in (tuple, list):
            return type(tree)(items)
        return type(tree)(*items) if hasattr(tree, "_fields") else type(tree)(items)  # torch.return_types take a list
    return tree
