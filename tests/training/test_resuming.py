"""C35, C38, C44, C45: runs that are stopped, damaged or started twice."""

import contextlib
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import forking
import numpy as np
import pytest
from forking import SMALL, Trainers

from glasswork import recipes, zoo
from glasswork.errors import GlassworkError
from glasswork.training import Finished, Saved, Started, Stepped, Stopped, TrainEvent, Warned, checkpoints, read_metrics

EPOCH = 7_960 // 398  # 20 steps
LARGE = {**SMALL, "batch": 398, "evaluate_every": 13}


def run(folder: Path, stop_at: int = 0, steps: int = 30, **given: object) -> list[TrainEvent]:
    """A run of one and a half epochs, stopped after a step or not."""
    seen = [0]

    def asked() -> bool:
        return seen[0] + 1 == stop_at

    settings = {**LARGE, **given}
    happened: list[TrainEvent] = []
    for event in recipes.run(
        "tiny-vgg-digits", out=folder, steps=steps, save_every=6, resume=True, stop=asked, settings=settings
    ):
        if isinstance(event, Stepped):
            seen[0] = event.step
        happened.append(event)
    return happened


def examples(events: list[TrainEvent]) -> list[list[int]]:
    return [e.examples.tolist() for e in events if isinstance(e, Stepped)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[TrainEvent]]:
    folder = tmp_path_factory.mktemp("whole") / "run"
    return folder, run(folder)


@pytest.mark.parametrize(
    "stops",
    [
        pytest.param([7], id="within", marks=pytest.mark.slow),
        pytest.param([EPOCH], id="between epochs"),
        pytest.param([4, 9, 22], id="three times"),
    ],
)
def test_c38_a_resumed_run_is_the_unbroken_one(
    whole: tuple[Path, list[TrainEvent]], stops: list[int], tmp_path: Path
) -> None:
    events: list[TrainEvent] = []
    for stop in [*stops, 0]:
        events += run(tmp_path / "run", stop)
    assert [e.step for e in events if isinstance(e, Stopped)] == stops
    assert [e.step for e in events if isinstance(e, Started)] == [0, *stops]
    assert examples(events) == examples(whole[1])
    assert read_metrics(tmp_path / "run").series["loss"] == read_metrics(whole[0]).series["loss"]
    assert (tmp_path / "run/model.safetensors").read_bytes() == (whole[0] / "model.safetensors").read_bytes()
    assert not any(isinstance(e, Warned) for e in events)


def test_an_epoch_is_seen_once_across_a_resume(whole: tuple[Path, list[TrainEvent]]) -> None:
    seen = examples(whole[1])
    assert sorted(i for step in seen[:EPOCH] for i in step) == list(range(7_960))
    assert seen[0] != seen[EPOCH]


def test_a_finished_run_says_so(whole: tuple[Path, list[TrainEvent]]) -> None:
    started, finished = run(whole[0])
    assert isinstance(started, Started)
    assert isinstance(finished, Finished)
    final = whole[1][-1]
    assert isinstance(final, Finished)
    assert (started.step, finished.steps) == (30, 30)
    assert finished.final == pytest.approx(final.final, abs=1e-4)


def test_a_finished_run_can_be_made_longer(tmp_path: Path) -> None:
    run(tmp_path / "run", steps=3)
    events = run(tmp_path / "run", steps=5)
    assert [e.step for e in events if isinstance(e, Stepped)] == [4, 5]
    assert json.loads((tmp_path / "run/run.json").read_text())["steps"] == 5


def test_without_resume_a_folder_with_a_run_is_left_alone(whole: tuple[Path, list[TrainEvent]]) -> None:
    with pytest.raises(GlassworkError, match=r"this folder holds a run.*--resume"):
        next(recipes.run("tiny-vgg-digits", out=whole[0], steps=1))


def test_another_recipes_run_is_not_resumed(whole: tuple[Path, list[TrainEvent]]) -> None:
    with pytest.raises(GlassworkError, match="started with tiny-vgg-digits"):
        recipes.run("tiny-vgg-emoji", out=whole[0], resume=True)


def test_the_settings_of_a_run_are_its_own_and_changed_ones_are_refused_where_they_do_not_fit(tmp_path: Path) -> None:
    run(tmp_path / "run", stop_at=2)
    with pytest.raises(GlassworkError, match="that of another run"):
        run(tmp_path / "run", **{"sizes.width": 3})


