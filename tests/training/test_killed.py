"""C32, C33, C34, C37, C46: whatever kills the trainer, and whenever, the run goes on as if nothing had happened."""

import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import forking
import pytest
import torch
from forking import Trainers

from glasswork.training import checkpoints, read_metrics
from glasswork.training.course import read_course
from glasswork.training.metrics import Course
from glasswork.training.state import tensors

STEPS = 60
SAVING = {"save_every": 2, "steps": STEPS}


@pytest.fixture(scope="module")
def trainers() -> Iterator[Trainers]:
    started = Trainers()
    yield started
    started.close()


@pytest.fixture(scope="module")
def unbroken(trainers: Trainers, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """A run that nobody disturbed, and how long it took."""
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    began = time.monotonic()
    trainers.start(call="train", folder=str(folder), **SAVING)
    assert trainers.wait() == 0
    return folder, time.monotonic() - began


def go_on_to_the_end(trainers: Trainers, folder: Path) -> None:
    trainers.start(call="train", folder=str(folder), resume=True, **SAVING)
    assert trainers.wait() == 0


def assert_same(folder: Path, unbroken: Path) -> None:
    """Every loss, rate, norm and score to the last bit, and the same weights."""
    found, wanted = read_metrics(folder), read_metrics(unbroken)
    for name in set(wanted.series) - {"seconds"}:
        assert found.series[name] == wanted.series[name]
    assert len(found.series["loss"]) == STEPS
    assert (folder / "model.safetensors").read_bytes() == (unbroken / "model.safetensors").read_bytes()
    assert not list(folder.glob("checkpoints/.*"))


def kill_at_random(trainers: Trainers, folder: Path, times: int, longest: float, dice: random.Random) -> int:
    """How many of the kills hit a trainer that had begun and had not ended."""
    hits = 0
    for _ in range(times):
        pid = trainers.start(call="train", folder=str(folder), resume=True, **SAVING)
        time.sleep(dice.uniform(0, longest))
        hits += trainers.kill(pid) == -signal.SIGKILL and (folder / "metrics.jsonl").exists()
        if (folder / "card.json").exists():
            shutil.rmtree(folder)
    return hits


@pytest.mark.slow  # each run has a kill within a save: below
def test_c32_three_kills_leave_the_same_curve(trainers: Trainers, unbroken: tuple[Path, float], tmp_path: Path) -> None:
    plain, _ = unbroken
    folder = tmp_path / "run"
    for reached in sorted(random.Random(0).sample(range(3, STEPS - 6), 3)):
        pid = trainers.start(call="train", folder=str(folder), resume=True, **SAVING)
        forking.until(lambda: steps_of(folder) >= reached)  # noqa: B023  asked at once
        assert trainers.kill(pid) == -signal.SIGKILL
    go_on_to_the_end(trainers, folder)
    assert_same(folder, plain)


def steps_of(folder: Path) -> int:
    """How many steps are in the records."""
    try:
        return max((step for step, _ in read_metrics(folder).series.get("loss", ())), default=0)
    except OSError:
        return 0


@pytest.mark.slow
def test_c32_fifty_kills_leave_the_same_curve(trainers: Trainers, unbroken: tuple[Path, float], tmp_path: Path) -> None:
    plain, duration = unbroken
    dice, hits, runs = random.Random(1), 0, 0
    while hits < 50:
        folder = tmp_path / f"run-{runs}"
        runs += 1
        hits += kill_at_random(trainers, folder, 4, 0.8 * duration, dice)
        go_on_to_the_end(trainers, folder)
        assert_same(folder, plain)


def test_c32_a_kill_within_a_save(trainers: Trainers, unbroken: tuple[Path, float], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    pid = trainers.start(call="train", folder=str(folder), **SAVING)
    forking.until(lambda: len(checkpoints.saved(folder)) > 1 and bool(list(folder.glob("checkpoints/.step*"))))
    trainers.kill(pid)
    go_on_to_the_end(trainers, folder)
    assert_same(folder, unbroken[0])


def equal(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> bool:
    return found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_c33_c37_a_kill_before_each_system_call_of_a_save(trainers: Trainers, tmp_path: Path) -> None:
    states = {step: tensors(forking.stepped(step)) for step in (2, 3)}
    seen: list[int] = []
    code = -1
    for at in range(1, 200):
        folder = tmp_path / str(at)
        trainers.start(call="save_and_die", folder=str(folder), at=at)
        code = trainers.wait()
        checkpoints.sweep(folder)
        loaded = checkpoints.newest(folder)
        assert loaded is not None
        assert loaded.passed_over == ()
        step = loaded.about["step"]
        assert equal(loaded.tensors, states[step])
        assert not list(folder.glob("checkpoints/.*"))
        seen.append(step)
        if code == 0:
            break
    assert code == 0
    assert len(seen) > 15
    assert seen == sorted(seen)
    assert set(seen) == {2, 3}


def test_c34_power_is_lost_after_any_system_call(tmp_path: Path) -> None:
    """What was not flushed may be torn or missing, and a rename that was not flushed may not have happened."""
    run = tmp_path / "run"
    states = {step: forking.stepped(step) for step in (1, 2, 3)}
    wanted = {step: tensors(state) for step, state in states.items()}
    for step in (1, 2):
        checkpoints.save(run, states[step], 2)
    flushed: set[Path] = {path for path in run.rglob("*") if path.is_file()}
    renamed: list[tuple[Path, Path]] = []
    moments: list[tuple[Path, set[Path], list[tuple[Path, Path]]]] = []

    def before(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "fsync":
            path = Path(f"/proc/self/fd/{arguments[0]}").readlink()
            flushed.add(path)
            if path.is_dir():
                renamed.clear()
        elif name == "rename":
            old, new = Path(arguments[0]), Path(arguments[1])
            flushed.update({new / p.relative_to(old) for p in flushed if p.is_relative_to(old)})
            if not new.name.startswith("."):
                renamed.append((old, new))
        busy.append(name)
        if len(busy) == 1:  # copying calls what is watched
            copy = tmp_path / f"moment-{len(moments)}"
            shutil.copytree(run, copy)
            moments.append((copy, set(flushed), list(renamed)))
        busy.pop()

    busy: list[str] = []
    with forking.watched(before):
        checkpoints.save(run, states[3], 2)
    moments.append((run, flushed, renamed))
    assert len(moments) > 15
    found = set()
    for number, (copy, safe, moved) in enumerate(moments):
        for part in (0.0, 0.5):
            torn = tmp_path / f"torn-{number}-{part}"
            shutil.copytree(copy, torn)
            for path in torn.rglob("*"):
                if path.is_file() and run / path.relative_to(torn) not in safe:
                    path.write_bytes(path.read_bytes()[: int(part * path.stat().st_size)])
            for old, new in moved:
                if (torn / new.relative_to(run)).exists() and part == 0:
                    (torn / new.relative_to(run)).rename(torn / old.relative_to(run))
            loaded = checkpoints.newest(torn)
            assert loaded is not None
            assert equal(loaded.tensors, wanted[loaded.about["step"]])
            found.add(loaded.about["step"])
    assert found == {2, 3}


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_c46_a_writer_that_is_killed_loses_nothing_but_its_last_record(
    trainers: Trainers, tmp_path: Path, kills: int
) -> None:
    path, dice, written = tmp_path / "metrics.jsonl", random.Random(kills), 0
    course = Course({}, [], 0)
    for _ in range(kills):
        before = path.stat().st_size if path.exists() else 0
        pid = trainers.start(call="write_records", folder=str(tmp_path), begin=written + 1)
        forking.until(lambda: path.exists() and path.stat().st_size > before + 200)  # noqa: B023  asked at once
        time.sleep(dice.uniform(0, 0.01))
        assert trainers.kill(pid) == -signal.SIGKILL
        course = read_metrics(tmp_path)
        written = course.series["loss"][-1][0]
        assert path.read_bytes().count(b"\n") + course.torn == written + course.skipped  # each line is one of them
    assert course.skipped <= kills
    assert course.series["loss"] == [(step, 1 / step) for step in range(1, written + 1)]
    drawn = read_course(tmp_path, 480)
    assert (drawn.last, drawn.skipped) == (written, course.skipped - course.torn)


def test_c46_a_damaged_record_is_counted_and_passed_over(tmp_path: Path) -> None:
    from glasswork.training.metrics import Metrics

    metrics = Metrics(tmp_path)
    for step in range(1, 11):
        metrics.add(step, 0.0, loss=float(step))
    metrics.add(11, 0.0, loss=float("nan"))
    metrics.close()
    path = tmp_path / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[4] = b'{"step": 5, "lo\x00\xff\n'
    path.write_bytes(b"".join(lines) + b'{"step": 12, "lo')
    course = read_metrics(tmp_path)
    assert course.skipped == 2
    assert [step for step, _ in course.series["loss"]] == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    again = Metrics(tmp_path)
    again.add(13, 0.0, loss=13.0)
    again.close()
    assert read_metrics(tmp_path).series["loss"][-1] == (13, 13.0)
    assert read_metrics(tmp_path).skipped == 2
