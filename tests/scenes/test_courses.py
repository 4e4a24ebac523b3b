"""Runs as the app sees them, with real trainers in processes of their own."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from glasswork import recipes
from glasswork.errors import GlassworkError
from glasswork.scenes.courses import Courses, RunView

SETTINGS = {
    "sizes.width": "2", "batch": "8", "validation": "40", "steps": "100000", "save_every": "20", "record_every": "1",
    "keep": "0", "evaluate_every": "50",
}  # fmt: skip


def wait(courses: Courses, name: str, true: Callable[[RunView], bool]) -> RunView:
    end = time.monotonic() + 60
    while not true(view := courses.view(name, 100)):
        assert time.monotonic() < end, view
        time.sleep(0.05)
    return view


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


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/etc", "nothing", "x" * 200, "a\0b", "link"])
def test_a_page_names_runs_and_no_paths(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    list(recipes.run("tiny-vgg-digits", out=outside, steps=1, settings={"sizes.width": 2, "batch": 8}))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "link").symlink_to(outside)
    courses = Courses(tmp_path / "runs")
    assert courses.names() == []
    with pytest.raises(GlassworkError, match="no run called"):
        courses.view(name, 10)
