"""Opening long runs, and training while somebody looks.

`python -m benchmarks.courses` writes a run of a million records of 50 series first, about a gigabyte and two minutes;
so it is no part of `make bench`.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.figures import Figure
from glasswork.scenes.courses import Courses

STEPS, SERIES = 1_000_000, 50
POINTS = 480
VIEWERS = 20


def write_long_run(folder: Path, steps: int = STEPS, series: int = SERIES) -> None:
    """A run's folder as its trainer leaves it."""
    from glasswork import recipes
    from glasswork.training.config import as_record
    from glasswork.training.metrics import Metrics

    folder.mkdir(parents=True)
    config = recipes.config("tiny-vgg-digits").changed({"steps": steps})
    (folder / "run.json").write_text(json.dumps({"recipe": "tiny-vgg-digits", **as_record(config)}))
    metrics = Metrics(folder)
    names = ["loss", *(f"gradient/layer{i}" for i in range(series - 1))]
    for step in range(1, steps + 1):
        metrics.add(step, step / 50, **{name: math.sin(step / 977 + i) + 2 for i, name in enumerate(names)})
    metrics.close()


def opening(folder: Path) -> Figure:
    """From the request to the answer's last byte, the first time."""
    from glasswork.scenes.messages.training import OpenCourse
    from glasswork.scenes.respond import Respondent
    from glasswork.server.given import TraceFileStore

    class Inputs:
        """Nobody gave a picture."""

        def read(self, name: str, /) -> bytes:
            raise KeyError(name)

    class Page:
        """A page that asks."""

        inputs = Inputs()
        files = TraceFileStore(folder)
        cancelled = threading.Event()

    respondent = Respondent(runs=folder.parent)
    begun = time.perf_counter()
    request = OpenCourse(request=1, run=folder.name, points=POINTS)
    size = sum(len(answer) for answer in respondent(request, Page()) if isinstance(answer, bytes))
    seconds = time.perf_counter() - begun
    assert size > POINTS * SERIES
    return Figure(f"a run of {STEPS:,} steps and {SERIES} series opens", seconds, 2.0, "s")


def looked_at() -> Figure:
    """The trainer's own CPU time a step while 20 viewers ask once a second, one of them never reading; by turns."""
    with tempfile.TemporaryDirectory() as place:
        courses = Courses(Path(place))
        settings = {"steps": "600", "batch": "32", "validation": "40", "evaluate_every": "10000"}
        seconds: dict[bool, list[float]] = {False: [], True: []}
        losses: dict[bool, list[list[float]]] = {False: [], True: []}
        for turn in range(6):
            watched = turn % 2 == 1
            name = courses.start("tiny-vgg-digits", settings)
            over = threading.Event()
            viewers = [
                threading.Thread(target=_look, args=(Path(place), name, over)) for _ in range(VIEWERS if watched else 0)
            ]
            for viewer in viewers:
                viewer.start()
            seconds[watched].append(_cpu(courses, name))
            over.set()
            for viewer in viewers:
                viewer.join()
            lines = (courses.folder(name) / "metrics.jsonl").read_text().splitlines()
            losses[watched].append([record["loss"] for record in map(json.loads, lines) if "loss" in record])
        assert all(each == losses[False][0] for both in losses.values() for each in both)
        ratio = min(seconds[True]) / min(seconds[False])
        return Figure("training with 20 viewers to none, the trainer's CPU", ratio, 1.02, "x")


def _look(root: Path, name: str, over: threading.Event) -> None:
    courses = Courses(root)
    while not over.wait(1.0):
        if name in courses.names():  # it writes its settings when its data is read
            courses.view(name, POINTS)


def _cpu(courses: Courses, name: str) -> float:
    """The CPU time of a run's process, from its own clock at its end."""
    process = courses.started(name)
    ticks = 0
    while process.poll() is None:
        try:
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            ticks = max(ticks, int(fields[11]) + int(fields[12]))
        except OSError:
            break
        time.sleep(0.02)
    return ticks / os.sysconf("SC_CLK_TCK")


def main() -> int:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "runs" / "long"
        write_long_run(folder)
        figures = [opening(folder), looked_at()]
    for figure in figures:
        verdict = "holds" if figure.holds else "not held"
        print(f"{figure.what}: {figure.measured:.3f} {figure.unit}, bar {figure.bar}: {verdict}")
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
