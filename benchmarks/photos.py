"""Photos on /cnn in a real Chromium: how soon their names stand there, and every view; and what a long visit leaves.

python -m benchmarks.photos
"""

from __future__ import annotations

import itertools
import statistics
from urllib.parse import urlsplit

from playwright.sync_api import Page, sync_playwright

from benchmarks.figures import Figure
from benchmarks.page import AT_REST, CHANGE, NEW_PICTURE, PAINTED, app, heap, resident
from glasswork import data, zoo
from glasswork.data.photos import NAMES
from scripts.chromium import FLAGS, find_browser

NETWORK = "efficientnet-lite0"
PHOTOS = [f"photo:{name}" for names in NAMES.values() for name in names]
SWITCHED = ("tiny-vgg-fashion", "tiny-vgg-digits", "alexnet-slim", "vgg-slim", "inception-slim", "resnet-slim")
PICTURES, SWITCHES = 500, 20
READINGS = 10

# Milliseconds from a change of the address until the names of another run stand there, and until each way to ask why
# shows its numbers of that run; two frames later they are painted.
SEEN = f"""async input => {{
  const id = () => document.querySelector('.columns section [data-ref^="trace:"]')?.dataset.ref.slice(6, 22);
  const before = id(), start = performance.now();
  ({CHANGE})(input);
  const until = good => new Promise(done => {{
    const look = () => good()
      ? requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)))
      : requestAnimationFrame(look);
    look();
  }});
  const names = await until(() => id() && id() !== before);
  const views = await until(() => {{
    const ways = [...document.querySelectorAll('.method')];
    const shown = one => one.querySelector('.told [data-ref]')?.dataset.ref.startsWith(`why:${{id()}}`);
    return ways.length === 3 && ways.every(shown);
  }});
  return [names, views];
}}"""
SWITCH = f"""async network => {{
  const before = document.querySelector('.map').dataset.source;
  const address = new URL(location.href);
  address.search = `?network=${{network}}`;
  history.replaceState(null, '', address);
  dispatchEvent(new PopStateEvent('popstate'));
  return await ({PAINTED})(before);
}}"""


def measure() -> list[Figure]:
    """All of it; without the weights, what can be measured without them."""
    here = zoo.load(NETWORK).weights != "random"
    with app() as (address, process), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)  # lets the browser in; the server wakes up
        page.wait_for_selector("canvas", timeout=120_000)
        page.wait_for_timeout(5_000)
        split = urlsplit(address)
        cnn = f"{split.scheme}://{split.netloc}/cnn?network="
        figures = [*views(page, f"{cnn}{NETWORK}"), *visit(page, cnn, process)] if here else visit(page, cnn, process)
        browser.close()
    return figures


def views(page: Page, address: str) -> list[Figure]:
    """From a new photo to names, to the three ways to ask why, and to the folded map."""
    page.goto(f"{address}&view=why&input={PHOTOS[-1]}")
    page.wait_for_function("() => document.querySelectorAll('.method .heat').length === 3", timeout=120_000)
    taken = []
    for photo in PHOTOS[:-1]:
        page.wait_for_timeout(AT_REST)
        taken.append(page.evaluate(SEEN, photo))
    names, whys = (statistics.median(each) / 1e3 for each in zip(*taken, strict=True))
    page.goto(f"{address}&input={PHOTOS[-1]}")
    page.evaluate(PAINTED, "")
    maps = []
    for photo in PHOTOS[:-1]:
        page.wait_for_timeout(AT_REST)
        maps.append(page.evaluate(NEW_PICTURE, photo) / 1e3)
    count = len(PHOTOS) - 1
    return [
        Figure(f"/cnn, {NETWORK}: a photo to names, median of {count}", names, 1.0, "s"),
        Figure(f"/cnn, {NETWORK}: a photo to each way to ask why, occlusion coarse, median of {count}", whys, 2.0, "s"),
        Figure(f"/cnn, {NETWORK}: a photo to the folded map, median of {count}", statistics.median(maps), 2.0, "s"),
    ]


def visit(page: Page, address: str, process: int) -> list[Figure]:
    """Memory after many pictures and networks, beside what it was when each network had been seen once."""
    pictures = itertools.cycle(f"sample:{name}" for name in data.load("fashion-mnist", "test").names[:PICTURES])
    networks = itertools.cycle(SWITCHED)
    devtools = page.context.new_cdp_session(page)
    page.goto(f"{address}{SWITCHED[-1]}")
    page.evaluate(PAINTED, "")
    each = PICTURES // SWITCHES
    again = (SWITCHES - 1) % len(SWITCHED) + len(SWITCHED)  # the last network's turn before, after each was there
    readings: list[tuple[float, float]] = []
    for turn in range(SWITCHES):
        page.evaluate(SWITCH, next(networks))
        for _ in range(each):
            page.evaluate(NEW_PICTURE, next(pictures))
        if turn in (again, SWITCHES - 1):
            page.wait_for_timeout(1_000)
            readings.append((min(resident(process) for _ in range(READINGS)), heap(devtools)))
    (early, few), (late, many) = readings
    what = f"{PICTURES} pictures, {SWITCHES} networks switched, beside {each * (again + 1)} and {again + 1}"
    return [
        Figure(f"server memory, {what}", late / early, 1.05, "x"),
        Figure(f"page heap after collection, {what}", many / few, 1.05, "x"),
    ]


if __name__ == "__main__":
    for figure in measure():
        print(f"{figure.what}: {figure.measured:.3g} {figure.unit} (bar {figure.bar:.3g})")
