"""Texts as tokens, and back."""

import pytest

from glasswork.data.tokens import UNKNOWN, Vocabulary
from glasswork.errors import GlassworkError


def test_characters_come_back_and_unknown_ones_are_told() -> None:
    vocabulary = Vocabulary.of("characters", "abécab")
    assert vocabulary.letters == "abcé"
    assert vocabulary.size == 5
    assert vocabulary.encode("éaz").tolist() == [4, 1, 0]
    assert vocabulary.decode([4, 1, 0]) == "éa" + UNKNOWN


def test_bytes_are_those_of_utf_8() -> None:
    vocabulary = Vocabulary.of("bytes", "")
    tokens = vocabulary.encode("naïve 🦉")
    assert tokens.tolist() == list("naïve 🦉".encode())
    assert vocabulary.decode(tokens.tolist()) == "naïve 🦉"
    assert vocabulary.texts([97, 0xC3]) == ["a", "0xc3"]


def test_other_kinds_are_refused() -> None:
    with pytest.raises(GlassworkError, match=r"no kind of tokens called 'words'.*bytes"):
        Vocabulary.of("words", "a")
    with pytest.raises(GlassworkError, match="too many characters"):
        Vocabulary.of("characters", "".join(map(chr, range(0x10000, 0x16000))))
