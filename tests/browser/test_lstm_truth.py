"""The truth test of the page of an LSTM: bands, a step, held gates, what units respond to, what is drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from asking import Asking
from judging import Verdict, judge
from opening import App, go, settle
from planting import text
from playwright.sync_api import Browser, Page
from sightings import collect
from states import DESK, PHONE, State
from touring import look
from windows import Complaints, window

pytestmark = pytest.mark.browser

STATES = (
    State("read", "lstm"),
    State("a step", "lstm", {"step": 30}),
    State("a number", "lstm", {"step": 30, "at": "core:add#94[0,25]"}),
    State("a sum", "lstm", {"step": 9, "at": "core:matmul#11[0,700]"}),
    State("held", "lstm", {"step": 12, "unit": 25, "held": "25forgetopen 7outputshut"}),
    State("a stretch", "lstm", {"stretch": "21-29"}),
    State("one character", "lstm", {"text": "x", "step": 0}),
    State("unknown ones", "lstm", {"text": "Ähm — 5 € whales", "step": 0}),
)


@pytest.fixture(scope="module")
def answers(app: App) -> Iterator[Asking]:
    asks = Asking(app.traces)
    yield asks
    asks.close()


@pytest.fixture(scope="module")
def verdict(browser: Browser, app: App, answers: Asking) -> Verdict:
    complaints, seen = Complaints(), []
    with window(browser, app, complaints, viewport=DESK) as context:
        page = context.new_page()
        seen += [look(page, app, state) for state in STATES]
        page.keyboard.press("w")
        settle(page)
        seen.append(collect(page, "drawn", "lstm"))
    with window(browser, app, complaints, viewport=PHONE, has_touch=True, color_scheme="dark") as context:
        seen.append(look(context.new_page(), app, State("small", "lstm", {"step": 5, "all": 1})))
    complaints.raise_any()
    return judge(seen, answers)


def test_every_number_of_a_reading_is_true(verdict: Verdict) -> None:
    assert not verdict.wrong, str(verdict)


def test_enough_of_a_reading_was_checked(verdict: Verdict, answers: Asking) -> None:
    kinds = Counter(ref.partition(":")[0] for ref in verdict.checked["value"])
    assert kinds["trace"] >= 300, kinds
    assert kinds["reading"] >= 20, kinds
    assert kinds["corpus"] >= 6, kinds
    assert answers.foreign == []


PLANTS = {
    "gate": text(".chip [data-ref]", "'0.1234'"),
    "mean": text("h1 [data-ref*='reading:']", "'.555'"),
    "place": text(".places [data-ref]", "'0.999'"),
}


@pytest.mark.parametrize("name", PLANTS)
def test_an_error_planted_in_a_reading_is_found(name: str, page: Page, app: App, answers: Asking) -> None:
    go(page, app.address("lstm", step=30, stretch="21-29"))
    page.evaluate(f"() => {{ window.undo = ({PLANTS[name]})(); }}")
    wrong = judge([collect(page, "planted", "lstm", lean=True)], answers).wrong
    assert any(one.startswith("[planted] text: ") for one in wrong), wrong


def test_an_lstm_can_be_read_by_keyboard_alone(page: Page, app: App) -> None:
    go(page, app.address("lstm"))
    page.keyboard.press(".")
    page.keyboard.press(".")
    settle(page)
    assert page.locator(".middle h2").inner_text().startswith("step 2")
    page.keyboard.press(">")
    page.keyboard.press(">")
    settle(page)
    assert page.locator(".units li").count() >= 3
    page.keyboard.press("w")
    page.wait_for_url("**drawn=1*")
    settle(page)
    page.keyboard.press("z")
    settle(page)
    assert "drawn" not in page.url
    page.keyboard.press("Escape")


def test_the_same_seed_draws_the_same_again(page: Page, app: App) -> None:
    drawn = []
    for _ in range(2):
        go(page, app.address("lstm", text="The white ", seed=3))
        for _ in range(3):
            page.keyboard.press("w")
            settle(page)
        drawn.append(page.locator("input[type=text]").input_value())
    assert drawn[0] == drawn[1] != "The white "


@pytest.mark.parametrize("given", ["", "w" * 10_000])
def test_a_text_that_is_empty_or_long_is_said_to_be(given: str, page: Page, app: App) -> None:
    go(page, app.address("lstm"))
    field = page.locator("input[type=text]")
    field.fill(given)
    field.press("Enter")
    settle(page)
    said = page.locator("main").inner_text()
    assert ("there is nothing to read" in said) if not given else ("9880 before them are left out" in said)
