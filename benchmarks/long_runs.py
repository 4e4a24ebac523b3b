"""Opening runs of a million and of ten million steps in the page.

Their records would be a gigabyte and twenty-six; what a page reads of them is the summary and the newest records. So
the summary is worked out here at once, and all of metrics.jsonl but its end is a hole. That these are the files that
a trainer writes, byte for byte, is a test (tests/training/test_summary.py).

python -m benchmarks.long_runs
"""

from __future__ import annotations

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

from benchmarks.figures import Figure
from glasswork.training.summary import FOLDER, NAMES, RECORDS, ROW, SIZES
from scripts.chromium import FLAGS, find_browser

FINE, COARSE = SIZES
AT_ONCE = COARSE * 16  # records that are worked out together
LENGTH = 32  # bytes of a value with its name, at most; so much of the hole each takes
REAL = 2 * COARSE  # records at the end that are written
POINTS = 480
RUNS = {"million": (1_000_000, 50), "ten-million": (10_000_000, 100)}
ROUNDS = 3
BAR = 2.0


def names_of(series: int) -> list[str]:
    """What a run records, in its order."""
    return ["seconds", "loss", *(f"gradient/layer{i}" for i in range(series - 1))]


def values_of(steps: np.ndarray, series: int) -> np.ndarray:
    """(N,) -> (N, 1 + series): the seconds, then waves with a needle now and then, each rounded as it is written."""
    waves = np.sin(steps[:, None] / 977 + np.arange(series)) + 2
    at = (steps[:, None] + 1000 * np.arange(series)) % 333_333
    waves += 3.0 * (at == 7) - 1.5 * (at == 77_777)
    return np.column_stack([np.round(steps / 50, 3), np.round(waves, 6)])


def write_run(folder: Path, steps: int, series: int, real: int = REAL) -> None:
    """A run's folder as its trainer leaves it, of which only the newest `real` records are in metrics.jsonl."""
    from glasswork import recipes
    from glasswork.training.config import as_record

    place = folder / FOLDER
    place.mkdir(parents=True)
    config = recipes.config("tiny-vgg-digits").changed({"steps": steps})
    (folder / "run.json").write_text(json.dumps({"recipe": "tiny-vgg-digits", **as_record(config)}))
    names = names_of(series)
    (place / NAMES).write_text("".join(json.dumps(name) + "\n" for name in names))
    (place / "events").touch()
    begins = max(0, steps - real) // FINE * FINE  # records before it are a hole
    line = LENGTH * (len(names) + 1)
    with (
        (folder / RECORDS).open("wb") as records,
        (place / f"{FINE}.rows").open("wb") as fine,
        (place / f"{COARSE}.rows").open("wb") as coarse,
    ):
        records.seek(begins * line)
        for first in range(0, steps, AT_ONCE):
            at = np.arange(first + 1, min(first + AT_ONCE, steps) + 1)
            values = values_of(at, series)
            offsets = np.array([*_written(records, at, values, names, begins, line)])
            rows = _rows(at, values, offsets)
            fine.write(rows.tobytes())
            coarse.write(_coarser(rows, len(names)).tobytes())


def _written(
    file, steps: np.ndarray, values: np.ndarray, names: list[str], begins: int, line: int
) -> Iterator[int]:  # fmt: skip
    """Where each record begins, in bytes; those after the hole are written."""
    for step, row in zip(steps.tolist(), values, strict=True):
        if step <= begins:
            yield (step - 1) * line
        else:
            yield file.tell()
            file.write(json.dumps({"step": step, **dict(zip(names, row.tolist(), strict=True))}).encode() + b"\n")


def _rows(steps: np.ndarray, values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The rows of the blocks that are full, sums taken one after another as a trainer does."""
    blocks, series = len(steps) // FINE, values.shape[1]
    each = values[: blocks * FINE].reshape(blocks, FINE, series)
    rows = np.zeros((blocks, series), ROW)
    rows["series"], rows["count"] = np.arange(series), FINE
    rows["first"], rows["last"] = (steps[at : blocks * FINE : FINE, None] for at in (0, FINE - 1))
    rows["offset"] = offsets[: blocks * FINE : FINE, None]
    rows["low"], rows["high"] = each.min(1), each.max(1)
    rows["total"] = np.cumsum(each, 1)[:, -1]
    return rows.reshape(-1)


def _coarser(rows: np.ndarray, series: int) -> np.ndarray:
    several = COARSE // FINE
    blocks = len(rows) // series // several
    each = rows[: blocks * several * series].reshape(blocks, several, series)
    made = each[:, 0].copy()
    made["count"], made["last"] = COARSE, each["last"][:, -1]
    made["low"], made["high"] = each["low"].min(1), each["high"].max(1)
    made["total"] = np.cumsum(each["total"], 1)[:, -1]
    return made.reshape(-1)


def answered(runs: Path, name: str) -> float:
    """Seconds from a page's request to its answer's last byte, of a program that has just been started."""
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
        files = TraceFileStore(runs)
        cancelled = threading.Event()

    respondent = Respondent(runs=runs)
    request = OpenCourse(request=1, run=name, points=POINTS)
    begun = time.perf_counter()
    size = sum(len(answer) for answer in respondent(request, Page()) if isinstance(answer, bytes))
    seconds = time.perf_counter() - begun
    assert size > POINTS * RUNS[name][1]
    return seconds


def opened(runs: Path) -> dict[str, float]:
    """Seconds from the address to a drawn loss in Chromium, by run; each time a server that knows nothing of it."""
    from glasswork.scenes.respond import Respondent
    from glasswork.server.run import LocalServer
    from glasswork.server.settings import Settings

    took: dict[str, list[float]] = {name: [] for name in RUNS}
    with tempfile.TemporaryDirectory() as home, sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=find_browser(), args=FLAGS)
        for _ in range(ROUNDS):
            for name in RUNS:
                server = LocalServer(Settings(port=0, home=Path(home)), lambda: Respondent(runs=runs))
                server.start()
                server.warmed.result()
                page = browser.new_page()
                page.goto(server.opening_address("/"))
                begun = time.perf_counter()
                page.goto(f"{server.origin}/train?run={name}")
                page.wait_for_selector("path[data-curve$='#loss']", state="attached")
                page.evaluate("() => new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)))")
                took[name].append(time.perf_counter() - begun)
                page.close()
                server.stop()
        browser.close()
    return {name: statistics.median(each) for name, each in took.items()}


def measure() -> list[Figure]:
    """How long each run takes to be answered for, and to stand in the page."""
    with tempfile.TemporaryDirectory() as place:
        runs = Path(place) / "runs"
        for name, (steps, series) in RUNS.items():
            write_run(runs / name, steps, series)
        answers = {name: answered(runs, name) for name in RUNS}
        pages = opened(runs)
    figures = []
    for name, (steps, series) in RUNS.items():
        what = f"a run of {steps:,} steps and {series} series"
        figures.append(Figure(f"{what}, answered", answers[name], BAR, "s"))
        figures.append(Figure(f"{what}, drawn in the page", pages[name], BAR, "s"))
    return figures


if __name__ == "__main__":
    for figure in measure():
        print(f"{figure.what}: {figure.measured:.3f} {figure.unit} (bar {figure.bar:g})")
