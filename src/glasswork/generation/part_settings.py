"""One setting of a pipeline's part after another, each held to what can be read; what can't is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glasswork.errors import GlassworkError

MOST_LAYERS, MOST_LEVELS = 200, 12  # of a network
MOST = 1_000_000


def unread(what: str, path: Path) -> GlassworkError:
    """What is said of a setting that can't be read."""
    todo = "Stable Diffusion 1.x, 2.x and XL are read, and what has their parts."
    return GlassworkError(
        "this part of the pipeline is of a kind that is not read", where=str(path), why=what, todo=todo
    )


def only(told: Mapping[str, Any], path: Path, usual: Mapping[str, Any]) -> None:
    """Refuse a setting that is there, and is another than the usual.

    Raises:
        GlassworkError: the first that is.
    """
    for name, value in usual.items():
        if name in told and told[name] != value:
            raise unread(f"{name} {told[name]!r}; only {value!r} is read", path)


def one_of(told: Mapping[str, Any], name: str, known: tuple[Any, ...], path: Path) -> Any:
    """A setting that has a few values; the first of them where it isn't there.

    Raises:
        GlassworkError: it is another.
    """
    value = told.get(name, known[0])
    if not any(type(value) is type(one) and value == one for one in known):
        raise unread(f"{name} {str(value)[:80]!r}; known are {', '.join(map(repr, known))}", path)
    return value


def whole(told: Mapping[str, Any], name: str, path: Path, most: int = MOST) -> int:
    """A number from 1 to `most`.

    Raises:
        GlassworkError: it is none.
    """
    value = told.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= most:
        raise unread(f"{name} is {str(value)[:80]}, not a whole number from 1 to {most:,}", path)
    return value


def number(told: Mapping[str, Any], name: str, path: Path) -> float:
    """Any number.

    Raises:
        GlassworkError: it is none.
    """
    value = told.get(name)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise unread(f"{name} is {str(value)[:80]}, not a number", path)
    return float(value)


def listed(told: Mapping[str, Any], name: str, path: Path) -> list[int]:
    """Whole numbers, one for each size.

    Raises:
        GlassworkError: they are none, or too many.
    """
    value = told.get(name)
    if not isinstance(value, list) or not 0 < len(value) <= MOST_LEVELS:
        raise unread(f"{name} is {str(value)[:80]}, not a list of whole numbers", path)
    if not all(isinstance(one, int) and one > 0 for one in value):
        raise unread(f"{name} is {str(value)[:80]}, not a list of whole numbers", path)
    return value


def kinds(told: Mapping[str, Any], name: str, known: tuple[str, ...], path: Path) -> list[str]:
    """Names of blocks, one for each size.

    Raises:
        GlassworkError: one of them is not known.
    """
    value = told.get(name)
    if not isinstance(value, list) or not all(one in known for one in value):
        raise unread(f"{name} is {str(value)[:200]}; known are {', '.join(known)}", path)
    return value
