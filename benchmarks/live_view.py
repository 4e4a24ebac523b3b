"""What it costs a trainer to be watched: its CPU time a step with 20 viewers at the real server, one of whom never
reads, against none.

One run, one process: the viewers come and go every few seconds, and the trainer's own CPU time is read from the system
at the records by which its steps are counted. So neither another process's memory nor another minute's machine stands
between the two figures. Afterwards the same steps are taken with nobody near: the losses must be the same.

python -m benchmarks.live_view
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from benchmarks.figures import Figure
from benchmarks.viewers import attending

READERS, SLEEPERS = 19, 1
WINDOW = 4.0  # seconds with viewers, then as many without
ROUNDS = 14
COMPARED = 300  # steps whose losses are compared
BAR = 1.02
SETTINGS = {"steps": "1000000", "record_every": "1", "save_every": "1000", "evaluate_every": "2000", "batch": "32"}


def measure() -> list[Figure]:
    """CPU time of a step with viewers over that without, the median over the rounds."""
    from glasswork.scenes.respond import Respondent
    from glasswork.server.run import LocalServer
    from glasswork.server.settings import Settings

    os.environ["OMP_NUM_THREADS"] = "1"  # of the trainer too
    with tempfile.TemporaryDirectory() as place:
        respondent = Respondent(runs=Path(place) / "runs")
        server = LocalServer(Settings(port=0, home=Path(place)), lambda: respondent)
        server.start()
        server.warmed.result()
        courses = respondent.training.courses
        name = courses.start("tiny-vgg-digits", SETTINGS)
        trainer, folder = courses.started(name), courses.folder(name)
        try:
            until_step(folder, 50)
            with attending(server, name, READERS, SLEEPERS) as attend:
                ratios = list(compared(folder, trainer.pid, attend))
                read = attend(False)["answers"]
        finally:
            trainer.send_signal(signal.SIGINT)
            trainer.wait(60)
            server.stop()
        assert read > ROUNDS * WINDOW * READERS / 2, f"the viewers read only {read} answers"
        assert losses(folder)[:COMPARED] == alone(Path(place) / "alone"), "the losses differ"
    return [Figure("the trainer's CPU time a step, 20 viewers / none", statistics.median(ratios), BAR, "x")]


def compared(folder: Path, pid: int, attend: Callable[[bool], Any]) -> Iterator[float]:
    """With and without viewers by turns: each round's ratio."""
    for number in range(ROUNDS):
        cost = {}
        for watched in (True, False) if number % 2 else (False, True):
            attend(watched)
            time.sleep(0.5)  # who goes is still being answered
            cost[watched] = cpu_a_step(folder, pid)
        yield cost[True] / cost[False]


def cpu_a_step(folder: Path, pid: int) -> float:
    """Seconds of a process's CPU time a step, over a window that begins and ends at a record."""
    begin, before = at_record(folder, pid)
    time.sleep(WINDOW)
    end, after = at_record(folder, pid)
    return (after - before) / (end - begin)


def at_record(folder: Path, pid: int) -> tuple[int, float]:
    """The newest step at the moment when it is noted, and the CPU time until then."""
    path = folder / "metrics.jsonl"
    before = path.stat().st_size
    while path.stat().st_size == before:
        time.sleep(0.0002)
    spent = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(OSError):
            spent += int((task / "schedstat").read_text().split()[0])  # nanoseconds
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 20_000))
        lines = file.read().split(b"\n")[1:-1]
    return max(json.loads(line)["step"] for line in lines), spent / 1e9


def until_step(folder: Path, step: int) -> None:
    """Wait until a run has come so far."""
    path = folder / "metrics.jsonl"
    while not path.is_file() or path.read_bytes().count(b"\n") < step:
        time.sleep(0.1)


def losses(folder: Path) -> list[float]:
    """Of every step."""
    records = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [record["loss"] for record in records if "loss" in record]


def alone(folder: Path) -> list[float]:
    """The losses of the first steps, with nobody near."""
    from glasswork import recipes
    from glasswork.training import Stepped

    torch.set_num_threads(1)
    found: list[float] = []
    for event in recipes.run("tiny-vgg-digits", out=folder, settings=SETTINGS, stop=lambda: len(found) >= COMPARED - 1):
        if isinstance(event, Stepped):
            found.append(event.loss)
    return found


if __name__ == "__main__":
    for figure in measure():
        print(f"{figure.what}: {figure.measured:.4f} {figure.unit} (bar {figure.bar:g})")
