"""The blocks of a run's course, against the records themselves."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks import long_runs
from glasswork.training import summary as module
from glasswork.training.course import read_course
from glasswork.training.metrics import Metrics
from glasswork.training.summary import Summary, from_rows, read_summary, smoothed, thinned


def write(folder: Path, records: int) -> dict[str, list[tuple[int, float]]]:
    """A course of one series at every record, one at every hundredth, and a few that are no numbers or events."""
    random = np.random.default_rng(1)
    truth: dict[str, list[tuple[int, float]]] = {"loss": [], "score": []}
    blocks = Summary(folder)
    with (folder / "metrics.jsonl").open("wb") as file:
        for step in range(10, 10 * records + 1, 10):
            values: dict[str, float | None] = {"loss": float(random.normal())}
            if step % 1000 == 0:
                values = {"score": float(random.random())}
                file.write(json.dumps({"step": step, "seconds": 0.0, "event": "noted"}).encode() + b"\n")
            if step % 770 == 0:
                values = {"loss": None}
            offset = file.tell()
            file.write(json.dumps({"step": step, "seconds": 0.0, **values}).encode() + b"\n")
            blocks.add(offset, step, values)
            for name, value in values.items():
                if value is not None:
                    truth[name].append((step, value))
    blocks.close()
    return truth


def tail(folder: Path, begin: int) -> list[dict]:
    lines = (folder / "metrics.jsonl").read_bytes()[begin:].splitlines()
    return [record for record in map(json.loads, lines) if "event" not in record]


@pytest.mark.parametrize("records", [0, 1, 63, 64, 65, 4095, 4096, 5000])
def test_rows_and_the_tail_hold_every_record_once(tmp_path: Path, records: int) -> None:
    truth = write(tmp_path, records)
    rows, end = read_summary(tmp_path)
    rest = tail(tmp_path, end)
    assert len(rest) == records % 64
    for name, expected in truth.items():
        found = rows.get(name, np.array([], module.ROW))
        behind = [record for record in rest if record.get(name) is not None]
        assert found["count"].sum() + len(behind) == len(expected)
        for row in found:
            inside = [value for step, value in expected if row["first"] <= step <= row["last"]]
            assert (len(inside), min(inside), max(inside)) == (row["count"], row["low"], row["high"])
            assert row["total"] == pytest.approx(sum(inside))


def test_the_coarse_rows_are_read_where_the_fine_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = write(tmp_path, 9000)
    fine, end = read_summary(tmp_path)
    monkeypatch.setattr(module, "LARGE", 100)
    coarse, same_end = read_summary(tmp_path)
    assert same_end == end
    assert len(coarse["loss"]) < len(fine["loss"]) / 3
    assert coarse["loss"]["count"].sum() == fine["loss"]["count"].sum()
    assert coarse["loss"]["low"].min() == min(value for _, value in truth["loss"][: coarse["loss"]["count"].sum()])
    assert (np.diff(coarse["loss"]["last"].astype(int)) > 0).all()


def test_thinning_loses_no_extreme(tmp_path: Path) -> None:
    write(tmp_path, 5000)
    series = from_rows(read_summary(tmp_path)[0]["loss"])
    thin = thinned(series, 7)
    assert len(thin.steps) == 7
    assert (thin.low.min(), thin.high.max()) == (series.low.min(), series.high.max())
    assert (thin.first[0], thin.steps[-1]) == (series.first[0], series.steps[-1])
    assert (thin.first[1:] > thin.steps[:-1]).all()
    assert thinned(series, 10_000) is series


def test_smoothing_is_the_mean_of_the_records_up_to_there(tmp_path: Path) -> None:
    truth = [value for _, value in write(tmp_path, 1000)["loss"]]
    series = from_rows(read_summary(tmp_path)[0]["loss"])
    means, counts = smoothed(series, 3)
    done = 0
    for part, (mean, count) in enumerate(zip(means, counts, strict=True)):
        done += int(series.count[part])
        assert mean == pytest.approx(np.mean(truth[done - count : done]))
    assert counts[0] == series.count[0]
    assert counts[-1] == series.count[-3:].sum()


@pytest.mark.parametrize("harm", ["gone", "short records", "unknown series"])
def test_a_summary_that_does_not_fit_is_not_believed(tmp_path: Path, harm: str) -> None:
    write(tmp_path, 300)
    if harm == "gone":
        (tmp_path / "summary" / "64.rows").unlink()
    elif harm == "short records":
        (tmp_path / "metrics.jsonl").write_bytes(b'{"step": 1, "loss": 1}\n')
    else:
        (tmp_path / "summary" / "names").write_bytes(b'"loss"\n')
    assert read_summary(tmp_path) == ({}, 0)


def test_what_was_resumed_over_is_not_summed_up(tmp_path: Path) -> None:
    """Ten steps, back to the fourth, and on to the two hundredth: a summary made afresh has each step once."""
    before = Metrics(tmp_path)
    for step in range(1, 11):
        before.add(step, 0.0, loss=100.0 + step)
    before.close()
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(b'{"step": 11, "los')
    after = Metrics(tmp_path)
    after.add(4, 0.0, event="resumed")
    for step in range(5, 201):
        after.add(step, 0.0, loss=float(step))
    after.close()
    rows, end = read_summary(tmp_path)
    rest = tail(tmp_path, end)
    assert rows["loss"]["count"].sum() + len(rest) == 200
    assert (rows["loss"]["low"][0], rows["loss"]["high"][0]) == (5.0, 104.0)
    assert (rows["loss"]["first"][0], rows["loss"]["last"][0]) == (1, 58)  # six of its lines count for nothing
    assert rest[-1]["step"] == 200
    assert "seconds" in rows


def test_a_torn_row_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, 300)
    whole = read_summary(tmp_path)[0]["loss"]
    with (tmp_path / "summary" / "64.rows").open("ab") as file:
        file.write(b"\0" * 20)
    assert np.array_equal(read_summary(tmp_path)[0]["loss"], whole)
    assert not math.isnan(whole["low"].sum())


@pytest.mark.parametrize("records", [63, 4096, 9000])
def test_c46_a_long_run_is_made_at_once_as_its_trainer_writes_it(records: int, tmp_path: Path) -> None:
    made, written = tmp_path / "made", tmp_path / "written"
    long_runs.write_run(made, records, 3, real=records)
    written.mkdir()
    metrics = Metrics(written)
    steps = np.arange(1, records + 1)
    names = long_runs.names_of(3)[1:]
    for step, row in zip(steps.tolist(), long_runs.values_of(steps, 3).tolist(), strict=True):
        metrics.add(step, row[0], **dict(zip(names, row[1:], strict=True)))
    metrics.close()
    for file in ("metrics.jsonl", *(f"summary/{name}" for name in ("names", "events", "64.rows", "4096.rows"))):
        assert (made / file).read_bytes() == (written / file).read_bytes(), file


@pytest.mark.slow
def test_c46_of_ten_million_steps_and_a_hundred_series_no_extreme_is_lost(tmp_path: Path) -> None:
    steps, series = 10_000_000, 100
    long_runs.write_run(tmp_path, steps, series)
    drawn = read_course(tmp_path, 480)
    assert drawn.last == steps
    names = long_runs.names_of(series)
    assert set(drawn.series) == set(names)
    least, most = np.full(len(names), np.inf), np.full(len(names), -np.inf)
    for first in range(0, steps, 1 << 17):
        values = long_runs.values_of(np.arange(first + 1, min(steps, first + (1 << 17)) + 1), series)
        least, most = np.minimum(least, values.min(0)), np.maximum(most, values.max(0))
    for at, name in enumerate(names):
        one = drawn.series[name]
        assert len(one.steps) <= 480
        assert one.count.sum() == steps
        assert (one.low.min(), one.high.max()) == (least[at], most[at])
        assert one.first[0] == 1
        assert (one.first[1:] == one.steps[:-1] + 1).all()  # no gap, and nothing twice
