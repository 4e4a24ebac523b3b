"""What ships: counts, splits and pixels, against facts known from elsewhere."""

import collections
import gzip
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from glasswork import data
from glasswork.data import _shipped, fashion_mnist
from glasswork.data.japanese_vowels import load_utterances
from glasswork.data.series import load_series
from glasswork.data.spoken_digits import load_spoken_digits
from glasswork.data.texts import load_text
from glasswork.errors import GlassworkError

SHIPPED = sorted(
    (entry.name, entry.split) for entry in data.catalogue() if entry.available and entry.of == "pictures"
)  # Fashion-MNIST's training split only where it is installed


@pytest.mark.parametrize(("name", "split"), SHIPPED)
def test_a_split_holds_what_the_catalogue_says(name: str, split: str) -> None:
    dataset = data.load(name, split)
    (entry,) = [e for e in data.catalogue() if (e.name, e.split) == (name, split)]
    assert len(dataset) == len(dataset.pictures) == len(dataset.names) == len(dataset.groups) == entry.count
    assert dataset.pictures.dtype == np.uint8
    assert dataset.pictures.ndim == 4
    assert len(set(dataset.names)) == entry.count
    assert dataset.classes == entry.classes
    assert set(dataset.labels) == set(range(len(dataset.classes)))
    assert len(dataset.classes) in (9, 10)


def test_digits_are_held_out_200_of_each_and_apart_from_training() -> None:
    train, test = data.load("mnist", "train"), data.load("mnist", "test")
    assert collections.Counter(test.labels.tolist()) == dict.fromkeys(range(10), 200)
    assert not set(train.names) & set(test.names)
    seen = {picture.tobytes() for picture in train.pictures}
    assert not [name for name, picture in zip(test.names, test.pictures, strict=True) if picture.tobytes() in seen]


def test_the_list_of_held_out_digits_stays_as_it_is() -> None:
    """All networks to come are measured on these 2,000: a changed list would compare what can't be compared."""
    held_out = json.loads(_shipped.read_shipped("mnist/held_out.json"))
    assert hashlib.sha256(json.dumps(held_out).encode()).hexdigest()[:16] == "3ef15ef0c9c9add2"


def test_fashion_mnists_test_split_is_the_official_one() -> None:
    test = data.load("fashion-mnist", "test")
    assert collections.Counter(test.labels.tolist()) == dict.fromkeys(range(10), 1000)
    assert [test.classes[label] for label in test.labels[:5]] == [
        "ankle boot",
        "pullover",
        "trouser",
        "trouser",
        "shirt",
    ]
    assert abs(test.pictures.mean() / 255 - 0.28685) < 1e-5


def test_an_emoji_with_all_its_variants_is_on_one_side_of_the_split() -> None:
    train, test = data.load("emoji", "train"), data.load("emoji", "test")
    assert not set(train.groups) & set(test.groups)
    by_code = {name.partition("-")[2].partition("-1f3f")[0] for name in train.names}
    assert not by_code & {name.partition("-")[2].partition("-1f3f")[0] for name in test.names}
    for dataset in (train, test):
        styles = collections.defaultdict(set)
        for name in dataset.names:
            style, _, emoji = name.partition("-")
            styles[emoji].add(style)
        assert sum(len(both) == 2 for both in styles.values()) / len(styles) > 0.98
    share = len(test) / (len(train) + len(test))
    assert 0.15 <= share <= 0.2


def test_no_emoji_picture_is_on_both_sides() -> None:
    train, test = data.load("emoji", "train"), data.load("emoji", "test")
    seen = {picture.tobytes() for picture in train.pictures}
    assert not [name for name, p in zip(test.names, test.pictures, strict=True) if p.tobytes() in seen]


def test_a_known_emoji_looks_as_it_should() -> None:
    train = data.load("emoji", "train")
    flag = train.pictures[train.names.index("twitter-flag-be")]
    left, middle, right = flag[32, 8], flag[32, 32], flag[32, 56]
    assert left[:3].max() < 60  # Belgium's flag: black, yellow, red
    assert middle[0] > 200
    assert middle[1] > 180
    assert middle[2] < 120
    assert right[0] > 200
    assert right[1:3].max() < 100
    assert flag[0, 0, 3] == 0


