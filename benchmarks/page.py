"""The page in a real Chromium: how much it loads, how soon numbers stand there, and what 200 pictures leave behind."""

from __future__ import annotations

import gzip
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import CDPSession, Page, WebSocket, sync_playwright

from benchmarks.figures import Figure
from glasswork import data
from glasswork.zoo.packages import weights_folder
from scripts.chromium import FLAGS, find_browser

NETWORK = "tiny-vgg-emoji"
PICTURES, EARLY, LATE = 20, 20, 200
READINGS = 10
"""Of the server's memory, of which the lowest counts: what it holds, without what is only passing through."""
AT_REST = 500
"""Milliseconds before a card is opened: a reader opens one on a page that stands still, not while it still moves."""

# Resolves when the maps of another run than `before` have been painted: two frames after they entered the page.
PAINTED = """before => new Promise(done => {
  const look = () => {
    const source = document.querySelector('.map')?.dataset.source;
    if (source && source !== before && document.querySelector('[data-figure]'))
      requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())));
    else requestAnimationFrame(look);
  };
  look();
})"""
CHANGE = """input => {
  const address = new URL(location.href);
  address.searchParams.set('input', input);
  history.replaceState(null, '', address);
  dispatchEvent(new PopStateEvent('popstate'));
}"""
NEW_PICTURE = f"""async input => {{
  const before = document.querySelector('.map').dataset.source;
  const start = performance.now();
  ({CHANGE})(input);
  return (await ({PAINTED})(before)) - start;
}}"""
OPEN_CARD = """at => new Promise(done => {
  const start = performance.now();
  const address = new URL(location.href);
  address.searchParams.set('at', at);
  history.replaceState(null, '', address);
  dispatchEvent(new PopStateEvent('popstate'));
  const wanted = `#${at}@value`;
  const look = () => {
    const shown = document.querySelector('.card .num');
    if (shown?.dataset.ref.endsWith(wanted)) requestAnimationFrame(() => done(performance.now() - start));
    else requestAnimationFrame(look);
  };
  look();
})"""


@contextmanager
def app() -> Iterator[tuple[str, int]]:
    """A server of its own: its opening address, and its process."""
    with tempfile.TemporaryDirectory() as home:
        if weights_folder().is_dir():  # what was fetched
            Path(home, "weights").symlink_to(weights_folder())
        command = [sys.executable, "-m", "glasswork", "open", "--no-browser", "--port", "0"]
        environment = {**os.environ, "GLASSWORK_HOME": home, "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
            try:
                assert server.stdout
                line = next(line for line in server.stdout if "http" in line)
                yield next(word for word in line.split() if word.startswith("http")), server.pid
            finally:
                server.terminate()


def resident(process: int) -> float:
    """Resident memory of a process, in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def heap(devtools: CDPSession) -> float:
    """The page's JavaScript heap after collection, with its buffers, in MB."""
    for _ in range(3):
        devtools.send("HeapProfiler.collectGarbage")
    used: dict[str, Any] = devtools.send("Runtime.getHeapUsage")
    return (used["usedSize"] + used.get("backingStorageSize", 0)) / 1e6


def watch_bytes(page: Page) -> dict[str, int]:
    """Counts what the page loads, each answer and frame gzipped by itself."""
    loaded = {"bytes": 0}

    def frame(payload: str | bytes) -> None:
        loaded["bytes"] += len(gzip.compress(payload.encode() if isinstance(payload, str) else payload))

    def socket(opened: WebSocket) -> None:
        opened.on("framereceived", frame)

    page.on("websocket", socket)
    page.on("requestfinished", lambda request: frame(((answer := request.response()) and answer.body()) or b""))
    return loaded


def measure() -> list[Figure]:
    """All figures of the page."""
    names = data.load("emoji", "test").names
    inputs = [f"sample:{name}" for name in (*names, *names)]
    with app() as (address, process), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)  # lets the browser in; the server wakes up
        page.wait_for_selector("canvas", timeout=120_000)
        page.wait_for_timeout(5_000)
        split = urlsplit(address)
        cnn = f"{split.scheme}://{split.netloc}/cnn?network={NETWORK}"

        loaded = watch_bytes(page)
        navigations, first_load = [], 0.0
        for turn in range(6):
            page.goto("about:blank")
            if turn == 0:
                loaded["bytes"] = 0
            page.goto(cnn, wait_until="commit")
            navigations.append(page.evaluate(PAINTED, ""))
            if turn == 0:
                page.wait_for_timeout(500)
                first_load = loaded["bytes"] / 1e6

        devtools = page.context.new_cdp_session(page)
        redraws: list[float] = []
        memories: dict[int, float] = {}
        heaps: dict[int, float] = {}
        for number in range(1, LATE + 1):
            seconds = page.evaluate(NEW_PICTURE, inputs[number]) / 1e3
            if number <= PICTURES:
                redraws.append(seconds)
            end = EARLY if number <= EARLY else LATE
            if number > end - READINGS:
                memories[end] = min(memories.get(end, float("inf")), resident(process))
            if number == end:
                page.wait_for_timeout(500)
                memories[end], heaps[end] = min(memories[end], resident(process)), heap(devtools)
        cards = []
        for turn in range(PICTURES):
            page.wait_for_timeout(AT_REST)
            cards.append(
                page.evaluate(OPEN_CARD, f"block{1 + turn % 2}.conv2[0,{turn % 12},{5 + turn},{9 + turn % 7}]")
            )
        browser.close()
    return [
        Figure("first load, gzip", first_load, 1.5, "MB"),
        Figure("navigation to real maps, median of 6", statistics.median(navigations) / 1e3, 1.5, "s"),
        Figure(f"new picture to all maps, median of {PICTURES}", statistics.median(redraws), 0.25, "s"),
        Figure(f"an open card to its numbers, median of {PICTURES}", statistics.median(cards), 100, "ms"),
        Figure(f"server memory, picture {LATE} / {EARLY}", memories[LATE] / memories[EARLY], 1.02, "x"),
        Figure(f"page heap after collection, picture {LATE} / {EARLY}", heaps[LATE] / heaps[EARLY], 1.02, "x"),
    ]
