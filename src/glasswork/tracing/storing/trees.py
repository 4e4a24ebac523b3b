"""The arguments of an op as JSON, and back: what has no form there becomes an Opaque, never code."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from glasswork.tracing.values import Value

_KINDS: dict[str, type] = {"dtype": torch.dtype, "layout": torch.layout, "memory_format": torch.memory_format}
_CONSTANTS: dict[str, Any] = {
    str(item).removeprefix("torch."): item for item in vars(torch).values() if isinstance(item, tuple(_KINDS.values()))
}
_DEEPEST = 32


class Opaque:
    """Stands for an argument that can't be written down: a function, or an object of somebody's own class.

    Attributes:
        what: the name of its class.
    """

    def __init__(self, what: str) -> None:
        self.what = what

    def __repr__(self) -> str:
        return f"<{self.what}>"


def packed(tree: Any, place: Callable[[Value | torch.Tensor], dict[str, Any]], deep: int = 0) -> Any:
    """A tree of arguments as JSON.

    Args:
        tree: what an Op keeps, or what a module returned.
        place: what stands for a Value or a tensor.
        deep: how many levels are around it.
    """
    if tree is None or isinstance(tree, (bool, str)):
        return tree
    if isinstance(tree, (Value, torch.Tensor)):
        return place(tree)
    if isinstance(tree, torch.SymInt):
        tree = int(tree)
    if isinstance(tree, int):
        return tree if abs(tree) < 1 << 53 else {"int": str(int(tree))}
    if isinstance(tree, float):
        return float(tree) if math.isfinite(tree) else {"float": str(float(tree))}
    if isinstance(tree, complex):
        return {"complex": [packed(tree.real, place), packed(tree.imag, place)]}
    if deep > _DEEPEST:
        return {"opaque": "something nested deeply"}

    def inner(item: Any) -> Any:
        return packed(item, place, deep + 1)

    if isinstance(tree, torch.Size):
        return {"size": [int(size) for size in tree]}
    if isinstance(tree, list):
        return [inner(item) for item in tree]
    if isinstance(tree, tuple):
        return {"tuple": [inner(item) for item in tree]}
    if isinstance(tree, Mapping):
        return {"dict": [[inner(key), inner(item)] for key, item in tree.items()]}
    if isinstance(tree, slice):
        return {"slice": [inner(tree.start), inner(tree.stop), inner(tree.step)]}
    if tree is Ellipsis:
        return {"ellipsis": True}
    if isinstance(tree, torch.device):
        return {"device": str(tree)}
    if isinstance(tree, tuple(_KINDS.values())):
        return {"torch": str(tree).removeprefix("torch.")}
    if hasattr(tree, "__dataclass_fields__") and not isinstance(tree, type):
        return {"dict": [[name, inner(getattr(tree, name, None))] for name in tree.__dataclass_fields__]}
    return {"opaque": type(tree).__name__}


def unpacked(tree: Any, take: Callable[[str, Any], Any], deep: int = 0) -> Any:
    """A tree of arguments from JSON.

    Args:
        tree: what `packed` made, or somebody's forgery of it.
        take: gives what stands for {"value": ...} or {"tensor": ...}.
        deep: how many levels are around it.

    Raises:
        ValueError: it is none of the forms that `packed` makes.
    """
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return tree
    if deep > 4 * _DEEPEST:
        raise ValueError("an argument is nested too deeply")
    if isinstance(tree, list):
        return [unpacked(item, take, deep + 1) for item in tree]
    if not isinstance(tree, dict) or len(tree) != 1:
        raise ValueError("an argument has no known form")
    ((kind, held),) = tree.items()
    if kind in ("value", "tensor"):
        return take(kind, held)
    reader = _READERS.get(kind)
    if reader is None:
        raise ValueError(f"an argument is of an unknown kind, {kind[:40]!r}")
    try:
        return reader(held, lambda item: unpacked(item, take, deep + 1))
    except (TypeError, KeyError, RuntimeError) as error:
        raise ValueError(f"an argument is no proper {kind}") from error


Inner = Callable[[Any], Any]


def _list(held: Any, size: int | None = None) -> list[Any]:
    if not isinstance(held, list) or (size is not None and len(held) != size):
        raise ValueError("an argument is no list of its kind")
    return held


def _slice(held: Any, inner: Inner) -> slice:
    return slice(*(inner(item) for item in _list(held, 3)))


def _dict(held: Any, inner: Inner) -> dict[Any, Any]:
    return {inner(key): inner(item) for key, item in (_list(pair, 2) for pair in _list(held))}


def _text(held: Any, longest: int = 40) -> str:
    if not isinstance(held, str) or len(held) > longest:
        raise ValueError("an argument is no short text")
    return held


_READERS: dict[str, Callable[[Any, Inner], Any]] = {
    "int": lambda held, inner: int(_text(held)),
    "float": lambda held, inner: {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[held],
    "complex": lambda held, inner: complex(*(float(inner(part)) for part in _list(held, 2))),
    "size": lambda held, inner: torch.Size(_list(held)),
    "tuple": lambda held, inner: tuple(inner(item) for item in _list(held)),
    "dict": _dict,
    "slice": _slice,
    "ellipsis": lambda held, inner: Ellipsis,
    "device": lambda held, inner: torch.device("cpu"),  # wherever it was: the tensors are here now
    "torch": lambda held, inner: _CONSTANTS[held],
    "opaque": lambda held, inner: Opaque(_text(held, 200)),
}
