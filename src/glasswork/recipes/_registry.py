"""Which recipes there are: each file of this folder enrols its own."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from functools import cache

import glasswork.recipes
from glasswork.errors import unknown
from glasswork.training import Config

_recipes: dict[str, Callable[[], Config]] = {}


def recipe(make: Callable[[], Config]) -> Callable[[], Config]:
    """Enrol a function that returns a whole run; `tiny_vgg_emoji` becomes the recipe "tiny-vgg-emoji"."""
    _recipes[make.__name__.replace("_", "-")] = make
    return make


@cache
def _discover() -> None:
    for module in pkgutil.iter_modules(glasswork.recipes.__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"glasswork.recipes.{module.name}")


def names() -> list[str]:
    """The names of all recipes."""
    _discover()
    return sorted(_recipes)


def about(name: str) -> str:
    """What a recipe says of itself, in a line.

    Raises:
        GlassworkError: no such recipe.
    """
    config(name)
    return (inspect.getdoc(_recipes[name]) or "").partition("\n")[0]


def config(name: str) -> Config:
    """The run that a recipe names.

    Raises:
        GlassworkError: no such recipe.
    """
    known = names()
    if name not in _recipes:
        raise unknown("recipe", name, known)
    return _recipes[name]()
