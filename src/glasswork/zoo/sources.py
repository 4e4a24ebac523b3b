"""Where the trained weights of a name come from, whoever keeps them: which there are, what is here, how to get more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from glasswork import networks
from glasswork.errors import unknown
from glasswork.zoo import hub, packages, torchvision_files
from glasswork.zoo.fetching import Progress

TORCHVISION, HUB = "torchvision:", "hf:"


@dataclass(frozen=True)
class Source:
    """Weights of one name.

    Attributes:
        name: what to fetch.
        keeper: who keeps them: a package of the Python index and its version, torchvision, or a repository.
        licence: of the weights; empty where the keeper names none.
        bytes: of the file, as far as the keeper says; 0 where it does not.
        here: whether they are on this machine.
    """

    name: str
    keeper: str
    licence: str
    bytes: int
    here: bool


def sources() -> Iterator[Source]:
    """Of all reference networks that somebody has trained."""
    names = dict.fromkeys((*packages.PACKAGED, *networks.named(), *hub.REPOSITORIES))
    return filter(None, map(source_of, names))


def source_of(name: str) -> Source | None:
    """Who keeps the weights of one reference network; None where nobody does."""
    if name in packages.PACKAGED:
        one = packages.PACKAGED[name]
        return Source(one.name, f"{one.package} {one.version}", one.licence, one.bytes, packages.is_here(one))
    if name in hub.REPOSITORIES:
        return Source(name, f"hf:{hub.REPOSITORIES[name]}", hub.LICENCES[name], 0, hub.kept_at(name) is not None)
    entry = torchvision_files.published(name, networks.sizes(name).get("size")) if name in networks.named() else None
    if entry is None:
        return None
    bytes_ = round(entry.meta["_file_size"] * 2**20)
    return Source(name, f"torchvision {entry}", "", bytes_, torchvision_files.kept_at(entry).is_file())


def fetch(name: str, progress: Progress = lambda done, total: None) -> Path:
    """Bring weights to where they are looked for; nothing happens when they are there and whole.

    Args:
        name: of a reference network, torchvision:NAME or hf:OWNER/NAME.
        progress: told the bytes that are here, and those that there will be.

    Returns:
        The file, or the folder of a repository.

    Raises:
        GlassworkError: nobody has weights of this name, or they can't be fetched; says how to bring them by hand.
    """
    if name in packages.PACKAGED:
        return packages.fetch(name, progress)
    if name in hub.REPOSITORIES:
        return hub.fetch(name, progress)
    if name.startswith(HUB):
        return hub.fetch_repository(name.removeprefix(HUB))
    if name.startswith(TORCHVISION):
        entry = torchvision_files.published(name.removeprefix(TORCHVISION))
    else:
        entry = (
            torchvision_files.published(name, networks.sizes(name).get("size")) if name in networks.named() else None
        )
    if entry is None:
        raise unknown("data set or trained network", name, [source.name for source in sources()])
    return torchvision_files.fetch(name, entry, progress)