def test_names_that_are_unknown_list_the_known_ones() -> None:
    with pytest.raises(
        GlassworkError, match=r"no data set called 'cifar'.*emoji, emoji-captions, fashion-mnist, mnist"
    ):
        data.load("cifar")
    with pytest.raises(GlassworkError, match=r"no split of mnist called 'validation'.*test, train"):
        data.load("mnist", "validation")


def test_pictures_are_shared_and_can_not_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        data.load("mnist", "test").pictures[0] = 0


def test_missing_training_pictures_name_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fashion_mnist, "folders", lambda: [tmp_path])
    with pytest.raises(GlassworkError) as caught:
        fashion_mnist.fashion_mnist("train")
    assert "apt install dataset-fashion-mnist" in caught.value.todo
    assert str(tmp_path) in caught.value.where
    (entry,) = [e for e in data.catalogue() if (e.name, e.split) == ("fashion-mnist", "train")]
    assert not entry.available


def test_training_pictures_are_read_from_torchvisions_layout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    images = np.arange(2 * 28 * 28, dtype=np.uint8).reshape(2, 28, 28)
    for name, array in zip(fashion_mnist.TRAIN_FILES, (images, np.array([3, 9], np.uint8)), strict=True):
        header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
        (raw / name).write_bytes(gzip.compress(header + array.tobytes()))
    monkeypatch.setenv("GLASSWORK_DATA", str(tmp_path))
    dataset = fashion_mnist.fashion_mnist("train")
    assert dataset.labels.tolist() == [3, 9]
    assert np.array_equal(dataset.pictures[..., 0], images)


def test_texts_and_series_are_those_of_their_sources() -> None:
    book, names = load_text("moby-dick"), load_text("first-names")
    assert "Call me Ishmael." in book.train[:100]
    assert "It was the devious-cruising Rachel" in book.test
    assert 0.098 < len(book.test) / sum(map(len, (book.train, book.validation, book.test))) < 0.102
    parts = [part.split() for part in (names.train, names.validation, names.test)]
    assert len(set().union(*parts)) == sum(map(len, parts))
    sunspots, co2 = load_series("sunspots"), load_series("co2")
    assert (sunspots.times[0], sunspots.values[0], sunspots.times[-1], len(sunspots)) == ("1700", 5, "2008", 309)
    assert (co2.times[0], co2.values[0], len(co2), int((~co2.measured).sum())) == ("1958-03-29", 316.1, 2284, 59)
    for entry in data.catalogue():
        if entry.of == "characters":
            assert len(getattr(load_text(entry.name), entry.split)) == entry.count
    train, test = load_utterances("train"), load_utterances("test")
    assert (len(train), len(test)) == (270, 370)
    assert np.bincount(train.labels).tolist() == [30] * 9
    assert {steps.shape[1] for steps in test.steps} == {12}
    assert min(map(len, test.steps)) == 7


def test_spoken_digits_are_whole_and_tested_on_voices_that_nobody_heard() -> None:
    train, test = load_spoken_digits("train"), load_spoken_digits("test")
    assert (len(train), len(test)) == tuple(e.count for e in data.catalogue() if e.name == "spoken-digits")
    assert not set(train.voices) & set(test.voices)
    for part in (train, test):
        assert len(set(np.bincount(part.labels).tolist())) == 1
        assert {steps.shape[1] for steps in part.steps} == {20}
        assert all(steps.max() == 60 and steps.min() >= 0 for steps in part.steps), "decibels above the floor"
    hiss, vowel = ((part := train.steps[i])[: len(part) // 3].mean(0) for i in (6, 1))  # six, one
    assert hiss[14:].mean() > hiss[:6].mean(), "an s is high"
    assert vowel[14:].mean() < vowel[:6].mean(), "a w is low"
