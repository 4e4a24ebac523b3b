"""One's own classes: what a look finds, what a run would see, and what is made of it, each held to another way."""

from __future__ import annotations

import hashlib
import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from test_respond import Nobody, decode

from glasswork import recipes, zoo
from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.messages import teaching as t
from glasswork.scenes.messages import training
from glasswork.scenes.respond import Respondent
from glasswork.training import Finished
from own_pictures import APART, clothes

QUICK = {"steps": "30", "evaluate_every": "10", "save_every": "10", "keep": "0", "freeze": "true", "average": "0"}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty each of five kinds of clothes, as a stranger would have them."""
    return clothes(tmp_path_factory.mktemp("own") / "clothes")


@pytest.fixture(scope="module")
def respondent(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Respondent:
    runs = tmp_path_factory.mktemp("runs")
    for _ in recipes.run(
        "classify", data=f"folder:{pictures}", start="tiny-vgg-fashion", out=runs / "taught", settings=QUICK
    ):
        pass
    return Respondent(runs=runs, sets=runs / "sets", folders=True)


def ask(respondent: Respondent, request: m.Request) -> tuple[Any, list[np.ndarray]]:
    """The last answer."""
    return [decode(item) for item in respondent(request, Nobody())][-1]


def look(respondent: Respondent, folder: Path) -> t.LookedAt:
    return ask(respondent, t.LookAtPictures(request=1, pictures=f"folder:{folder}"))[0]


def test_a_look_counts_and_suggests(respondent: Respondent, pictures: Path) -> None:
    found, (thumbnails,) = ask(respondent, t.LookAtPictures(request=1, pictures=f"folder:{pictures}"))
    assert {one.name: one.count for one in found.classes} == dict.fromkeys(APART, 30)
    assert (found.count, found.sizes, found.grey, found.refusal) == (150, ["28x28"], True, "")
    assert sum(found.parts.values()) == 150
    assert found.parts["test"] == 30
    assert found.suggested == "tiny-vgg-fashion"
    for one in found.classes:
        assert len(one.shown) == 10
        files = sorted((pictures / one.name).iterdir())
        with Image.open(files[0]) as first:
            wanted = np.asarray(first.resize(thumbnails.shape[1:3], Image.Resampling.BILINEAR), np.int16)
        assert np.abs(thumbnails[one.shown[0], ..., 0] - wanted).max() <= 1


def test_pictures_that_lie_on_both_sides_are_named(respondent: Respondent, tmp_path: Path) -> None:
    """Copies fall on one side by their content; those that were saved again, or divided by the reader, need not."""
    root = clothes(tmp_path / "twice", APART[:2], 20)
    for path in sorted(root.glob("trouser/*.png")):
        with Image.open(path) as picture:
            darker = Image.fromarray(np.maximum(np.asarray(picture), 1) - 1)
        darker.save(path.with_name(f"again {path.name}"))
    shutil.copy(root / "t-shirt/000.png", root / "t-shirt/copy.png")
    found = look(respondent, root)
    assert ["t-shirt/000.png", "t-shirt/copy.png"] in found.duplicates
    assert not found.leaks
    named = {path for group in found.across for path in group}
    assert named
    held_out = {path for path in named if is_held_out(root, path)}
    for group in found.across:
        assert {path.replace("again ", "") for path in group} != set(group) or len(group) > 2
        assert 0 < len(held_out & set(group)) < len(group)
    parted = clothes(tmp_path / "parted" / "train", APART[:2], 5)
    shutil.copytree(parted, tmp_path / "parted" / "test")
    assert ["test/trouser/000.png", "train/trouser/000.png"] in [
        sorted(g) for g in look(respondent, parted.parent).leaks
    ]


def is_held_out(root: Path, path: str) -> bool:
    """By the rule that is written on the page: a fifth of each class, the first by their contents' hashes."""
    kind = path.split("/")[0]
    files = list((root / kind).iterdir())
    order = sorted(files, key=lambda one: hashlib.sha256(one.read_bytes()).hexdigest())
    return (root / path) in order[: round(0.2 * len(files))]


def test_a_class_without_pictures_is_named_and_one_class_alone_is_refused(
    respondent: Respondent, tmp_path: Path
) -> None:
    root = clothes(tmp_path / "few", APART[:1], 5)
    (root / "dragon").mkdir()
    found = look(respondent, root)
    assert found.empty == ["dragon"]
    assert found.refusal == "only t-shirt has pictures; dragon has none"
    clothes(root, APART[1:2], 5)
    found = look(respondent, root)
    assert (found.refusal, found.empty) == ("", ["dragon"])
    (root / "dragon/heic.jpg").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    found = look(respondent, root)
    assert {one.path: one.why for one in found.problems}["dragon/heic.jpg"].endswith("whatever its name says")
    shutil.rmtree(root / APART[1])
    (root / "dragon/heic.jpg").unlink()
    config = recipes.config("classify").changed({"data": f"folder:{root}"})
    with pytest.raises(GlassworkError, match=r"only one class to learn.*dragon"):
        config.task()


