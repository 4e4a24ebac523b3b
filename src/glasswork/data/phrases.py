"""Pairs of phrases that say the same in two languages: what emoji are called in English and in French; verses."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache

from glasswork.data import verses
from glasswork.data._registry import listed
from glasswork.data._shipped import read_shipped
from glasswork.errors import GlassworkError, unknown

FILES = {"phrases-en-fr": ("phrases-en-fr/phrases.gz", "English", "French")}

listed(
    "phrases-en-fr",
    what="what 1,949 emoji are called, in English and in French; every tenth held out",
    counts={"train": 1_655, "validation": 99, "test": 195},
    of="pairs",
)


@dataclass(frozen=True)
class Phrases:
    """Pairs of phrases.

    Attributes:
        name: of the data set.
        read, written: the two languages.
        train, validation, test: pairs; those of one emoji's variants may lie on both sides.
    """

    name: str
    read: str
    written: str
    train: tuple[tuple[str, str], ...]
    validation: tuple[tuple[str, str], ...]
    test: tuple[tuple[str, str], ...]


def phrase_names() -> list[str]:
    """The names of the sets of pairs that are on this machine: those that ship, and the verses where they are."""
    try:
        verses.folder_of_verses()
    except GlassworkError:
        return sorted(FILES)
    return sorted([*FILES, verses.NAME])


def load_phrases(name: str) -> Phrases:
    """Pairs; those that ship are in an order that nothing about them decides.

    Raises:
        GlassworkError: there are no such pairs, they are not on this machine, or their file is missing or changed.
    """
    if name == verses.NAME:
        parts = verses.read_verses(verses.folder_of_verses())
        return Phrases(name, *verses.LANGUAGES, parts["train"], parts["validation"], parts["test"])
    if name not in FILES:
        raise unknown("set of phrases", name, [*FILES, verses.NAME])
    return _shipped(name)


@cache
def _shipped(name: str) -> Phrases:
    file, read, written = FILES[name]
    lines = gzip.decompress(read_shipped(file)).decode().splitlines()
    pairs = [(first, second) for first, second in (line.split("\t") for line in lines)]
    held_out, aside = -(-len(pairs) // 10), len(pairs) // 20 + 2
    return Phrases(
        name, read, written, tuple(pairs[held_out + aside :]), tuple(pairs[held_out:][:aside]), tuple(pairs[:held_out])
    )
