"""Verses in English and in Spanish: the World English Bible and the Reina-Valera of 1909, both in the public domain.

They are read where Debian's packages put them, in the form of the SWORD project (https://crosswire.org/sword), by the
package pysword. Nothing of them ships.
"""

from __future__ import annotations

import html
import importlib
import os
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import platformdirs

from glasswork.data._registry import listed
from glasswork.errors import GlassworkError

NAME = "verses-en-es"
MODULES = ("engWEB2015eb", "spaRV1909eb")
LANGUAGES = ("English", "Spanish")
HELD_OUT, ASIDE = 10, 40
"""Every so-manieth chapter is held out, or set aside: verses beside each other tell one story."""
NOTES = re.compile(r"<(note|title)\b[^>]*(?<!/)>.*?</\1>", re.DOTALL)
TAGS = re.compile(r"<[^>]*>")

Place = tuple[str, int, int]
"""Book, chapter and verse."""


def folders() -> list[Path]:
    """Where SWORD modules are looked for, in this order: below a data root, then where Debian's packages put them."""
    roots = [Path(platformdirs.user_cache_dir("glasswork")) / "data", Path("data")]
    if "GLASSWORK_DATA" in os.environ:
        roots.insert(0, Path(os.environ["GLASSWORK_DATA"]))
    return [root / "sword" for root in roots] + [Path("/usr/share/sword")]


def folder_of_verses() -> Path:
    """The folder that holds both modules.

    Raises:
        GlassworkError: there is none, or what reads it is not installed; says how to get it.
    """
    for folder in folders():
        if all((folder / "mods.d" / f"{name}.conf").is_file() for name in MODULES):
            _reader()
            return folder
    raise GlassworkError(
        "the verses in English and Spanish are not on this machine",
        where=", ".join(str(folder) for folder in folders()),
        why=f"none of these folders holds the SWORD modules {' and '.join(MODULES)}",
        todo="On Debian: apt install sword-text-web sword-text-sparv, and pip install pysword. Elsewhere: unpack these "
        "packages, copy their usr/share/sword to FOLDER/sword, and set GLASSWORK_DATA=FOLDER.",
    )


listed(
    NAME,
    what="verses in English (World English Bible) and Spanish (Reina-Valera 1909); every tenth chapter held out",
    counts={"train": 27_200, "validation": 851, "test": 3_026},
    of="pairs",
    need=folder_of_verses,
)


@cache
def read_verses(folder: Path) -> dict[str, tuple[tuple[str, str], ...]]:
    """Pairs of verses by split: those that both modules have under the same book, chapter and verse.

    Args:
        folder: see `folder_of_verses`.
    """
    modules = _reader().SwordModules(str(folder))
    modules.parse_modules()
    english, spanish = (_verses(modules.get_bible_from_module(name)) for name in MODULES)
    found: dict[str, list[tuple[str, str]]] = {"train": [], "validation": [], "test": []}
    chapters = dict.fromkeys((book, chapter) for book, chapter, _ in english if (book, chapter, 1) in spanish)
    number = {chapter: i for i, chapter in enumerate(chapters)}
    for place, text in english.items():
        if place in spanish and place[:2] in number:
            at = number[place[:2]]
            split = "test" if at % HELD_OUT == 0 else "validation" if at % ASIDE == 1 else "train"
            found[split].append((text, spanish[place]))
    return {split: tuple(pairs) for split, pairs in found.items()}


def plain(text: str) -> str:
    """A verse without its markup, its footnotes and its headings, whose words stay apart."""
    bare = html.unescape(TAGS.sub("", NOTES.sub(" ", text)))
    return re.sub(r"\s+([,.;:!?])", r"\1", " ".join(bare.split()))


def _verses(bible: Any) -> dict[Place, str]:
    unpack = getattr(bible, "_decompressed_text", None)
    if unpack is not None:  # else a whole book is unpacked for each of its verses
        bible._decompressed_text = lru_cache(2)(unpack)
    found: dict[Place, str] = {}
    for books in bible.get_structure().get_books().values():
        for book in books:
            for chapter, length in enumerate(book.chapter_lengths, 1):
                texts = bible.get_iter(books=[book.name], chapters=[chapter], clean=False)
                for verse, text in zip(range(1, length + 1), texts, strict=True):
                    if words := plain(text):
                        found[book.name, chapter, verse] = words
    return found


def _reader() -> Any:
    try:
        return importlib.import_module("pysword.modules")
    except ImportError as error:
        raise GlassworkError(
            "SWORD modules can't be read", why=f"pysword is not installed ({error})", todo="pip install pysword"
        ) from error
