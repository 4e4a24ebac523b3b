"""What is given to the module: its tensors named, and fed so that the caller's own stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from glasswork.tracing.moments import Moments
from glasswork.tracing.values import Value


def feed(
    inputs: Sequence[Any], kwargs: Mapping[str, Any], moments: Moments, backward: bool
) -> tuple[tuple[Any, ...], dict[str, Any], dict[str, Value]]:
    """The arguments to call the module with, and the Values of their tensors by name.

    Forward only, the module gets the caller's very tensors. Backward, each floating tensor is replaced by a copy that
    requires grad (a copy, so that in-place layers may write on it); the same tensor given twice stays one.

    Returns:
        The arguments in the structure of `inputs` and of `kwargs`, and {"input": Value, "input.1": Value, ...};
        one given by keyword is "input.KEY".
    """
    feeder = _Feeder(moments, backward)
    alone = len(inputs) == 1 and not kwargs
    arguments = [feeder.walk(item, "input" if alone else f"input.{place}") for place, item in enumerate(inputs)]
    by_keyword = {key: feeder.walk(item, f"input.{key}") for key, item in kwargs.items()}
    return tuple(arguments), by_keyword, feeder.values


class _Feeder:
    """Walks the arguments; a class, since functions that call themselves are cycles that would hold the run."""

    def __init__(self, moments: Moments, backward: bool) -> None:
        self.values: dict[str, Value] = {}
        self._fed: dict[int, torch.Tensor] = {}
        self._moments = moments
        self._backward = backward

    def walk(self, item: Any, path: str) -> Any:
        if isinstance(item, torch.Tensor):
            return self.give(item, path)
        if type(item) is dict:
            return {key: self.walk(part, f"{path}.{key}") for key, part in item.items()}
        if isinstance(item, tuple) and hasattr(item, "_fields"):
            named = zip(getattr(item, "_fields", ()), item, strict=True)
            return type(item)(*[self.walk(part, f"{path}.{key}") for key, part in named])
        if type(item) is list or type(item) is tuple:
            parts = [self.walk(part, f"{path}.{place}") for place, part in enumerate(item)]
            return parts if type(item) is list else tuple(parts)
        return item

    def give(self, tensor: torch.Tensor, path: str) -> torch.Tensor:
        if id(tensor) in self._fed:
            return self._fed[id(tensor)]
        data = tensor.detach().clone()  # the caller may write on theirs after the run; the trace must not change
        given, leaf = tensor, None
        if self._backward and (tensor.is_floating_point() or tensor.is_complex()):
            leaf = tensor.detach().requires_grad_()
            given = leaf.clone()
        name = "input" if path == "input.0" else path
        self.values[name] = self._moments.note_input(given, data, name, leaf)
        self._fed[id(tensor)] = given
        return given


def leaves(tree: Any) -> Iterator[torch.Tensor]:
    """The tensors of anything a module may return: also dataclasses and the mappings of other libraries."""
    if isinstance(tree, torch.Tensor):
        yield tree
    elif isinstance(tree, Mapping):
        for item in tree.values():
            yield from leaves(item)
    elif isinstance(tree, (tuple, list)):
        for item in tree:
            yield from leaves(item)
    elif hasattr(tree, "__dataclass_fields__"):
        for name in tree.__dataclass_fields__:
            yield from leaves(getattr(tree, name))