def test_the_first_batch_is_the_one_that_the_run_learned_from(respondent: Respondent, pictures: Path) -> None:
    shown, (read, learned) = ask(
        respondent,
        t.ShowVaried(request=1, pictures=f"folder:{pictures}", start="tiny-vgg-fashion", settings=QUICK),
    )
    taken = respondent.training.moments.taken("taught", 0)
    assert taken.batch[0].shape[0] == shown.batch
    wanted = (taken.batch[0][: len(learned), 0] * 255).round().numpy()
    np.testing.assert_array_equal(learned[..., 0], wanted)
    for path, pixels in zip(shown.names, read, strict=True):
        with Image.open(pictures / path) as picture:
            np.testing.assert_array_equal(pixels[..., 0], np.asarray(picture))
    assert (learned != read).any()


def test_settings_and_networks_that_a_page_may_not_choose_are_refused(respondent: Respondent, pictures: Path) -> None:
    given = f"folder:{pictures}"
    with pytest.raises(GlassworkError, match="setting that a page may change"):
        ask(respondent, t.ShowVaried(request=1, pictures=given, start="", settings={"data": "folder:/etc"}))
    with pytest.raises(GlassworkError, match="can't begin from"):
        ask(respondent, t.ShowVaried(request=1, pictures=given, start="/tmp/evil.py:make"))
    with pytest.raises(GlassworkError, match="network that a page may begin from"):
        ask(respondent, training.StartRun(request=1, recipe="classify", pictures=given, start="os:system"))
    with pytest.raises(GlassworkError, match="tells no pictures apart"):
        ask(respondent, training.StartRun(request=1, recipe="text", pictures=given))
    with pytest.raises(GlassworkError, match="no such folder"):
        ask(respondent, training.StartRun(request=1, recipe="classify", pictures="folder:/nowhere/at/all"))


def test_what_the_network_makes_of_each_picture(respondent: Respondent, pictures: Path) -> None:
    found, (thumbnails, answers, places) = ask(respondent, t.OpenTaught(request=1, run="taught"))
    network = zoo.load(str(respondent.training.courses.root / "taught"))
    assert network.preprocess is not None
    assert found.classes == sorted(APART)
    assert len(found.pictures) == found.of == 150
    assert places.shape == (150, 2)
    assert thumbnails.shape == (150, 28 if thumbnails.shape[1] == 28 else 48, thumbnails.shape[2], 3)
    paths = sorted(str(path.relative_to(pictures)) for path in pictures.glob("*/*.png"))
    hits = 0
    for one, row in zip(found.pictures, answers, strict=True):
        assert paths[one.index] == one.name
        with Image.open(pictures / one.name) as picture, torch.inference_mode():
            wanted = network.module(*network.preprocess(picture).inputs).double().softmax(1)[0].numpy()
        if found.step == network.card.steps:  # type: ignore[union-attr]
            np.testing.assert_allclose(row, wanted, atol=1e-5)
        hits += one.part == "test" and int(row.argmax()) == one.label
    assert found.step == network.card.steps  # type: ignore[union-attr]
    assert found.accuracy["test"].value == pytest.approx(hits / found.counts["test"])
    assert found.accuracy["test"].value == pytest.approx(network.card.scores["accuracy"], abs=1e-4)  # type: ignore[union-attr]


def test_a_picture_of_the_run_comes_as_it_is(respondent: Respondent, pictures: Path) -> None:
    found, _ = ask(respondent, t.OpenTaught(request=1, run="taught"))
    one = found.pictures[7]
    file, (body,) = ask(respondent, t.FetchPicture(request=1, run="taught", index=one.index))
    assert isinstance(file, m.File)
    with Image.open(io.BytesIO(body.tobytes())) as got, Image.open(pictures / one.name) as kept:
        assert got.tobytes() == kept.tobytes()
    with pytest.raises(GlassworkError, match="no such picture"):
        ask(respondent, t.FetchPicture(request=1, run="taught", index=150))


@pytest.mark.parametrize("form", ["safetensors", "onnx", "python"])
def test_a_run_is_handed_over_checked(respondent: Respondent, form: t.Form) -> None:
    made, (body,) = ask(respondent, t.ExportRun(request=1, run="taught", form=form))
    assert made.error <= 1e-4
    assert len(body) > 10_000
    assert made.name.startswith("taught.")
    assert made.command == f"glasswork export runs/taught --{form} {made.name}"


@pytest.mark.parametrize("freeze", [True, False])
def test_thirty_pictures_of_a_kind_are_enough(freeze: bool, pictures: Path, tmp_path: Path) -> None:
    """A hundred steps of the four hundred that the page takes: the whole is measured by the page's own test."""
    settings = {"steps": "100", "freeze": str(freeze).lower(), "observe": "false"}
    *_, finished = recipes.run(
        "classify", data=f"folder:{pictures}", start="tiny-vgg-fashion", out=tmp_path / "run", settings=settings
    )
    assert isinstance(finished, Finished)
    assert finished.final["accuracy"] >= 0.9
