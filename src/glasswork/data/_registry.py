"""Which data sets there are: each file of this folder enrols its own."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import glasswork.data
from glasswork.data._dataset import Dataset
from glasswork.data._shipped import SHIPPED
from glasswork.errors import GlassworkError, unknown

Loader = Callable[[str], Dataset]


@dataclass(frozen=True)
class Source:
    """How one data set is read: a loader for each split, whether the split is there, and what brings it here."""

    what: str
    classes: tuple[str, ...]
    counts: dict[str, int]
    load: Loader
    available: Callable[[str], bool]
    fetch: Callable[[], object]


@dataclass(frozen=True)
class Entry:
    """One row of the catalogue: one split of one data set.

    Attributes:
        what: one line on what the examples are.
        count: how many of them this split holds.
        of: what is counted: pictures, characters, ...
        bytes: what ships with Glasswork, on disk; 0 when nothing of this split does, or it is made of other data sets.
        origin: the package, its version and the path in it.
        shipped: whether the split comes with Glasswork.
        available: whether it can be loaded here and now.
    """

    name: str
    split: str
    what: str
    count: int
    classes: tuple[str, ...]
    bytes: int
    licence: str
    origin: tuple[str, ...]
    shipped: bool
    available: bool
    of: str = "pictures"


@dataclass(frozen=True)
class Listed:
    """A data set of other things than pictures, which its own module reads."""

    what: str
    counts: dict[str, int]
    of: str
    need: Callable[[], object]

    def available(self, split: str) -> bool:
        """Whether it is on this machine; a split is never alone."""
        try:
            self.need()
        except GlassworkError:
            return False
        return True


_sources: dict[str, Source] = {}
_listed: dict[str, Listed] = {}


def source(
    name: str,
    *,
    what: str,
    classes: tuple[str, ...],
    counts: dict[str, int],
    available: Callable[[str], bool] = lambda split: True,
    fetch: Callable[[], object] = lambda: None,
) -> Callable[[Loader], Loader]:
    """Enrol a function (split -> Dataset) as a data set.

    Args:
        what, classes, counts: see Entry.
        available: whether a split is on this machine.
        fetch: brings here what is missing, where that can be done; raises GlassworkError where it fails.
    """

    def enrol(load: Loader) -> Loader:
        _sources[name] = Source(what, classes, counts, load, available, fetch)
        return load

    return enrol


def listed(name: str, *, what: str, counts: dict[str, int], of: str, need: Callable[[], object] = lambda: None) -> None:
    """Enrol a data set of other things than pictures in the catalogue; its module has a loader of its own.

    Args:
        what, counts, of: see Entry.
        need: raises a GlassworkError, which says how to get it, where it is not on this machine.
    """
    _listed[name] = Listed(what, counts, of, need)


@cache
def _discover() -> None:
    for module in pkgutil.iter_modules(glasswork.data.__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"glasswork.data.{module.name}")


def names() -> list[str]:
    """The names of all data sets of pictures."""
    _discover()
    return sorted(_sources)


def all_names() -> list[str]:
    """The names of all data sets, those of texts and series among them."""
    _discover()
    return sorted([*_sources, *_listed])


def load(name: str, split: str = "train") -> Dataset:
    """Read one split of a data set.

    Args:
        name: one of names().
        split: "train" or "test"; the test pictures are never trained on.

    Raises:
        GlassworkError: no such data set or split; or its files are missing or not what the manifest says.
    """
    known = names()
    if name not in _sources:
        raise unknown("data set", name, known)
    if split not in _sources[name].counts:
        raise unknown(f"split of {name}", split, list(_sources[name].counts))
    return _read(name, split)


def fetch(name: str) -> None:
    """Bring what is missing of a data set to this machine, where Glasswork can.

    Raises:
        GlassworkError: it failed; says how to do it by hand.
    """
    names()
    if name in _sources and not all(_sources[name].available(split) for split in _sources[name].counts):
        _sources[name].fetch()
    elif name in _listed:
        _listed[name].need()


@cache
def _read(name: str, split: str) -> Dataset:
    dataset = _sources[name].load(split)
    for array in (dataset.pictures, dataset.labels):
        array.flags.writeable = False  # everyone is handed the same arrays
    if len(dataset) != _sources[name].counts[split]:
        raise GlassworkError(
            f"the {split} split of {name} is not whole",
            why=f"expected {_sources[name].counts[split]} pictures, found {len(dataset)}",
            todo="Install Glasswork or the data set's package again.",
        )
    return dataset


def manifest() -> dict[str, dict[str, Any]]:
    """What ships, by data set: licence, origin and files, as scripts/build_data.py wrote it."""
    content = json.loads((SHIPPED / "manifest.json").read_text(encoding="utf-8"))
    return {entry["name"]: entry for entry in content["data"]}


def catalogue() -> list[Entry]:
    """Every split of every data set, with where it is from and whether it is here."""
    rows = []
    for name in all_names():
        about = _sources.get(name) or _listed[name]
        record = manifest()[name]
        origin = tuple(f"{o['registry']} {o['package']} {o['version']}: {o['path']}" for o in record["origin"])
        size = sum(file["bytes"] for file in record["files"])
        for split, count in about.counts.items():
            shipped = split in record["splits"]
            rows.append(
                Entry(
                    name=name,
                    split=split,
                    what=about.what,
                    count=count,
                    classes=about.classes if isinstance(about, Source) else (),
                    bytes=size if shipped else 0,
                    licence=record["licence"],
                    origin=origin,
                    shipped=shipped,
                    available=about.available(split),
                    of=about.of if isinstance(about, Listed) else "pictures",
                )
            )
    return rows
