"""The slim race as run folders tell it."""

import json
from pathlib import Path

import pytest

from glasswork import recipes
from glasswork.errors import GlassworkError


def write_run(folder: Path, recipe: str, seed: int, held_out: list[float], **more: int) -> None:
    folder.mkdir()
    settings = recipes.config(recipe)
    budget = {"steps": settings.steps, "batch": settings.batch}
    (folder / "run.json").write_text(json.dumps({"recipe": recipe, "seed": seed, **budget, **more}))
    lines = []
    for i, value in enumerate(held_out):
        step = 500 * (i + 1)
        lines += [{"step": step - 250, "seconds": step / 10 - 1, "loss": 2.0 / (i + 1)}]
        lines += [{"step": step, "seconds": step / 10, "validation_accuracy": value}]
    (folder / "metrics.jsonl").write_text("\n".join(map(json.dumps, lines)))


def test_runs_are_put_to_their_racers_and_those_of_another_budget_are_left_out(tmp_path: Path) -> None:
    write_run(tmp_path / "a", "vgg-slim", 1, [0.8, 0.9])
    write_run(tmp_path / "b", "vgg-slim", 0, [0.7])
    write_run(tmp_path / "c", "vgg-slim", 2, [0.99], steps=3)
    write_run(tmp_path / "d", "tiny-vgg-fashion", 0, [0.99])
    (tmp_path / "e").mkdir()
    racers = {racer.name: racer for racer in recipes.slim_race(tmp_path)}
    assert len(racers) == 6
    first, second = racers["vgg-slim"].runs
    assert (first.seed, second.seed) == (0, 1)
    assert (second.at_steps, second.at_seconds, second.held_out) == ([500, 1000], [50.0, 100.0], [0.8, 0.9])
    assert second.accuracy is None  # it is not finished
    assert (second.loss_steps, second.loss) == ([250, 750], [2.0, 1.0])
    assert racers["resnet-slim"].runs == []
    assert recipes.slim_race(tmp_path) == recipes.slim_race(tmp_path)


def test_no_folder_of_runs(tmp_path: Path) -> None:
    with pytest.raises(GlassworkError, match="no runs here"):
        recipes.slim_race(tmp_path / "nowhere")
