"""Emoji with captions: what ships, and what is said where the rest is not there, or not what it should be."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glasswork import data
from glasswork.data import captions, emoji_captions
from glasswork.errors import GlassworkError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder where data is looked for, on a machine without npm."""
    monkeypatch.setenv("GLASSWORK_DATA", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    emoji_captions._everything.cache_clear()
    return tmp_path / emoji_captions.NAME


def archive(place: Path, style: str, members: dict[str, bytes]) -> None:
    place.mkdir(exist_ok=True)
    with tarfile.open(place / f"emoji-datasource-{style}-16.0.0.tgz", "w:gz") as held:
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            held.addfile(about, io.BytesIO(content))


def test_without_the_pictures_it_is_said_how_to_get_them(place: Path) -> None:
    assert not next(e for e in data.catalogue() if (e.name, e.split) == (emoji_captions.NAME, "train")).available
    with pytest.raises(GlassworkError, match=r"only the 316 that are held out ship, and 400 others.*data fetch"):
        emoji_captions.pictures("train")
    with pytest.raises(GlassworkError, match=r"no npm here.*npm pack emoji-datasource-twitter@16\.0\.0"):
        data.fetch(emoji_captions.NAME)
    assert not list(place.glob("*.npy"))


def test_an_archive_that_is_broken_or_not_whole_is_told(place: Path) -> None:
    place.mkdir()
    (place / "emoji-datasource-twitter-16.0.0.tgz").write_bytes(b"no archive")
    with pytest.raises(GlassworkError, match="archive of emoji can't be read"):
        data.fetch(emoji_captions.NAME)
    held = io.BytesIO()
    Image.new("RGBA", (64, 64)).save(held, "PNG")
    archive(place, "twitter", {"package/img/twitter/64/1f600.png": held.getvalue()})
    with pytest.raises(GlassworkError, match=r"not whole.*1905 pictures are not in it"):
        data.fetch(emoji_captions.NAME)
    assert not list(place.glob("*.npy"))


def test_other_pictures_under_their_name_are_not_taken(place: Path) -> None:
    place.mkdir()
    np.save(place / "pictures.npy", np.zeros((2, 64, 64, 4), np.uint8))
    with pytest.raises(GlassworkError, match="changed or damaged") as caught:
        emoji_captions.pictures("train")
    assert caught.value.where == str(place / "pictures.npy")


def test_a_name_says_what_the_picture_shows() -> None:
    told, pictures = emoji_captions.emoji("test"), emoji_captions.pictures("test")
    (heart,) = [i for i, one in enumerate(told) if (one.name, one.style) == ("green heart", "flat")]
    degrees, share = captions.hue(pictures[heart : heart + 1])
    assert captions.colour_of(degrees[0]) == "green"
    assert share[0] > 0.9
    assert captions.spoken(told[heart]).startswith("green heart, ")
    assert captions.spoken(told[heart]).endswith(", flat")


def test_hues_are_those_of_the_colour_circle() -> None:
    for word, degrees in captions.COLOURS.items():
        colour = np.rint(captions.from_hsv(np.array(float(degrees)), np.array(0.9), np.array(0.9)) * 255)
        picture = np.full((1, 64, 64, 4), 255, np.uint8)
        picture[..., :3] = colour
        found, share = captions.hue(picture)
        assert abs((found[0] - degrees + 180) % 360 - 180) < 1
        assert captions.colour_of(found[0]) == word
        assert share[0] == 1
        assert np.abs(captions.turned(picture[0], 360.0).astype(int) - picture[0]).max() <= 1
    grey = np.full((1, 64, 64, 4), 128, np.uint8)
    assert captions.hue(grey)[1][0] == 0


def test_captions_vary_and_keep_to_the_words_there_are() -> None:
    told = emoji_captions.emoji("train")
    random = np.random.default_rng(0)
    one = next(o for o in told if o.name == "red heart" and o.style == "flat")
    found = captions.variants(one, 200, random)
    words = {"a", *one.name.split(), *" ".join(one.tags).split(), "flat", "smileys", "&", "emotion"}
    assert {word.strip(",") for text in found for word in text.split()} <= words
    assert len(set(found)) > 60
    assert sum("red heart" in text for text in found) / 200 == pytest.approx(5 / 6, abs=0.08)
    blue = captions.variants(one, 50, random, "blue")
    assert all("blue heart" in text and "red" not in text.split() for text in blue)
