"""The sheet of a small screen: three heights, reached by drag, flick, tap and key; and the tabs that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from opening import App, go, settle
from playwright.sync_api import Browser, Page
from states import OPENED, PHONE, Query, settings_of
from windows import Complaints, window

from glasswork import zoo

pytestmark = pytest.mark.browser

FLICK = 1500
"""Pixels a second."""


@pytest.fixture(scope="module")
def phone(browser: Browser, app: App) -> Iterator[Page]:
    heard = Complaints()
    with window(browser, app, heard, viewport=PHONE, has_touch=True, reduced_motion="reduce") as context:
        yield context.new_page()
    heard.raise_any()


@pytest.fixture
def base(networks: list[str]) -> Query:
    return settings_of(networks[0], zoo.load(networks[0]).samples[0])


@pytest.fixture
def opened(phone: Page, app: App, base: Query) -> Page:
    go(phone, app.address("cnn", **base, at=OPENED["pool"]))
    return phone


def asked(page: Page, name: str) -> str | None:
    """A setting in the address."""
    page.wait_for_timeout(300)  # small steps are written when they pause
    return parse_qs(urlsplit(page.url).query).get(name, [None])[0]


def top(page: Page) -> float:
    return page.locator(".sheet").evaluate("it => it.getBoundingClientRect().top")


def height_of(page: Page) -> str:
    """What the handle says of itself."""
    settle(page)
    return page.get_by_role("slider").get_attribute("aria-valuetext") or ""


def drag(page: Page, by: float) -> None:
    """Drag the sheet by its handle, down where `by` is positive, and hold it still before it is let go."""
    x, start, steps = PHONE["width"] / 2, top(page) + 12, 8
    page.mouse.move(x, start)
    page.mouse.down()
    for step in range(1, steps + 1):
        page.mouse.move(x, start + by * step / steps)
    page.wait_for_timeout(150)
    page.mouse.up()
    settle(page)


def flick(page: Page, by: float) -> None:
    """The same with a finger, fast, and let go while it moves."""
    session = page.context.new_cdp_session(page)
    place = {"x": PHONE["width"] / 2, "y": top(page) + 12, "yDistance": by, "speed": FLICK}
    session.send("Input.synthesizeScrollGesture", {**place, "gestureSourceType": "touch", "preventFling": False})
    session.detach()
    settle(page)


def test_a_slow_drag_ends_at_the_nearest_height(opened: Page) -> None:
    drag(opened, -90)
    assert height_of(opened) == "in brief"
    drag(opened, -160)
    assert height_of(opened) == "half the screen"
    assert 0.42 * PHONE["height"] < top(opened) < 0.48 * PHONE["height"]
    drag(opened, -220)
    assert height_of(opened) == "the whole screen"
    assert top(opened) == opened.locator(".page > header").evaluate("it => it.getBoundingClientRect().bottom")
    drag(opened, 560)
    assert height_of(opened) == "in brief"


def test_a_flick_goes_to_the_next_height(opened: Page) -> None:
    met = []
    for by in (-80, -80, 80, 80):
        flick(opened, by)
        met.append(height_of(opened))
    assert met == ["half the screen", "the whole screen", "half the screen", "in brief"]
    flick(opened, 80)
    assert opened.locator(".sheet").count() == 0
    assert asked(opened, "at") is None


def test_taps_and_keys_reach_every_height(opened: Page) -> None:
    handle = opened.get_by_role("slider")
    met = []
    for _ in range(3):
        handle.tap()
        met.append(height_of(opened))
    assert met == ["half the screen", "the whole screen", "in brief"]
    handle.focus()
    for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowDown", "Home", "End"):
        opened.keyboard.press(key)
        met.append(height_of(opened))
    half, full, brief = met[:3]
    assert met[3:] == [half, full, full, half, brief, full]
    opened.keyboard.press("Escape")
    settle(opened)
    assert opened.locator(".sheet").count() == 0


def test_one_tap_selects_and_the_second_opens_and_back_lowers(phone: Page, app: App, base: Query) -> None:
    go(phone, app.address("cnn", **base))
    pane = phone.locator("[data-cell='2 4']")
    pane.tap()
    settle(phone)
    first = asked(phone, "at")
    assert first is not None
    assert height_of(phone) == "in brief"
    pane.tap()
    assert height_of(phone) == "half the screen"
    assert asked(phone, "at") == first
    assert phone.evaluate("document.activeElement.closest('.sheet') !== null")
    phone.go_back()
    assert height_of(phone) == "in brief"
    assert asked(phone, "at") == first


@pytest.mark.parametrize("order", [0, -1], ids=["most", "fewest"])
def test_the_answer_is_not_under_the_sheet(order: int, phone: Page, app: App, networks: list[str]) -> None:
    network = networks[order]
    at = OPENED["second conv"]
    go(phone, app.address("cnn", **settings_of(network, zoo.load(network).samples[1]), at=at))
    end = phone.locator(".answer").evaluate("it => it.getBoundingClientRect().bottom")
    assert end <= top(phone)


def test_what_is_covered_takes_no_focus(opened: Page) -> None:
    drag(opened, -500)
    assert height_of(opened) == "the whole screen"
    opened.get_by_role("slider").focus()
    for _ in range(12):
        opened.keyboard.press("Shift+Tab")
        assert not opened.evaluate("document.activeElement.closest('main') !== null")


def test_tabs_name_what_they_show(opened: Page) -> None:
    tabs = opened.get_by_role("tab")
    assert tabs.all_inner_texts() == ["Map", "Number", "Time", "Code", "More"]
    tabs.first.focus()
    for name in ("Number", "Time", "Code", "More"):
        opened.keyboard.press("ArrowRight")
        assert opened.evaluate("document.activeElement.textContent") == name
        opened.keyboard.press("Enter")
        settle(opened)
        chosen = opened.locator("[role=tab][aria-selected=true]")
        assert chosen.all_inner_texts() == [name]
        panel = opened.locator(f"#{chosen.get_attribute('aria-controls')}")
        assert panel.get_attribute("role") == "tabpanel"
        assert panel.get_attribute("aria-labelledby") == chosen.get_attribute("id")
    opened.keyboard.press("ArrowRight")
    assert opened.evaluate("document.activeElement.textContent") == "Map"
    opened.keyboard.press("Escape")
    assert height_of(opened) == "in brief"  # what the tab showed is gone; the number stays


def test_escape_closes_one_menu_the_innermost(phone: Page, app: App, base: Query) -> None:
    go(phone, app.address("open", **base))
    faces, panels = phone.locator("main .menu .face"), phone.locator(".menu .panel")
    faces.first.tap()
    phone.locator(".panel .face").first.tap()
    assert panels.count() == 2
    phone.keyboard.press("Escape")
    assert panels.count() == 1
    assert phone.evaluate("document.activeElement.closest('.panel') !== null"), "the focus is on what was closed"
    phone.keyboard.press("Escape")
    assert panels.count() == 0
    assert faces.first.evaluate("it => it === document.activeElement")


def test_with_nothing_open_number_says_where_the_answer_comes_from(phone: Page, app: App, base: Query) -> None:
    go(phone, app.address("cnn", **base))
    said = phone.locator("h1 .name").first.inner_text()
    phone.get_by_role("tab", name="Number").tap()
    settle(phone)
    assert height_of(phone) == "the whole screen"
    assert said in phone.locator(".sheet").inner_text()
    assert (asked(phone, "at") or "").startswith("output[0,")


def test_the_state_of_the_sheet_survives_a_reload(phone: Page, app: App, base: Query) -> None:
    go(phone, app.address("cnn", **base, at=OPENED["conv"], tab="number", sheet="half"))
    before = phone.locator(".sheet").inner_text(), height_of(phone)
    phone.reload()
    settle(phone)
    assert (phone.locator(".sheet").inner_text(), height_of(phone)) == before
