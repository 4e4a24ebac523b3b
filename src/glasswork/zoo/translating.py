"""From a phrase to token numbers, and back: what a network that translates reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec

from glasswork.data.clip_tokens import END, START, ClipTokens, shown


class Translation(msgspec.Struct, frozen=True):
    """How phrases are read and written: both languages share one vocabulary of byte pairs.

    Attributes:
        read, written: the languages.
        merges: which two tokens become one, "a b", the commonest first.
        sample: a phrase that it was not trained on.
    """

    read: str
    written: str
    merges: tuple[str, ...]
    sample: str = ""

    @property
    def tokens(self) -> ClipTokens:
        """Which tokens there are."""
        return _tokens(self.merges)

    @property
    def start(self) -> int:
        """The mark before a phrase."""
        return self.tokens.number[START]

    @property
    def end(self) -> int:
        """The mark after it, and what shorter ones are filled up with."""
        return self.tokens.number[END]

    def encode(self, text: str) -> list[int]:
        """A phrase between its marks."""
        number = self.tokens.number
        return [self.start, *(number[token] for token in self.tokens.split(text)), self.end]

    def texts(self, ids: Sequence[int]) -> list[str]:
        """Each token as it is written; marks as they are."""
        names = _names(self.merges)
        return [names[id] if names[id] in (START, END) else shown(names[id]) for id in ids]

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """The same, with a hyphen behind those that a word goes on after."""
        names, texts = _names(self.merges), self.texts(ids)
        return [
            text if id in (self.start, self.end) or names[id].endswith("</w>") else f"{text}-"
            for id, text in zip(ids, texts, strict=True)
        ]

    def decode(self, ids: Sequence[int]) -> str:
        """The phrase up to its end, in small letters, words and signs apart."""
        names, words = _names(self.merges), [""]
        for id in ids:
            if id == self.end and words != [""]:
                break
            if id not in (self.start, self.end):
                words[-1] += names[id].removesuffix("</w>")  # a letter may be two tokens: words are read as wholes
                words += [""] if names[id].endswith("</w>") else []
        return " ".join(map(shown, words)).strip()

    def record(self) -> dict[str, Any]:
        """As a card holds it."""
        return {name: getattr(self, name) for name in self.__struct_fields__}


@lru_cache(8)
def _tokens(merges: tuple[str, ...]) -> ClipTokens:
    pairs = [tuple(pair.split(" ")) for pair in merges]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("a merge does not hold two tokens")
    return ClipTokens(tuple((pair[0], pair[1]) for pair in pairs))


@lru_cache(8)
def _names(merges: tuple[str, ...]) -> list[str]:
    return list(_tokens(merges).number)
