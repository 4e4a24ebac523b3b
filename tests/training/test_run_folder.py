"""A run leaves a folder from which the same network can be loaded."""

import json
from pathlib import Path

import pytest
import torch

from glasswork import recipes, zoo
from glasswork.errors import GlassworkError
from glasswork.training import Finished, Started

TINY = {"sizes.width": 2, "batch": 8, "evaluate_every": 10, "validation": 40}


def test_a_run_folder_holds_the_run_and_its_weights(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    happened = list(recipes.run("tiny-vgg-digits", out=folder, steps=20, seed=3, settings=TINY))
    started, finished = happened[0], happened[-1]
    assert isinstance(started, Started)
    assert isinstance(finished, Finished)
    assert (started.steps, started.examples) == (20, 7_960)
    assert finished.checkpoint == folder / "model.safetensors"
    about = json.loads((folder / "run.json").read_text())
    assert (about["recipe"], about["seed"], about["steps"], about["sizes"]["width"]) == ("tiny-vgg-digits", 3, 20, 2)
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    kinds = [(r["step"], "loss" if "loss" in r else r.get("event", "scores")) for r in records]
    assert kinds == [(10, "loss"), (10, "scores"), (20, "loss"), (20, "scores"), (20, "finished")]
    network = zoo.load(str(folder))
    assert network.weights == "run"
    assert network.card is not None
    assert network.card.scores["accuracy"] == pytest.approx(finished.final["accuracy"], abs=1e-4)
    scores = recipes.evaluate(str(folder))
    assert scores["n"] == 2_000
    assert scores["scores"]["accuracy"] == pytest.approx(finished.final["accuracy"], abs=1e-9)


def test_a_run_leaves_the_global_random_state_alone(tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    list(recipes.run("tiny-vgg-digits", out=tmp_path, steps=1, settings=TINY))
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_second_run_gets_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        list(recipes.run("tiny-vgg-digits", steps=1, settings=TINY))
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["tiny-vgg-digits", "tiny-vgg-digits-2"]


def test_an_unknown_score_to_choose_by_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GlassworkError, match="known: accuracy, balanced_accuracy, last, nats"):
        next(recipes.run("tiny-vgg-digits", out=tmp_path / "a", settings={"choose_by": "luck"}))


def test_data_of_another_form_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(GlassworkError, match="size 28, the data has 64; channels 1, the data has 3"):
        next(recipes.run("tiny-vgg-digits", data="emoji", out=tmp_path / "a"))
    assert not (tmp_path / "a").exists()