def cut(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 2 // 3)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "harm", "said"),
    [
        pytest.param("state-0-of-1.safetensors", cut, "bytes instead of", marks=pytest.mark.slow),
        ("state-0-of-1.safetensors", flip, "was altered"),
        pytest.param("state-0-of-1.json", flip, "was altered", marks=pytest.mark.slow),
        ("state-0-of-1.safetensors", Path.unlink, "is missing"),
        pytest.param("manifest.json", Path.unlink, "its manifest is missing", marks=pytest.mark.slow),
        ("manifest.json", cut, "its manifest"),
    ],
)
def test_c35_a_damaged_checkpoint_is_passed_over_and_kept_aside(
    name: str, harm: Callable[[Path], None], said: str, whole: tuple[Path, list[TrainEvent]], tmp_path: Path
) -> None:
    run(tmp_path / "run", stop_at=14)
    older, newest = checkpoints.saved(tmp_path / "run")
    assert (older.name, newest.name) == ("step-00000012", "step-00000014")
    harm(newest / name)
    events = run(tmp_path / "run")
    (warned,) = [e for e in events if isinstance(e, Warned)]
    assert newest.name in warned.text
    assert said in warned.text
    assert newest.with_name("step-00000014.bad").is_dir()
    assert examples(events) == examples(whole[1])[12:]
    assert read_metrics(tmp_path / "run").series["loss"] == read_metrics(whole[0]).series["loss"]


def test_two_checkpoints_stay_and_the_best_weights_with_them(whole: tuple[Path, list[TrainEvent]]) -> None:
    saved = [e.step for e in whole[1] if isinstance(e, Saved)]
    assert saved == [6, 12, 18, 24, 29, 30]  # the one before the last too: to look at the last step
    kept = checkpoints.saved(whole[0])
    assert [path.name for path in kept] == ["step-00000029", "step-00000030"]
    tensors, about = checkpoints.read(kept[-1])
    card = zoo.read_card(whole[0] / "card.json")
    assert about["kept"]["step"] == card.steps
    shipped = zoo.read_weights(whole[0] / "model.safetensors", card)
    assert all(np.array_equal(tensors[f"kept.{name}"], value) for name, value in shipped.items())


@pytest.fixture(scope="module")
def trainers() -> Iterator[Trainers]:
    started = Trainers()
    yield started
    started.close()


LONG = ["train", "tiny-vgg-digits", "--steps", "100000", "--save-every", "50000", "--set", "sizes.width=2", "--json"]


def under_way(folder: Path) -> bool:
    with contextlib.suppress(OSError, KeyError):
        return len(read_metrics(folder).series["loss"]) > 0
    return False


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_c44_asked_once_it_saves_and_ends(
    number: signal.Signals, code: int, trainers: Trainers, tmp_path: Path
) -> None:
    folder, log = tmp_path / "run", tmp_path / "log"
    pid = trainers.start(cli=[*LONG, "--out", str(folder)], log=str(log))
    forking.until(lambda: under_way(folder))
    began = time.monotonic()
    os.kill(pid, number)
    assert trainers.wait() == code
    assert time.monotonic() - began < 30
    said = json.loads(log.read_text().splitlines()[-1])
    loaded = checkpoints.newest(folder)
    assert loaded is not None
    assert said["stopped"]
    assert loaded.about["step"] == said["steps"] > 0


def test_c44_asked_twice_it_ends_at_once(trainers: Trainers, tmp_path: Path) -> None:
    """The second comes while the first is heard: inside a long evaluation of the whole step."""
    folder = tmp_path / "run"
    pid = trainers.start(call="stubborn", folder=str(folder))
    forking.until(lambda: (folder / "busy").exists())
    os.kill(pid, signal.SIGINT)
    time.sleep(0.2)
    assert not (folder / "ended").exists()
    began = time.monotonic()
    os.kill(pid, signal.SIGINT)
    assert trainers.wait() == 130
    assert time.monotonic() - began < 5


def test_c45_a_second_trainer_is_refused_and_a_dead_ones_lock_is_taken_over(trainers: Trainers, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    pid = trainers.start(cli=[*LONG, "--out", str(folder)])
    forking.until(lambda: under_way(folder))
    with pytest.raises(GlassworkError, match=f"another process trains this run.*process {pid} "):
        next(recipes.run("tiny-vgg-digits", out=folder, resume=True))
    trainers.kill(pid)
    events = recipes.run("tiny-vgg-digits", out=folder, resume=True)
    assert isinstance(next(events), Started)
    events.close()  # type: ignore[attr-defined]
