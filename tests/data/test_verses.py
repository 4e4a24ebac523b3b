"""Verses in two languages: read from modules that the test writes, never from packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from glasswork import data, recipes
from glasswork.data import verses
from glasswork.data.phrases import load_phrases, phrase_names
from glasswork.errors import GlassworkError
from glasswork.training import chosen_pairs
from glasswork.zoo import Translation
from sword import WRITTEN, write_verses


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLASSWORK_DATA", str(tmp_path))
    write_verses(tmp_path / "sword")
    return tmp_path


def test_verses_of_one_place_are_a_pair_without_markup_and_footnotes(folder: Path) -> None:
    assert verses.NAME in phrase_names()
    phrases = load_phrases(verses.NAME)
    assert (phrases.read, phrases.written) == ("English", "Spanish")
    assert phrases.test == tuple(
        (f"Verse {verse} of chapter {chapter} & more.", f"Versículo {verse} del capítulo {chapter}")
        for chapter in (1, 11)
        for verse in (1, 2, 3)
    )
    assert [spanish[-1] for _, spanish in phrases.validation] == ["2"] * WRITTEN
    assert [pair[1] for pair in phrases.train[:2]] == ["Versículo 1 del capítulo 3", "Versículo 3 del capítulo 3"]
    assert len(phrases.train) == 8 * WRITTEN - 1
    assert all(entry.available for entry in data.catalogue() if entry.name == verses.NAME)
    data.fetch(verses.NAME)


def test_the_recipe_trains_on_them_what_is_not_too_long(folder: Path) -> None:
    task = recipes.config("translate-en-es").task()
    assert task.examples == 8 * WRITTEN - 1
    words = Translation("English", "Spanish", ())
    phrases = load_phrases(verses.NAME)
    fitting = [pair for pair in phrases.train if max(len(words.encode(text)) - 2 for text in pair) <= 24]
    found = chosen_pairs(phrases, words, longest=24, scored=2)
    assert list(found.train) == fitting
    assert 0 < len(fitting) < len(phrases.train)
    assert [chapter for chapter, _ in found.test] == ["Verse 1 of chapter 1 & more.", "Verse 2 of chapter 1 & more."]


def test_what_is_not_there_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verses, "folders", lambda: [tmp_path / "nowhere"])
    assert verses.NAME not in phrase_names()
    for ask in (load_phrases, data.fetch):
        with pytest.raises(GlassworkError, match=r"not on this machine.*apt install sword-text-web sword-text-sparv"):
            ask(verses.NAME)
    assert not any(entry.available for entry in data.catalogue() if entry.name == verses.NAME)
