"""Which networks there are: each file of this folder enrols its own, with its named sizes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from torch import nn

import glasswork.networks
from glasswork.errors import GlassworkError, unknown

Factory = Callable[..., nn.Module]


@dataclass(frozen=True)
class Reference:
    """A network that can be built.

    Attributes:
        name: its name, such as "tiny_vgg".
        factory: makes the bare, random module from sizes.
        sizes: every size by name, with its default.
        paper: where it is from.
    """

    name: str
    factory: Factory
    sizes: dict[str, int]
    paper: str


_references: dict[str, Reference] = {}


def network(*, paper: str) -> Callable[[type[nn.Module]], type[nn.Module]]:
    """Enrol a module class; its keyword-only arguments are the sizes. Its name is its file's."""

    def enrol(cls: type[nn.Module]) -> type[nn.Module]:
        name = cls.__module__.rsplit(".", 1)[-1]
        parameters = inspect.signature(cls).parameters.values()
        sizes = {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
        _references[name] = Reference(name, cls, sizes, paper)
        return cls

    return enrol


@cache
def _discover() -> None:
    for module in pkgutil.iter_modules(glasswork.networks.__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"glasswork.networks.{module.name}")


def names() -> list[str]:
    """The names of all reference networks."""
    _discover()
    return sorted(_references)


def reference(name: str) -> Reference:
    """What is known of a network before it is built.

    Raises:
        GlassworkError: no such network.
    """
    known = names()
    if name not in _references:
        raise unknown("network", name, known)
    return _references[name]


def build(name: str, **sizes: int) -> nn.Module:
    """Build a bare network with random weights (torch's global generator).

    Args:
        name: one of names().
        sizes: those that differ from the defaults in reference(name).sizes.

    Raises:
        GlassworkError: no such network or size, or sizes that leave nothing to compute.
    """
    wanted = reference(name)
    for size in sizes:
        if size not in wanted.sizes:
            raise unknown(f"size of {name}", size, list(wanted.sizes))
    try:
        return wanted.factory(**sizes)
    except ValueError as error:
        raise GlassworkError(f"{name} can't be built", why=str(error), todo="Choose other sizes.") from error
