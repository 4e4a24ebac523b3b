"""The texts that ship: a book, and a list of first names."""

from __future__ import annotations

import gzip
from functools import cache

from glasswork.data._registry import listed
from glasswork.data._shipped import read_shipped
from glasswork.data.given.texts import Text, parted
from glasswork.errors import unknown

FILES = {"moby-dick": "moby-dick/text.gz", "first-names": "first-names/names.gz"}
TRAIN, ASIDE = 85, 5  # per cent; the last tenth is held out

listed(
    "moby-dick",
    what="Herman Melville's Moby Dick; trained on its first 85 %, its last tenth held out",
    counts={"train": 1_012_917, "validation": 59_603, "test": 118_775},
    of="characters",
)
listed(
    "first-names",
    what="first names of English-speaking countries, one a line; every tenth held out",
    counts={"train": 50_299, "validation": 2_954, "test": 5_915},
    of="characters",
)


def text_names() -> list[str]:
    """The names of the texts that ship."""
    return sorted(FILES)


@cache
def load_text(name: str) -> Text:
    """A text that ships.

    Raises:
        GlassworkError: there is no such text, or its file is missing or changed.
    """
    if name not in FILES:
        raise unknown("text", name, text_names())
    content = gzip.decompress(read_shipped(FILES[name])).decode()
    if name == "first-names":
        content = "\n" + content  # each name stands between two line ends
    return parted(name, content, TRAIN, ASIDE, lines=True)
