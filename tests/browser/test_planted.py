"""The truth test can fail: one error of each kind is put on a page, and the same code must find it, as what it is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from asking import Asking
from judging import judge
from opening import App, go
from planting import added, attribute, text
from playwright.sync_api import Browser, Page
from resolver import Resolver
from sightings import collect
from states import DESK, OPENED, Query, settings_of
from windows import Complaints, window

from glasswork import zoo

pytestmark = pytest.mark.browser


class Plant(NamedTuple):
    """An error, and as what it must be found."""

    name: str
    state: str
    found_as: str
    script: str
    """Plants it, and gives the function that takes it away again."""


def pick(change: str) -> str:
    """Let the map answer with something else; `found` is the right answer."""
    return f"""() => {{
        const one = document.querySelector(".map canvas"), was = one.pick;
        one.pick = (x, y) => {{ const found = was(x, y); return found && {{ ...found, {change} }}; }};
        return () => (one.pick = was);
    }}"""


# The last digit, two further: the smallest change that no rounding can explain.
BUMP = r"was.replace(/\d(?=\D*$)/, (digit) => (Number(digit) + 2) % 10)"
FLIP = "was.startsWith('−') ? was.slice(1) : '−' + was.slice(1)"
# Of an exact value, which has more digits than float32 is sure of.
EXACT = r"was.replace(/(\.\d\d)(\d)/, (_, kept, digit) => kept + ((Number(digit) + 2) % 10))"
# Another channel: neighbours of one channel can be equal.
INDEX = r"was.replace(/\[0,(\d+)/, (_, n) => `[0,${n === '0' ? 1 : n - 1}`)"
MIRRORED = """() => {
    const one = document.querySelector("[data-mirrored]");
    one.removeAttribute("data-mirrored");
    return () => one.setAttribute("data-mirrored", "true");
}"""
COLOURED = "path[data-edge]:not([stroke^='var'])"
SOURCE = "${document.querySelector('[data-ref^=trace]').dataset.ref.split('#')[0]}"


def painted(canvas: str) -> str:
    """A wash over panes: on the small canvas that the first is drawn from, or where all are shown."""
    return f"""() => {{
        const one = document.querySelector(".map canvas"){canvas}, ink = one.getContext("2d");
        const was = ink.getImageData(0, 0, one.width, one.height);
        ink.fillStyle = "rgb(120 60 60 / 30%)";
        ink.fillRect(0, 0, one.width, one.height);
        return () => ink.putImageData(was, 0, 0);
    }}"""


PLANTS = [
    Plant("value", "forward", "text", text("[data-ref$='@value']", BUMP)),
    Plant("sign", "conv", "text", text("[data-ref*='@part:']", FLIP)),
    Plant("hyphen for minus", "forward", "text", text(".ends [data-ref]", "was.replace('−', '-')")),
    Plant("measure", "forward", "text", text("[data-ref^='measure:']", BUMP)),
    Plant("edge", "forward", "text", text("[data-ref*='@edge:']", BUMP)),
    Plant("grad", "backward", "text", text("[data-ref$='@grad']", "'0.4321'")),
    Plant("term", "conv", "text", text("[data-ref*='@term:']", BUMP)),
    Plant("remainder", "conv", "text", text("[data-ref*='@remainder:']", BUMP)),
    Plant("gradterm", "slope", "text", text("[data-ref*='@gradterm:']", BUMP)),
    Plant("gradremainder", "slope", "text", text("[data-ref*='@gradremainder:']", BUMP)),
    Plant("part", "conv", "text", text("[data-ref*='@part:']", BUMP)),
    Plant("min", "forward", "text", added(f"<i data-ref='{SOURCE}#block1.conv1@min'>1.23</i>")),
    Plant("max", "forward", "text", added(f"<i data-ref='{SOURCE}#block1.conv1@max'>−1.23</i>")),
    Plant("exact value on hover", "conv", "title", attribute("h1 [data-ref][title]", "title", EXACT)),
    Plant("the other end", "forward", "text", MIRRORED),
    Plant("wrong index", "conv", "text", attribute("h1 [data-ref$='@value']", "data-ref", INDEX)),
    Plant("no such number", "forward", "text", attribute("h1 [data-ref]", "data-ref", "was.replace('#', '#no.')")),
    Plant("cell", "conv", "cell", attribute("rect[data-ref]", "data-value", "Number(was) + 0.001")),
    Plant("line", "forward", "line", attribute("path[data-edge]", "data-value", "was * 1.001 + 1e-4")),
    Plant("width of a line", "forward", "line", attribute("path[data-edge]", "stroke-width", "Number(was) + 0.2")),
    Plant("colour of a line", "forward", "line", attribute(COLOURED, "stroke", "'rgb(9 99 9)'")),
    Plant("slope", "backward", "line", attribute("path[data-edge]", "data-value", "was * 1.001 + 1e-4")),
    Plant("picked address", "forward", "pixel", pick(f"ref: {INDEX.replace('was', 'found.ref')}")),
    Plant("picked value", "forward", "pixel", pick("value: found.value + 0.01")),
    Plant("picked range", "forward", "scale", pick("range: found.range * 1.01")),
    Plant("painted", "forward", "pixel", painted(".parts()[0].painting")),
    Plant("shown", "forward", "pixel", painted("")),
    Plant("read out", "forward", "label", attribute("[data-cell='1 0']", "aria-label", EXACT)),
    Plant("digits alone", "forward", "stray", added("<p>0.713 of all</p>")),
    Plant("digits under a name", "forward", "stray", added("<p class=name>block 0.713</p>")),
    Plant("not a number", "forward", "stray", added("<p class=size>NaN G multiply-adds</p>")),
    Plant("an empty address", "forward", "stray", added("<p data-ref=''>0.713</p>")),
    Plant("a mute canvas", "forward", "stray", added("<canvas width=9 height=9></canvas>")),
    Plant("an error of a sum", "conv", "error", added("<p class=error>3 × 10⁻³</p>")),
]  # fmt: skip

STATES: dict[str, Query] = {
    "forward": {},
    "backward": {"direction": "backward"},
    "conv": {"at": OPENED["conv"]},
    "slope": {"at": OPENED["pool"], "direction": "backward"},
}


@pytest.fixture(scope="module")
def stages(browser: Browser, app: App, networks: list[str]) -> Iterator[dict[str, Page]]:
    """A page in each of the states that errors are planted in."""
    heard = Complaints()
    with window(browser, app, heard, viewport=DESK) as context:
        pages = {name: context.new_page() for name in STATES}
        base = settings_of(networks[0], zoo.load(networks[0]).samples[0])
        for name, page in pages.items():
            go(page, app.address("cnn", **base, **STATES[name]))
        yield pages
    heard.raise_any()


@pytest.fixture(scope="module")
def before(stages: dict[str, Page], asking: Asking) -> dict[str, list[str]]:
    """What is wrong on these pages by themselves, which is for the truth test to say."""
    return {name: judge([collect(page, name)], asking).wrong for name, page in stages.items()}


def cases() -> Iterator[object]:
    """Of each kind on each page the first at once; the others are one more of what is found already."""
    seen: set[tuple[str, str]] = set()
    for plant in PLANTS:
        kind = plant.state, plant.found_as
        yield pytest.param(plant, id=plant.name, marks=[pytest.mark.slow] if kind in seen else [])
        seen.add(kind)


@pytest.mark.parametrize("plant", list(cases()))
def test_a_planted_error_is_found(
    plant: Plant, stages: dict[str, Page], before: dict[str, list[str]], asking: Asking
) -> None:
    page = stages[plant.state]
    page.evaluate(f"() => {{ window.undo = ({plant.script})(); }}")
    planted = judge([collect(page, plant.state)], asking).wrong
    page.evaluate("window.undo()")
    found = [one for one in planted if one not in before[plant.state]]
    assert any(one.startswith(f"[{plant.state}] {plant.found_as}: ") for one in found), found


def test_nothing_planted_is_left(stages: dict[str, Page], before: dict[str, list[str]], asking: Asking) -> None:
    assert {name: judge([collect(page, name)], asking).wrong for name, page in stages.items()} == before


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
def test_a_changed_record_is_found(suffix: str, stages: dict[str, Page], app: App, tmp_path: Path) -> None:
    ref = stages["forward"].locator("h1 [data-ref]").first.get_attribute("data-ref")
    copy = Path(shutil.copytree(app.traces, tmp_path / "traces"))
    assert "value" in Resolver(copy).answer(ref)
    for file in copy.glob(f"*{suffix}"):
        content = bytearray(file.read_bytes())
        content[-9] ^= 1
        file.write_bytes(content)
    assert "trace:" in Resolver(copy).answer(ref)["why"]
