"""The page of language models in a real Chromium: how soon, after a key, every view is of the longer text.

python -m benchmarks.language
"""

from __future__ import annotations

import statistics
from urllib.parse import urlencode, urlsplit

from playwright.sync_api import sync_playwright

from benchmarks.figures import Figure
from benchmarks.page import AT_REST, FLAGS, app, find_browser

NETWORK, TEXT = "gpt-moby", "The whale was "
KEYS = 20
"""Presses of N, which goes on with one more token; the first wakes the page up and is not counted."""

# Milliseconds from a key until no number of the run before stands on the page, no stream waits for its lens, and two
# frames have been painted.
PRESSED = """key => new Promise(done => {
  const refs = () => [...document.querySelectorAll('main [data-ref], footer [data-ref]')].map(one => one.dataset.ref);
  const id = refs().find(ref => ref.startsWith('text:')).slice(5, 21);
  const start = performance.now();
  dispatchEvent(new KeyboardEvent('keydown', { key }));
  const look = () => {
    if (refs().some(ref => ref.includes(id)) || document.querySelector('.ribbons .bare')) requestAnimationFrame(look);
    else requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
  };
  look();
})"""


def measure() -> list[Figure]:
    """A key's way to every view."""
    with app() as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)  # lets the browser in; the server wakes up
        page.wait_for_selector("canvas", timeout=120_000)
        split = urlsplit(address)
        query = urlencode({"network": NETWORK, "text": TEXT})
        page.goto(f"{split.scheme}://{split.netloc}/transformer?{query}")
        page.wait_for_selector(".ribbons rect[data-ref]", timeout=120_000)
        taken = []
        for _ in range(KEYS):
            page.wait_for_timeout(AT_REST)
            taken.append(page.evaluate(PRESSED, "n"))
        browser.close()
    what = f"/transformer, {NETWORK}: a key to every view of {len(TEXT)} tokens and more, median of {KEYS - 1}"
    return [Figure(what, statistics.median(taken[1:]) / 1e3, 0.1, "s")]


if __name__ == "__main__":
    for figure in measure():
        print(f"{figure.what}: {figure.measured:.3g} {figure.unit} (bar {figure.bar:.3g})")
