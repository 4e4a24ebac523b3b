"""The playground in a real Chromium: how fast it trains while it is drawn, and how long the spiral takes it."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Page, sync_playwright

from benchmarks.figures import Figure
from benchmarks.page import app
from scripts.chromium import FLAGS, find_browser

PEER_EPOCHS, PEER_SECONDS = 18, 7.4
"""TensorFlow Playground on a machine of this size: six layers of eight, 200 + 200 points, batches of ten."""
TIMES, FRAMES, SOLVED, WATCHED = 10, 30, 0.97, 15
SECONDS = 10
PEERS = "six layers of eight"
SPIRAL = "the spiral, solved"

# Plays for some seconds: epochs gone through, and pictures drawn, a second. A picture counts when the page has painted
# another step than the one before.
PLAY = """seconds => new Promise(done => {
  const step = () => Number(document.querySelector('footer b.size').textContent.replace(/[^0-9]/g, ''));
  const epoch = () => Number(document.querySelector('footer .size.quiet').textContent.replace(/[^0-9.]/g, ''));
  const begun = performance.now(), from = epoch();
  let frames = 0, last = step();
  const look = () => {
    const now = step();
    if (now !== last) { frames++; last = now; }
    const passed = (performance.now() - begun) / 1000;
    if (passed < seconds) requestAnimationFrame(look);
    else done({ epochs: (epoch() - from) / passed, frames: frames / passed });
  };
  requestAnimationFrame(look);
})"""
# Starts it, and watches until the sentence says that this share of unseen points is told rightly.
WATCH = """([wanted, most]) => new Promise(done => {
  const begun = performance.now();
  [...document.querySelectorAll('footer button')].find(one => one.ariaLabel === 'Train').click();
  const look = () => {
    const right = Number(document.querySelector("h1 [data-ref*='accuracy']")?.textContent ?? 0);
    const passed = (performance.now() - begun) / 1000;
    if (right >= wanted || passed > most) done({ passed, right });
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})"""


def choose(page: Page, address: str, preset: str) -> None:
    """Open the playground with a preset."""
    page.goto(f"{address}/perceptron?view=playground")
    page.wait_for_selector("footer b.size", timeout=120_000)
    page.get_by_role("button", name=preset, exact=True).click()
    page.wait_for_timeout(1_500)
    page.wait_for_selector("footer b.size", timeout=120_000)


def measure() -> list[Figure]:
    """All figures of the playground."""
    with app() as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(address)
        split = urlsplit(address)
        root = f"{split.scheme}://{split.netloc}"
        choose(page, root, PEERS)
        page.get_by_role("button", name="Train", exact=True).click()
        page.wait_for_timeout(1_000)
        played = page.evaluate(PLAY, SECONDS)
        choose(page, root, SPIRAL)
        solved = page.evaluate(WATCH, [SOLVED, 4 * WATCHED])
        browser.close()
    seconds = solved["passed"] if solved["right"] >= SOLVED else float("inf")
    peer = PEER_EPOCHS / PEER_SECONDS
    return [
        Figure("playground, TF Playground's epochs / ours, in the same time", peer / played["epochs"], 1 / TIMES, "x"),
        Figure("playground, epochs a second while drawn", played["epochs"], None, "/s"),
        Figure("playground, a drawn frame while it trains", 1e3 / played["frames"], 1e3 / FRAMES, "ms"),
        Figure("playground, watching until the spiral is told .97 rightly", seconds, WATCHED, "s"),
    ]


if __name__ == "__main__":
    for figure in measure():
        print(figure)
