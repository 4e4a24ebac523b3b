"""Runs as the app sees them, with real trainers in processes of their own."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from glasswork import recipes, training
from glasswork.errors import GlassworkError
from glasswork.scenes.courses import Courses, RunView
from glasswork.scenes.messages import speaking as s
from glasswork.scenes.messages import training as t
from glasswork.scenes.respond import Respondent
from glasswork.training import course

SETTINGS = {
    "sizes.width": "2", "batch": "8", "validation": "40", "steps": "100000", "save_every": "20", "record_every": "1",
    "keep": "0", "evaluate_every": "50",
}  # fmt: skip

QUICK = {"sizes.width": 2, "batch": 8, "validation": 40}


def wait(courses: Courses, name: str, true: Callable[[RunView], bool]) -> RunView:
    end = time.monotonic() + 60
    while not true(view := courses.view(name, 100)):
        assert time.monotonic() < end, view
        time.sleep(0.05)
    return view


@pytest.mark.slow
def test_a_run_is_begun_paused_stepped_stopped_resumed_and_killed(tmp_path: Path) -> None:
    courses = Courses(tmp_path / "runs")
    assert courses.names() == []
    name = courses.start("tiny-vgg-digits", SETTINGS)
    assert courses.view(name, 100).state == "starting"
    running = wait(courses, name, lambda view: view.drawn.last > 30)
    assert running.config is not None
    assert (running.state, running.recipe, running.config.steps) == ("running", "tiny-vgg-digits", 100_000)
    assert running.saved[:2] == [0, 20]
    courses.steer(name, "pause", 0)
    paused = wait(courses, name, lambda view: view.state == "paused")
    courses.steer(name, "rate", 0.003)
    courses.steer(name, "step", 0)
    stepped = wait(courses, name, lambda view: view.drawn.last > paused.drawn.last)
    assert stepped.drawn.last == paused.drawn.last + 1
    assert stepped.drawn.series["learning_rate"].low[-1] == pytest.approx(0.003)
    courses.steer(name, "stop", 0)
    courses.steer(name, "go", 0)
    wait(courses, name, lambda view: view.state == "stopped")
    with pytest.raises(GlassworkError, match="nobody trains this run now"):
        courses.steer(name, "pause", 0)
    courses.resume(name)
    again = wait(courses, name, lambda view: view.state == "running" and view.drawn.last > stepped.drawn.last + 5)
    with pytest.raises(GlassworkError, match="is being trained"):
        courses.resume(name)
    os.kill(int(again.pid.split()[1]), signal.SIGKILL)
    died = wait(courses, name, lambda view: view.state == "died")
    assert "signal 9" in died.why
    other = Courses(tmp_path / "runs")  # the app, started again
    assert other.names() == [name]
    assert other.view(name, 100).state == "died"
    assert len(other.view(name, 7).drawn.series["loss"].steps) == 7


def losses(folder: Path) -> list[float]:
    records = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [record["loss"] for record in records if "loss" in record]


@pytest.mark.slow
def test_twenty_who_look_change_nothing(tmp_path: Path) -> None:
    settings = {**SETTINGS, "steps": "150", "sizes.width": "3"}
    alone, watched = Courses(tmp_path / "alone"), Courses(tmp_path / "watched")
    name = alone.start("tiny-vgg-digits", settings)
    wait(alone, name, lambda view: view.state == "finished")
    assert watched.start("tiny-vgg-digits", settings) == name
    over = threading.Event()

    def look() -> None:
        own = Courses(tmp_path / "watched")
        while not over.wait(0.05):
            if own.names():  # it writes its settings when its data is read
                own.view(name, 300)

    viewers = [threading.Thread(target=look) for _ in range(20)]
    for viewer in viewers:
        viewer.start()
    wait(watched, name, lambda view: view.state == "finished")
    over.set()
    for viewer in viewers:
        viewer.join()
    assert losses(watched.folder(name)) == losses(alone.folder(name))
    assert len(losses(alone.folder(name))) == 150


@pytest.mark.slow
def test_a_second_app_sees_who_trains_and_takes_nothing_over(tmp_path: Path) -> None:
    first, second = Courses(tmp_path), Courses(tmp_path)
    name = first.start("tiny-vgg-digits", SETTINGS)
    running = wait(first, name, lambda view: view.drawn.last > 5)
    assert second.view(name, 10).state == "running"
    assert second.view(name, 10).pid == running.pid
    with pytest.raises(GlassworkError, match="is being trained") as refused:
        second.resume(name)
    assert running.pid in str(refused.value)
    second.steer(name, "stop", 0)  # to steer is everybody's
    wait(first, name, lambda view: view.state == "stopped")


def test_a_damaged_line_in_the_middle_costs_that_line(tmp_path: Path) -> None:
    list(recipes.run("tiny-vgg-digits", out=tmp_path / "a", steps=30, settings={**QUICK, "record_every": 1}))
    path = tmp_path / "a" / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[11] = lines[11][:20] + b"\xff\x00{" + lines[11][23:]
    path.write_bytes(b"".join(lines))
    drawn = Courses(tmp_path).view("a", 100).drawn
    assert [step for step in range(1, 31) if step not in drawn.series["loss"].steps] == [12]
    assert drawn.last == 30
    assert drawn.skipped == 1


def test_c46_a_long_run_counts_what_is_damaged_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "FEW", 0)  # bytes: every run is a long one
    folder = tmp_path / "a"
    list(recipes.run("tiny-vgg-digits", out=folder, steps=80, settings={**QUICK, "record_every": 1, "save_every": 80}))
    path = folder / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[11] = lines[11][:20] + b"\xff\x00{" + lines[11][23:]
    path.write_bytes(b"".join(lines))
    list(recipes.run("tiny-vgg-digits", out=folder, steps=150, resume=True))
    lines = path.read_bytes().splitlines(keepends=True)
    lines.insert(-1, b"no record\n")
    path.write_bytes(b"".join(lines) + b'{"step": 151, "lo')  # which is being written
    drawn = Courses(tmp_path).view("a", 1000).drawn
    assert drawn.skipped == 2
    assert drawn.last == 150
    assert drawn.series["loss"].count.sum() == 149
    assert [event["event"] for event in drawn.events] == ["finished", "resumed", "finished"]
    assert [event["event"] for event in course.read_events(folder)] == ["finished", "resumed", "finished"]


def test_a_loop_of_the_readers_own_is_shown_and_told_that_somebody_looks(tmp_path: Path) -> None:
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with training.watch(model, optimizer, tmp_path / "own", every=1) as watch:
        for _ in range(4):
            optimizer.zero_grad()
            loss = model(torch.ones(1, 3)).square().sum()
            loss.backward()
            watch.loss(loss)
            optimizer.step()
        view = Courses(tmp_path).view("own", 10)
        assert (view.recipe, view.title, view.state, view.config) == ("watched", "Linear", "running", None)
        assert list(view.drawn.series["loss"].steps) == [1, 2, 3, 4]
        Courses(tmp_path).look("own")
        assert (tmp_path / "own" / "looking").is_file()
    assert Courses(tmp_path).view("own", 10).state == "finished"
    assert [one.name for one in Courses(tmp_path).standings()] == ["own"]


def test_what_can_not_be_begun_is_said_at_once(tmp_path: Path) -> None:
    courses = Courses(tmp_path / "runs")
    with pytest.raises(GlassworkError, match="no setting called"):
        courses.start("tiny-vgg-digits", {"colour": "red"})
    with pytest.raises(GlassworkError, match="no recipe called"):
        courses.start("../x", {})
    assert courses.names() == []
    name = courses.start("tiny-vgg-digits", {"data": "emoji"})
    failed = wait(courses, name, lambda view: view.state not in ("starting", "running"))
    assert failed.state == "failed"
    assert "can't be trained on emoji" in failed.why


def test_a_page_names_runs_and_no_paths(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    list(recipes.run("tiny-vgg-digits", out=outside, steps=1, settings={"sizes.width": 2, "batch": 8}))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "link").symlink_to(outside)
    courses = Courses(tmp_path / "runs")
    assert courses.names() == []
    for name in ("..", ".", "", "a/b", "/etc", "nothing", "x" * 200, "a\0b", "link"):
        with pytest.raises(GlassworkError, match="no run called"):
            courses.view(name, 10)


@pytest.mark.slow
def test_a_text_of_ones_own_is_kept_with_its_run_whose_moments_open_as_language_models(tmp_path: Path) -> None:
    respond = Respondent(runs=tmp_path)
    inputs = SimpleNamespace(read=None)
    session: Any = SimpleNamespace(cancelled=threading.Event(), inputs=inputs, files=None)
    settings = {"steps": "4", "save_every": "2", "batch": "2", "sizes.width": "16", "sizes.heads": "2"}
    for text, said in (("short", "it has 5 characters"), ("a" * 2_000_001, "from 1,000 to 2,000,000 fit")):
        with pytest.raises(GlassworkError, match=said):
            list(respond(t.StartRun(request=1, recipe="text", settings=settings, text=text), session))
    assert not list(tmp_path.iterdir())
    text = "the cat sat on the mat.\n" * 100
    (begun,) = respond(t.StartRun(request=2, recipe="text", settings=settings, text=text), session)
    assert isinstance(begun, t.Steered)
    wait(respond.training.courses, begun.run, lambda view: view.state == "finished")
    assert (tmp_path / begun.run / "text.txt").read_text(encoding="utf-8") == text
    (read,) = respond(s.OpenText(request=3, network=f"run:{begun.run}@4", text="the ca"), session)
    assert isinstance(read, bytes)
    header = json.loads(read[4 : 4 + int.from_bytes(read[:4], "little")])
    network = respond.networks.load(f"run:{begun.run}@4")
    assert network.vocabulary is not None
    with torch.no_grad():
        told = network.module(torch.tensor([network.vocabulary.encode("the ca").tolist()]))[0, -1].softmax(0)
    assert header["probability"]["value"] == pytest.approx(told.max().item(), abs=1e-5)
    assert header["followed"]["id"] == int(told.argmax())
