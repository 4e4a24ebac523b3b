"""The truth test of the page of recurrent networks: gradients, courses, bounds, again by torch's RNN and LSTM."""

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

STATES = (State("as trained", "rnn"), State("scaled", "rnn", {"radius": "0.90", "at": 12}))


@pytest.fixture(scope="module")
def answers(app: App) -> Iterator[Asking]:
    asks = Asking(app.traces)
    yield asks
    asks.close()


@pytest.fixture(scope="module")
def verdict(browser: Browser, app: App, answers: Asking) -> Verdict:
    complaints = Complaints()
    with window(browser, app, complaints, viewport=DESK) as context:
        page = context.new_page()
        seen = [look(page, app, state) for state in STATES]
    with window(browser, app, complaints, viewport=PHONE, has_touch=True, color_scheme="dark") as context:
        seen.append(look(context.new_page(), app, State("small", "rnn", {"radius": "2.50"})))
    complaints.raise_any()
    return judge(seen, answers)


def test_every_number_of_the_comparison_is_true(verdict: Verdict, answers: Asking) -> None:
    assert not verdict.wrong, str(verdict)
    kinds = Counter(ref.partition(":")[0] for refs in verdict.checked.values() for ref in refs)
    assert kinds["forgetting"] >= 30, kinds
    assert answers.foreign == []


def test_an_error_planted_in_the_comparison_is_found(page: Page, app: App, answers: Asking) -> None:
    go(page, app.address("rnn"))
    page.evaluate(f"() => {{ window.undo = ({text('h1 [data-ref]', repr('12'))})(); }}")
    wrong = judge([collect(page, "planted", "rnn", lean=True)], answers).wrong
    assert any(one.startswith("[planted] text: ") for one in wrong), wrong


def test_the_matrix_is_dragged_and_guesses_are_walked_by_keys(page: Page, app: App) -> None:
    go(page, app.address("rnn"))
    page.keyboard.press("[")
    page.wait_for_url("**radius=*")
    settle(page)
    page.keyboard.press(",")
    page.wait_for_url("**at=*")


def test_a_text_of_one_letter_has_no_way_back(page: Page, app: App) -> None:
    go(page, app.address("rnn", text="a"))
    assert "two are needed" in page.locator("main").inner_text()
