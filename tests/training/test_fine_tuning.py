"""From a folder of pictures to a network that names them: scores, card, and a TARGET."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from glasswork import data, recipes, zoo
from glasswork.data import given
from glasswork.errors import GlassworkError
from glasswork.training import Classification, ClassifierConfig, Finished, Stepped, TrainEvent, Warned, begin, train
from glasswork.training import pictures as training_pictures
from glasswork.training.pictures import Decoded, parts

FAST = {"batch": 16, "evaluate_every": 40, "sizes.width": 4, "observe": False}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces and vehicles among the emoji, as files of odd sizes; one of them broken."""
    emoji, root = data.load("emoji", "train"), tmp_path_factory.mktemp("own") / "photos"
    for k in (0, 6):
        folder = root / emoji.classes[k]
        folder.mkdir(parents=True)
        for number, i in enumerate(np.flatnonzero(emoji.labels == k)[:60]):
            picture = Image.fromarray(data.on_white(emoji.pictures[i]))
            picture.resize((70 + number % 5, 80)).save(folder / f"{number}.png")
    (root / "face/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    return root


@pytest.fixture(scope="module")
def tuned(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[TrainEvent]]:
    folder = tmp_path_factory.mktemp("tuned") / "run"
    events = recipes.run(
        "classify", data=f"folder:{photos}", start="tiny-vgg-emoji", out=folder, steps=80, settings=FAST
    )
    return folder, list(events)


def test_it_ends_in_scores_and_a_card(tuned: tuple[Path, list[TrainEvent]], photos: Path) -> None:
    folder, events = tuned
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.final["accuracy"] > 0.8
    card = zoo.read_card(folder / "card.json")
    assert (card.network, card.labels, card.sizes["classes"]) == ("tiny_vgg", ("face", "vehicle"), 2)
    assert (card.data, card.tested_on) == (f"folder:{photos}", 24)
    assert card.trained_on + card.validated_on + card.tested_on == 120
    assert "1 files could not be used" in card.split
    told = " ".join(event.text for event in events if isinstance(event, Warned))
    assert "face/broken.jpg" in told
    assert "new: output.weight, output.bias; the rest is tiny-vgg-emoji's" in told


def test_the_run_is_a_target_with_its_own_held_out_scores(tuned: tuple[Path, list[TrainEvent]], photos: Path) -> None:
    folder, events = tuned
    finished = events[-1]
    assert isinstance(finished, Finished)
    measured = recipes.evaluate(str(folder))
    assert measured["n"] == 24
    assert measured["scores"] == pytest.approx(dict(finished.final), abs=1e-6)
    network = zoo.load(str(folder))
    assert network.preprocess is not None
    files = given.read_pictures(f"folder:{photos}")
    held_out = parts(files, 0.2, 0.1)[0]["test"]
    assert isinstance(held_out, given.PictureFiles)
    hits = 0
    for i in range(len(held_out)):
        with Image.open(held_out.root / held_out.paths[i]) as picture, torch.no_grad():
            answer = int(network.module(*network.preprocess(picture).inputs).argmax())
        hits += answer == held_out.labels[i]
    assert hits / len(held_out) == pytest.approx(measured["scores"]["accuracy"])


def test_copies_of_a_picture_fall_on_one_side(photos: Path, tmp_path: Path) -> None:
    for kind in ("face", "vehicle"):
        (tmp_path / kind).mkdir()
        for number in range(30):
            content = (photos / kind / f"{number}.png").read_bytes()
            for copy in range(3):
                (tmp_path / kind / f"{number}-{copy}.png").write_bytes(content)
    split, _ = parts(given.read_pictures(f"folder:{tmp_path}"), 0.2, 0.1)
    sides = [{path.rpartition("-")[0] for path in split[name].paths} for name in ("train", "validation", "test")]
    assert all(sides)
    assert not sides[0] & sides[1] | sides[0] & sides[2] | sides[1] & sides[2]
    again, _ = parts(given.read_pictures(f"folder:{tmp_path}"), 0.2, 0.1)
    assert {name: files.paths for name, files in again.items()} == {name: files.paths for name, files in split.items()}


def config(photos: Path, **settings: object) -> ClassifierConfig:
    made = recipes.config("classify").changed({"data": f"folder:{photos}", "steps": 6, **FAST, **settings})
    assert isinstance(made, ClassifierConfig)
    return made


def test_a_frozen_backbone_stays_as_it_is(photos: Path) -> None:
    task = Classification(config(photos, start="tiny-vgg-emoji", freeze="true", average=0.0))
    state = begin(task)
    before = {name: value.clone() for name, value in state.network.state_dict().items()}
    source = zoo.load("tiny-vgg-emoji").module.state_dict()
    assert all(torch.equal(before[name], source[name]) for name in before if not name.startswith("output"))
    list(train(task, state))
    changed = {name for name, value in state.network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"output.weight", "output.bias"}


def test_a_librarys_network_keeps_its_preprocessing_and_its_frozen_statistics(photos: Path, tmp_path: Path) -> None:
    settings = {**FAST, "freeze": "true", "batch": 4, "augmentation.flip": 0, "average": 0}
    *_, finished = recipes.run(
        "classify",
        data=f"folder:{photos}",
        start="torchvision:mobilenet_v3_small",
        out=tmp_path / "run",
        steps=1,
        settings=settings,
    )
    assert isinstance(finished, Finished)
    network, source = zoo.load(str(tmp_path / "run")), zoo.load("torchvision:mobilenet_v3_small")
    assert network.preprocess == source.preprocess
    assert network.labels == ("face", "vehicle")
    old, new = source.module.state_dict(), network.module.state_dict()
    assert {n for n in new if not torch.equal(new[n], old[n])} == {"classifier.3.weight", "classifier.3.bias"}
    card = json.loads((tmp_path / "run/card.json").read_text())
    assert card["network"] == "torchvision:mobilenet_v3_small"


def test_pictures_that_are_read_while_it_learns_give_the_same_run(
    photos: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """C38's workers: readers ahead in threads change nothing."""
    losses = []
    (photos / "face/broken.jpg").rename(tmp_path / "broken.jpg")
    for most in (1 << 30, 0):
        monkeypatch.setattr(training_pictures, "MOST_BYTES", most)
        task = Classification(config(photos))
        assert isinstance(task.seen, Decoded) is (most == 0)
        losses.append([event.loss for event in train(task, begin(task)) if isinstance(event, Stepped)])
    (tmp_path / "broken.jpg").rename(photos / "face/broken.jpg")
    assert losses[0] == losses[1]


def test_a_picture_that_breaks_while_it_is_read_is_named(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_pictures, "MOST_BYTES", 0)
    task = Classification(config(photos, steps=40))
    with pytest.raises(GlassworkError, match=r"can't be read \(face/broken.jpg\)"):
        list(train(task, begin(task)))


def test_what_can_not_be_begun_from_says_why(photos: Path) -> None:
    with pytest.raises(GlassworkError, match="there is no network called"):
        Classification(config(photos, start="nothing"))
    with pytest.raises(GlassworkError, match="nothing says what pictures it expects"):
        Classification(config(photos, start="torch.nn:Identity"))
