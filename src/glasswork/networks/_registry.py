"""Which networks there are: each file of this folder enrols its own, with its sizes and the famous ones' names."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from torch import Tensor, nn

import glasswork.networks
from glasswork.errors import GlassworkError, unknown

Size = int | float | str
Class = TypeVar("Class", bound=type[nn.Module])


@dataclass(frozen=True)
class Reference:
    """An architecture that can be built at any size.

    Attributes:
        name: its name, such as "resnet".
        factory: makes the bare, random module from sizes.
        sizes: every size by name, with its default.
        named: the sizes that have a name in the field, such as "resnet152": {"depth": 152}; the rest are defaults.
        small: sizes at which it is whole, and runs in a moment.
        paper: where it is from.
    """

    name: str
    factory: Callable[..., nn.Module]
    sizes: dict[str, Any]
    named: dict[str, dict[str, Any]]
    small: dict[str, Any]
    paper: str


_references: dict[str, Reference] = {}


def network(
    *,
    paper: str,
    named: Mapping[str, Mapping[str, Size]] | None = None,
    small: Mapping[str, Size] | None = None,
) -> Callable[[Class], Class]:
    """Enrol a module class; its keyword-only arguments are the sizes. Its name is its file's.

    The class has a method `example(batch=1)`, which returns random inputs of the right kind, as a tuple.

    Args:
        paper: a link.
        named: see Reference.
        small: see Reference.
    """

    def enrol(cls: Class) -> Class:
        name = cls.__module__.rsplit(".", 1)[-1]
        parameters = inspect.signature(cls).parameters.values()
        sizes = {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
        presets = {key: dict(value) for key, value in (named or {}).items()}
        _references[name] = Reference(name, cls, sizes, presets, dict(small or {}), paper)
        return cls

    return enrol


@cache
def _discover() -> None:
    for module in pkgutil.iter_modules(glasswork.networks.__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"glasswork.networks.{module.name}")


def names() -> list[str]:
    """The names of all architectures."""
    _discover()
    return sorted(_references)


def named() -> dict[str, str]:
    """Every name that the field gives to an architecture of certain sizes, with that architecture's name."""
    return {name: architecture for architecture in names() for name in _references[architecture].named}


def reference(name: str) -> Reference:
    """What is known of an architecture before it is built.

    Raises:
        GlassworkError: no such network.
    """
    known = names()
    if name not in _references:
        raise unknown("network", name, known)
    return _references[name]


def sizes(name: str) -> dict[str, Any]:
    """Every size of a network of names() or named(), as it is built when nothing else is asked for.

    Raises:
        GlassworkError: no such network.
    """
    about = reference(named().get(name, name))
    return {**about.sizes, **about.named.get(name, {})}


def build(name: str, **sizes: Size) -> nn.Module:
    """Build a bare network with random weights (torch's global generator).

    Args:
        name: one of names(), such as "resnet", or of named(), such as "resnet152".
        sizes: those that differ from the defaults in reference(name).sizes, or from those that the name stands for.

    Raises:
        GlassworkError: no such network or size, or sizes that leave nothing to compute.
    """
    architecture = named().get(name, name)
    if architecture not in names():
        raise unknown("network", name, sorted({*names(), *named()}))
    wanted = reference(architecture)
    for size in sizes:
        if size not in wanted.sizes:
            raise unknown(f"size of {architecture}", size, list(wanted.sizes))
    try:
        return wanted.factory(**{**wanted.named.get(name, {}), **sizes})
    except ValueError as error:
        raise GlassworkError(f"{name} can't be built", why=str(error), todo="Choose other sizes.") from error


def example(module: nn.Module, batch: int = 1) -> tuple[Tensor, ...]:
    """Random inputs of a reference network's kind (torch's global generator), as the arguments of its forward."""
    make: Callable[[int], tuple[Tensor, ...]] = module.example  # pyright: ignore[reportAssignmentType]
    return make(batch)
