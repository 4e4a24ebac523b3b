"""C47: two hundred pages that watch a run, one of which never reads, for the seconds that GLASSWORK_SOAK says."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from benchmarks.viewers import Viewers

SOAK = float(os.environ.get("GLASSWORK_SOAK", "180"))  # 28800: the eight hours
READERS, SLEEPERS = 199, 1
RATE = 20  # records a second
WARM = 30.0  # seconds until all have come and have been answered
MOST_GROWTH = 50 << 20
WRITER = f"""
import sys, time
from pathlib import Path
from glasswork.training.locking import locked
from glasswork.training.metrics import Metrics
folder, begun = Path(sys.argv[1]), time.monotonic()
with locked(folder):
    metrics = Metrics(folder)
    for step in range(1, 1 << 40):
        metrics.add(step, step / {RATE}, loss=1 / step, **{{f"gradient/layer{{i}}": i + 1 / step for i in range(12)}})
        time.sleep(max(0.0, begun + step / {RATE} - time.monotonic()))
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Path]:
    """A run that goes on, twenty records a second."""
    folder = tmp_path / "runs" / "going"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"recipe": "watched", "title": "a loop"}))
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)]) as process:
        yield folder
        process.kill()


@pytest.fixture
def program(writer: Path) -> Iterator[tuple[int, str]]:
    """The real app over it: its process, and an opening address."""
    command = [sys.executable, "-m", "glasswork", "open", "--no-browser", "--port", "0", "--runs", str(writer.parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = next(line for line in process.stdout if "http" in line)
        yield process.pid, next(word for word in line.split() if word.startswith("http"))
        process.terminate()


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.slow
def test_c47_two_hundred_who_watch_and_one_who_never_reads_cost_no_memory(
    program: tuple[int, str], writer: Path
) -> None:
    pid, opening = program
    with httpx.Client(trust_env=False) as browser:
        browser.get(opening)
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    origin = opening.partition("/?")[0]
    headers = {"Origin": origin, "Cookie": cookie}
    viewers = Viewers(f"{origin.replace('http', 'ws')}/socket", headers, writer.name, READERS, SLEEPERS)

    async def soak() -> tuple[list[int], list[int], list[int]]:
        there = asyncio.create_task(viewers.stay())
        await asyncio.sleep(WARM)
        sizes, opened, answers = [], [], []
        end = time.monotonic() + SOAK
        while time.monotonic() < end:
            await asyncio.sleep(min(5.0, SOAK / 10))
            assert not there.done()
            sizes.append(resident(pid))
            opened.append(files(pid))
            answers.append(viewers.answers)
        there.cancel()
        await asyncio.wait([there])
        return sizes, opened, answers

    before, idle = files(pid), resident(pid)
    sizes, opened, answers = asyncio.run(soak())
    growth = max(sizes) - sizes[0]
    print(
        f"\n{SOAK:.0f} s: {idle >> 20} MB before, {sizes[0] >> 20} at first, {max(sizes) >> 20} at most, "
        f"{sizes[-1] >> 20} at last; {min(opened)} to {max(opened)} files; "
        f"{(answers[-1] - answers[0]) / SOAK:.0f} courses read a second"
    )
    assert growth < MOST_GROWTH
    assert READERS <= max(opened) - before <= READERS + 2 * SLEEPERS + 4
    assert all(later > earlier for earlier, later in pairwise(answers))
    assert answers[-1] - answers[0] > READERS * len(answers) / 2  # everybody is answered, again and again
    end = time.monotonic() + 30
    while files(pid) > before + 2:
        assert time.monotonic() < end, f"{files(pid)} files are still open, {before} were before"
        time.sleep(0.5)
