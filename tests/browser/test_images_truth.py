"""The truth test of made pictures: every number again by torch's functions; and the page by keys and by dragging."""

from __future__ import annotations

import pytest
from asking import Asking
from judging import Verdict, judge
from opening import App, go, settle
from planting import text
from playwright.sync_api import Browser, Page
from sightings import collect
from states import DESK, PHONE, Query, State
from touring import look
from windows import Complaints, window

pytestmark = pytest.mark.browser

IMAGES: Query = {"view": "images"}
STATES = (
    State("pictures", "gan", IMAGES),
    State("between, backward", "gan", {**IMAGES, "walk": "between", "input": "noise:3*0.6,8*0.8",
                                       "direction": "backward"}),
    State("sum", "gan", {**IMAGES, "walk": "sum", "input": "noise:3*0.577,8*-0.577,5*0.577", "real": 7}),
    State("grown", "gan", {**IMAGES, "at": "generator.grow3[0,5,6,6]"}),
    State("its slope", "gan", {**IMAGES, "at": "generator.relu2[0,7,3,3]", "direction": "backward"}),
    State("a norm", "gan", {**IMAGES, "at": "generator.norm1[0,2,1,1]", "input": "noise:12"}),
)  # fmt: skip
PHONES = (
    State("pictures, small", "gan", IMAGES),
    State("grown, small", "gan", {**IMAGES, "at": "generator.grow4[0,0,9,9]", "tab": "number"}),
)
LEAST = {"value": 300, "slope": 20, "grad": 10, "term": 10, "mean": 2, "right": 2, "measure": 4}


@pytest.fixture(scope="module")
def verdict(browser: Browser, app: App, asking: Asking) -> Verdict:
    complaints, seen = Complaints(), []
    with window(browser, app, complaints, viewport=DESK) as context:
        page = context.new_page()
        seen += [look(page, app, state) for state in STATES]
    with window(browser, app, complaints, viewport=PHONE, has_touch=True, color_scheme="dark") as context:
        page = context.new_page()
        seen += [look(page, app, state) for state in PHONES]
    complaints.raise_any()
    return judge(seen, asking)


def test_every_number_of_made_pictures_is_true(verdict: Verdict) -> None:
    assert not verdict.wrong, str(verdict)


def test_enough_of_every_kind_of_made_pictures_was_checked(verdict: Verdict, asking: Asking) -> None:
    counts = {kind: len(refs) for kind, refs in verdict.checked.items()}
    assert {kind: counts.get(kind, 0) for kind in LEAST if counts.get(kind, 0) < LEAST[kind]} == {}
    assert asking.foreign == []


BUMP = r"was.replace(/\d(?=\D*$)/, (digit) => (Number(digit) + 3) % 10)"
BAR = """() => {
    const one = document.querySelector("rect[data-ref*='#made[20]']"), was = one.getAttribute("data-value");
    one.setAttribute("data-value", Number(was) + 0.01);
    return () => one.setAttribute("data-value", was);
}"""
PLANTS = {
    "a score": ("text", text("h1 [data-ref*='#score']", BUMP)),
    "a mean": ("text", text("[data-ref*='#real@mean']", BUMP)),
    "a class's share": ("text", text(".under [data-ref*='#judged']", BUMP)),
    "a bar": ("cell", BAR),
}


def test_an_error_planted_among_made_pictures_is_found(page: Page, app: App, asking: Asking) -> None:
    go(page, app.address("gan", **IMAGES))
    for found_as, script in PLANTS.values():
        page.evaluate(f"() => {{ window.undo = ({script})(); }}")
        wrong = judge([collect(page, "planted", "open")], asking).wrong
        page.evaluate("window.undo()")
        assert any(one.startswith(f"[planted] {found_as}: ") for one in wrong), wrong


def test_made_pictures_by_keys_alone_and_by_dragging(page: Page, app: App) -> None:
    page.goto(f"{app.origin}/gan/images?a=4")  # as the path that people write
    page.wait_for_url("**/gan?view=images&a=4")
    settle(page)
    point = page.locator("[role=application]").first
    point.focus()
    page.keyboard.press("ArrowRight")  # from draw a, which stands at (1, 0)
    page.wait_for_url("**input=noise:4*1.1,8*0*")
    box = point.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 3)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2 + 5, box["y"] + 6)
    page.mouse.up()
    page.wait_for_url("**8*1.5*")
    settle(page)
    before = page.locator("h1").inner_text()
    page.keyboard.press("n")
    page.wait_for_url("**input=noise:5")
    settle(page)
    assert page.locator("h1").inner_text() != before
    page.keyboard.press("w")
    page.wait_for_url("**walk=between*")
    page.keyboard.press("v")
    page.wait_for_url("**/gan")
    page.keyboard.press("v")
    page.wait_for_url("**/gan?view=images")


def test_a_place_that_is_none_says_why(page: Page, app: App) -> None:
    for wrong, why in (
        ("7*x", "is no weight"),
        ("-3", "is no seed"),
        ("1,2,3,4,5,6,7", "at most 6"),
        ("", "is no seed"),
    ):
        go(page, app.address("gan", **IMAGES, input=f"noise:{wrong}"))
        assert why in page.locator("main").inner_text()
