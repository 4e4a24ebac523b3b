"""Screenshots of every page in its main states into shots/, light and dark, at three widths (make shots)."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from playwright.sync_api import BrowserContext, sync_playwright

from glasswork import zoo

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests/browser")]

from scripts.chromium import FLAGS, find_browser  # noqa: E402
from tests.browser.opening import PATIENCE, WATCH, App  # noqa: E402
from tests.browser.states import OPENED, State, reach, settings_of  # noqa: E402

SHOTS = ROOT / "shots"
SIZES = {1440: (900, 1), 1024: (768, 1), 390: (844, 2)}
"""Width to height and device pixels a pixel."""
NARROW = 720
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def states() -> Iterator[State]:
    """The gallery; the largest network in all its states; the map of each other one."""
    first, *others = [
        row.name for row in sorted(zoo.shipped(), key=lambda row: -row.macs) if row.name.startswith("tiny-vgg")
    ]
    base = settings_of(first, zoo.load(first).samples[0])
    yield State("gallery", "")
    yield State("cnn-map", query=base)
    yield State("cnn-hover", query=base, hover="[data-cell='2 1']")
    yield State("cnn-backward", query={**base, "direction": "backward"})
    for name in ("conv", "second conv", "relu", "pool", "flatten", "output", "softmax", "pixel"):
        yield State(f"cnn-{name.replace(' ', '-')}", query={**base, "at": OPENED[name]})
    for name in ("second conv", "pool"):
        query = {**base, "at": OPENED[name], "direction": "backward"}
        yield State(f"cnn-slope-{name.replace(' ', '-')}", query=query)
    yield State("cnn-terms", query={**base, "at": OPENED["conv"]}, keys=("t",))
    yield State("cnn-keys", query=base, keys=("?",))
    yield State("perceptron", "perceptron")
    yield State("perceptron-forward", "perceptron", {"direction": "forward", "weight": "1,3,300"})
    yield State("gan", "gan", {"at": 1000})
    yield State("gan-slow", "gan", {"at": 1000, "stage": 7, "layers": "belief,real,made,push,manifold"})
    yield State("transformer", "transformer", {"network": "gpt-moby", "text": "Call me Ishmael.", "head": "2.1"})
    yield State("transformer-backward", "transformer", {"network": "gpt-moby", "direction": "backward"})
    yield State("translator", "transformer", {"network": "translate-en-fr", "head": "cross.1.0"})
    yield State("unet", "unet")
    yield State("unet-backward", "unet", {"direction": "backward", "input": "cutout:google-flag-tr"})
    yield State("open-map", "open", query=base)
    yield State("open-operations", "open", query={**base, "level": "operations"})
    yield State("open-backward", "open", query={**base, "direction": "backward"})
    yield State("open-number", "open", query={**base, "at": OPENED["second conv"]})
    yield State("open-slope", "open", query={**base, "at": OPENED["pool"], "direction": "backward"})
    for other in others:
        yield State(f"cnn-{other.removeprefix('tiny-vgg-')}", query=settings_of(other, zoo.load(other).samples[0]))


def small_states() -> Iterator[State]:
    """What only a small screen has: the sheet at its heights, and its tabs."""
    first = max(zoo.shipped(), key=lambda row: row.macs).name
    base = settings_of(first, zoo.load(first).samples[0])
    for name in ("second conv", "relu", "pool", "output", "softmax", "pixel"):
        for height in ("half", "full"):
            query = {**base, "at": OPENED[name], "tab": "number", "sheet": height}
            yield State(f"cnn-{name.replace(' ', '-')}-{height}", query=query)
    slope = {**base, "at": OPENED["pool"], "direction": "backward"}
    yield State("cnn-slope-pool-half", query={**slope, "tab": "number", "sheet": "half"})
    for tab in ("time", "code", "more"):
        yield State(f"cnn-{tab}", query={**base, "at": OPENED["second conv"], "tab": tab})
    for tab in ("number", "whatif", "code", "more"):
        yield State(f"open-{tab}-tab", "open", query={**base, "at": OPENED["second conv"], "tab": tab})


def photograph(context: BrowserContext, app: App, theme: str, width: int) -> Iterator[Path]:
    page = context.new_page()
    for state in (*states(), *(small_states() if width < NARROW else ())):
        reach(page, app, state)
        path = SHOTS / f"{state.name}-{theme}-{width}.png"
        page.screenshot(path=path)
        if state.keys:
            page.keyboard.press("Escape")
        yield path


def main() -> None:
    SHOTS.mkdir(exist_ok=True)
    for old in SHOTS.glob("*.png"):
        old.unlink()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as tools:
        app = App(Path(folder))
        app.start()
        browser = tools.chromium.launch(executable_path=find_browser(), args=FLAGS)
        for theme in THEMES:
            for width, (height, dots) in SIZES.items():
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    device_scale_factor=dots,
                    color_scheme=theme,
                    reduced_motion="reduce",
                    has_touch=width < NARROW,
                )
                context.set_default_timeout(PATIENCE)
                context.add_init_script(WATCH)
                app.enter(context)
                for path in photograph(context, app, theme, width):
                    print(path.relative_to(ROOT), flush=True)
                context.close()
        browser.close()
        app.stop()


if __name__ == "__main__":
    main()
