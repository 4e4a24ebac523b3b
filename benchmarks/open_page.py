"""The page of any network in a real Chromium: how soon ResNet-152 and GPT-2 stand there, and how smoothly they move.

The server runs by itself and has both networks loaded; each opening is a navigation with an input that was never run,
so that it pays for the run forward and backward, for what is sent, and for drawing it. Frames are counted while the
graph is panned over its whole width, and for a second from each click that folds or unfolds.

    python -m benchmarks.open_page
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import torch
from playwright.sync_api import Page, sync_playwright

from benchmarks.figures import Figure
from scripts.chromium import FLAGS, find_browser

NETWORKS = {"ResNet-152": "torchvision.models:resnet152", "GPT-2": "benchmarks.tracing:gpt2"}
INPUTS = 6
"""Of each network; the first wakes it up and is not counted."""
FRAMES = 90
SECOND = 1000

# Resolves when the pictures of the graph have been painted: two frames after they entered the page.
PAINTED = """() => new Promise(done => {
  const look = () => {
    if (document.querySelector('.graph .cell'))
      requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())));
    else requestAnimationFrame(look);
  };
  look();
})"""
# Milliseconds a frame while the graph moves a screen's tenth each frame, there and back.
PAN = """frames => new Promise(done => {
  const columns = document.querySelector('.graph .scroller');
  const far = columns.scrollWidth - columns.clientWidth;
  const step = Math.max(1, Math.min(columns.clientWidth / 10, (2 * far) / frames));
  let at = 0, count = 0, start = 0;
  const move = now => {
    start ||= now;
    if (count++ === frames) return done((now - start) / frames);
    at = (at + step) % (2 * Math.max(far, 1));
    columns.scrollLeft = at > far ? 2 * far - at : at;
    requestAnimationFrame(move);
  };
  requestAnimationFrame(move);
})"""
# The same for as long as given after a click on the first element of its kind in sight; null where there is none.
CLICK = """([kind, milliseconds]) => new Promise(done => {
  const sight = document.querySelector('.graph .scroller').getBoundingClientRect();
  const found = [...document.querySelectorAll(kind)].find(one => {
    const { left, right, width } = one.getBoundingClientRect();
    return width && left >= sight.left && right <= sight.right;
  });
  if (!found) return done(null);
  let count = 0, start = 0;
  const look = now => {
    start ||= now;
    if (now - start >= milliseconds) return done((now - start) / count);
    count++;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  found.click();
})"""


@contextmanager
def app() -> Iterator[str]:
    """A server of its own that has both networks: its opening address."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "benchmarks.open_page", "serve", home]
        environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}  # as `glasswork open` sets it
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
            try:
                assert server.stdout
                yield server.stdout.readline().strip()
            finally:
                server.terminate()


def serve(home: Path) -> None:
    """Print the opening address and serve until the process ends."""
    from glasswork.scenes.respond import Respondent
    from glasswork.server.run import LocalServer
    from glasswork.server.settings import Settings

    generator = torch.Generator().manual_seed(0)
    arrays: dict[str, tuple[str, torch.Tensor]] = {}
    for number in range(INPUTS):
        picture = torch.randn(1, 3, 224, 224, generator=generator)
        words = torch.randint(50257, (1, 64), generator=generator)
        arrays |= {f"ResNet-152-{number}": ("picture", picture), f"GPT-2-{number}": ("words", words)}
    targets = tuple(NETWORKS.values())
    (home / "traces").mkdir()

    def load() -> Respondent:
        respondent = Respondent(traces=home / "traces", targets=targets, arrays=arrays)
        for target in targets:
            respondent.networks.load(target)
        return respondent

    server = LocalServer(Settings(port=0, home=home), load)
    print(server.opening_address("/"), flush=True)
    server.run()


def measure() -> list[Figure]:
    """How soon each network stands there, and milliseconds a frame while it moves."""
    figures: list[Figure] = []
    with app() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)  # lets the browser in
        page.wait_for_selector("main, nav", timeout=120_000)
        split = urlsplit(address)
        for name, target in NETWORKS.items():
            base = f"{split.scheme}://{split.netloc}/open"
            opened = [_opening(page, base, target, f"array:{name}-{number}") for number in range(INPUTS)][1:]
            figures.append(Figure(f"/open, {name}: navigation to its map, median of {len(opened)}",
                                  statistics.median(opened) / 1e3, 2.0, "s"))  # fmt: skip
            figures += _frames(page, base, name, target)
        browser.close()
    return figures


def _opening(page: Page, base: str, target: str, given: str, **state: str) -> float:
    """Milliseconds from navigation until a run is drawn."""
    page.goto("about:blank")
    page.goto(f"{base}?{urlencode({'network': target, 'input': given, **state})}", wait_until="commit")
    return page.evaluate(PAINTED)


def _frames(page: Page, base: str, name: str, target: str) -> Iterator[Figure]:
    bar = SECOND / 30
    for level in ("blocks", "operations"):
        _opening(page, base, target, f"array:{name}-0", level=level)
        page.wait_for_timeout(SECOND)
        yield Figure(f"/open, {name}, {level}: a frame while panned", page.evaluate(PAN, FRAMES), bar, "ms")
        for what, kind in (("unfolded", "button.title"), ("folded", "button.stage")):
            taken = page.evaluate(CLICK, [kind, SECOND])
            if taken is not None:
                yield Figure(f"/open, {name}, {level}: a frame while {what}", taken, bar, "ms")
            page.wait_for_timeout(SECOND)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(Path(sys.argv[2]))
    else:
        for figure in measure():
            print(f"{figure.what}: {figure.measured:.3g} {figure.unit} (bar {figure.bar:.3g})")
