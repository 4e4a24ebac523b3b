"""A course as it is drawn, against its records."""

import json
from pathlib import Path

import numpy as np
import pytest

from glasswork.training import course as module
from glasswork.training.course import read_course, read_part
from glasswork.training.metrics import Metrics


@pytest.fixture
def run(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    metrics = Metrics(tmp_path)
    metrics.add(0, 0.0, event="started")
    for step in range(1, 3001):
        metrics.add(step, step / 100, loss=float(random.normal()), learning_rate=0.1)
        if step % 500 == 0:
            metrics.add(step, step / 100, validation_accuracy=step / 10_000)
    metrics.add(3000, 30.0, event="finished", why="steps")
    metrics.close()
    return tmp_path


def losses(run: Path) -> dict[int, float]:
    records = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return {record["step"]: record["loss"] for record in records if "loss" in record}


@pytest.mark.parametrize("few", [0, 1 << 30])
def test_every_extreme_is_drawn_by_the_summary_or_without(run: Path, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(module, "FEW", few)
    drawn = read_course(run, 100)
    truth = losses(run)
    loss = drawn.series["loss"]
    assert len(loss.steps) <= 100
    assert drawn.last == 3000
    assert loss.first[0] == 1
    for first, last, low, high in zip(loss.first, loss.steps, loss.low, loss.high, strict=True):
        inside = [truth[step] for step in range(first, last + 1)]
        assert (low, high) == (min(inside), max(inside))
    score = drawn.series["validation_accuracy"]
    assert score.steps.tolist() == [500, 1000, 1500, 2000, 2500, 3000]
    assert score.low.tolist() == score.high.tolist() == [0.05, 0.1, 0.15, 0.2, 0.25, 0.3]
    assert [event["event"] for event in drawn.events] == ["started", "finished"]


@pytest.mark.parametrize(("first", "last"), [(700, 800), (1, 5), (2990, 3000), (3000, 9000), (4000, 5000)])
def test_a_part_is_read_record_by_record(run: Path, first: int, last: int) -> None:
    part = read_part(run, first, last, 1000).series
    truth = {step: value for step, value in losses(run).items() if first <= step <= last}
    found = dict(zip(part["loss"].steps.tolist(), part["loss"].low.tolist(), strict=True)) if "loss" in part else {}
    assert found == truth


def test_a_part_that_is_long_is_thinned_too(run: Path) -> None:
    part = read_part(run, 100, 2900, 50).series["loss"]
    assert len(part.steps) == 50
    assert part.first[0] <= 100
    assert part.steps[-1] >= 2900


def test_no_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="metrics"):
        read_course(tmp_path, 10)
