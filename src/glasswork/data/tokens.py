"""Text as token numbers: characters, or bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glasswork.errors import GlassworkError, unknown

KINDS = ("characters", "bytes")
MOST_LETTERS = 20_000
CODE_POINTS = 0x110000  # of Unicode
UNKNOWN = "\ufffd"
AT_ONCE = 1 << 20  # characters, so that a long text needs little memory beside its tokens


@dataclass(frozen=True)
class Vocabulary:
    """Which tokens there are.

    Attributes:
        kind: characters, where token 0 stands for every character that is not among the letters; or bytes of UTF-8.
        letters: the characters, sorted; empty for bytes.
    """

    kind: str
    letters: str = ""

    @classmethod
    def of(cls, kind: str, text: str) -> Vocabulary:
        """The tokens of a text.

        Raises:
            GlassworkError: there is no such kind, or there are too many characters.
        """
        if kind not in KINDS:
            raise unknown("kind of tokens", kind, list(KINDS))
        letters = "".join(sorted(set(text))) if kind == "characters" else ""
        if len(letters) > MOST_LETTERS:
            why = f"it has {len(letters):,} different characters; {MOST_LETTERS:,} are told apart"
            raise GlassworkError("this text has too many characters", why=why, todo="Take bytes: --set tokens=bytes.")
        return cls(kind, letters)

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return 256 if self.kind == "bytes" else len(self.letters) + 1

    @cached_property
    def _codes(self) -> np.ndarray:
        return np.frombuffer(self.letters.encode("utf-32-le"), np.uint32)

    def encode(self, text: str) -> np.ndarray:
        """The tokens of a text, int32, (T,)."""
        parts = [self._part(text[i : i + AT_ONCE]) for i in range(0, len(text), AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros(0, np.int32)

    def _part(self, text: str) -> np.ndarray:
        if self.kind == "bytes":
            return np.frombuffer(text.encode(errors="replace"), np.uint8).astype(np.int32)
        codes = np.frombuffer(text.encode("utf-32-le", errors="replace"), np.uint32)
        place = np.searchsorted(self._codes, codes).clip(max=len(self._codes) - 1)
        return np.where(self._codes[place] == codes, place + 1, 0).astype(np.int32)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text that tokens stand for; what is none becomes U+FFFD."""
        if self.kind == "bytes":
            return bytes(tokens).decode(errors="replace")
        return "".join(self.letters[token - 1] if token else UNKNOWN for token in tokens)

    def texts(self, tokens: Sequence[int]) -> list[str]:
        """Each token by itself; a byte that is no character alone as its number."""
        if self.kind == "bytes":
            return [chr(token) if token < 0x80 else f"0x{token:02x}" for token in tokens]
        return [self.decode([token]) for token in tokens]
