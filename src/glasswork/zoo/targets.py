"""From the text that names a network to the network."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from glasswork import networks
from glasswork.errors import GlassworkError
from glasswork.randomness import seeded
from glasswork.zoo.converting import PREFIX, as_reference
from glasswork.zoo.detectors import AS_IT_IS, is_detector
from glasswork.zoo.libraries import from_timm, from_torchvision, from_transformers
from glasswork.zoo.network import Network
from glasswork.zoo.preprocessing import Preprocessing
from glasswork.zoo.references import is_reference, load_reference
from glasswork.zoo.shipping import RUN_CARD, load_run, load_shipped, shipped_names

FORMS = (
    "a network that ships, a reference network (glasswork networks), torchvision:NAME, timm:NAME, hf:FOLDER, "
    "file.py:factory, package.module:factory, or a run folder"
)
_LIBRARIES = {"torchvision": from_torchvision, "timm": from_timm, "hf": from_transformers}


def load(target: str) -> Network:
    """Load any network that a TARGET names. A factory runs the reader's own code; so does importing its file.

    Args:
        target: see FORMS.

    Raises:
        GlassworkError: nothing of this name, or it can't be loaded; says what was looked for.
    """
    if target in shipped_names():
        return load_shipped(target)
    if target.startswith(PREFIX):
        return as_reference(load(target.removeprefix(PREFIX)))
    if is_reference(target):
        return load_reference(target)
    library, separator, _ = target.partition(":")
    if separator and library in _LIBRARIES:
        return _LIBRARIES[library](target)
    if _is_folder(target):
        if not (Path(target) / RUN_CARD).is_file():
            raise GlassworkError(
                "this folder holds no finished run",
                where=target,
                why=f"there is no {RUN_CARD} in it",
                todo="Train first.",
            )
        return load_run(Path(target))
    place, separator, factory = target.rpartition(":")
    if separator and place and factory.isidentifier():
        return _made_by(target, _imported(place, target), factory)
    raise GlassworkError(
        f"there is no network called {target!r}",
        why=f"these ship: {', '.join(shipped_names()) or 'none'}; near it: {', '.join(_near(target)) or 'nothing'}",
        todo=f"A target is {FORMS}.",
    )


def _near(target: str) -> list[str]:
    known = [*shipped_names(), *networks.names(), *networks.named()]
    return difflib.get_close_matches(target, known, n=3)


def _is_folder(target: str) -> bool:
    try:
        return bool(target) and Path(target).is_dir()
    except OSError:  # longer than a name may be
        return False


def _imported(place: str, target: str) -> ModuleType:
    """The module at a path that ends in .py, or of an importable name; what lies beside it can be imported too."""
    try:
        if not place.endswith(".py"):
            _add_to_path(Path.cwd())  # as `python -m` does; an installed command does not
            return importlib.import_module(place)
        path = Path(place).resolve()
        spec = importlib.util.spec_from_file_location(f"glasswork_target_{path.stem}", path)
        if not path.is_file() or spec is None or spec.loader is None:
            raise GlassworkError("there is no such file", where=str(path), todo=f"A target is {FORMS}.")
        _add_to_path(path.parent)  # as `python FILE` does, and for good: a forward may import too
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses and pickling look a class's module up by name
        spec.loader.exec_module(module)
        return module
    except GlassworkError:
        raise
    except Exception as error:
        raise GlassworkError(
            f"{place} can't be imported",
            where=target,
            why=f"{type(error).__name__}: {error}",
            todo="Mend it, or its name.",
        ) from error


def _add_to_path(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _made_by(target: str, source: ModuleType, name: str) -> Network:
    factory: Callable[[], object] | None = getattr(source, name, None)
    if not callable(factory):
        callables = [key for key, value in vars(source).items() if callable(value) and not key.startswith("_")]
        raise GlassworkError(
            f"{source.__name__} has no factory {name!r}", where=target, why=f"it has: {', '.join(sorted(callables))}"
        )
    try:
        with seeded(0):  # random weights are the same ones each time that the target is loaded
            made = factory()
    except Exception as error:
        raise GlassworkError(
            f"{name}() failed",
            where=target,
            why=f"{type(error).__name__}: {error}",
            todo="A factory takes no arguments.",
        ) from error
    if isinstance(made, Network):
        return made
    if not isinstance(made, nn.Module):
        raise GlassworkError(
            f"{name}() made no network",
            where=target,
            why=f"expected a torch.nn.Module, found {type(made).__name__}",
            todo="Return the module.",
        )
    made.eval()
    return Network(
        target=target,
        name=name,
        title=_title(made, source, name),
        module=made,
        preprocess=AS_IT_IS if is_detector(made) else guess_preprocessing(made),
        labels=(),
        card=None,
        samples=(),
        after=None,
        weights="the factory's",
    )


CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
"""Modules whose class says nothing of what they are."""


def _title(made: nn.Module, source: ModuleType, factory: str) -> str:
    """The class that the reader wrote, and the file that it was made in."""
    kind = factory if type(made) in CONTAINERS else type(made).__name__
    return f"{kind} · {Path(source.__file__).name if source.__file__ else source.__name__}"


def guess_preprocessing(module: nn.Module) -> Preprocessing | None:
    """Guess what a network expects of a picture: its first convolution's channels, and the first size that runs.

    Returns:
        None when it has no 2-D convolution over grey or RGB pictures, or none of the tried sizes runs.
    """
    first = next((part for part in module.modules() if isinstance(part, nn.Conv2d)), None)
    if first is None or first.in_channels not in (1, 3):
        return None
    for size in (224, 256, 128, 96, 64, 32, 28):
        try:
            with torch.inference_mode():
                module(torch.zeros(1, first.in_channels, size, size))
        except (
            Exception
        ):  # a linear layer of another width, nothing left to pool, another signature: the code is theirs
            continue
        return Preprocessing(size, first.in_channels, guessed=True)
    return None
