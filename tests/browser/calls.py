"""A function as a network called it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_leaves


@dataclass(frozen=True)
class Call:
    """A function as it was called; tensors as copies of that moment."""

    function: Callable[..., Any]
    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    reads: tuple[str | None, ...]
    """What each of its tensors is called, in order."""
    random: Tensor | None = None
    """The state of torch's generator when it was called, where it may draw inside."""


def tensors_of(tree: Any) -> list[Tensor]:
    """All tensors in nested tuples, lists, dicts and the outputs of transformers, in order."""
    return [one for one in tree_leaves(tree) if isinstance(one, Tensor)]
