"""The truth test of the page of recurrent networks: steps, gradients, learned memory and uses, again by plain torch."""

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
    State("a name", "rnn"),
    State("its step", "rnn", {"step": 9, "unit": 3, "number": "core:tanh#10[0,3]"}),
    State("a sequence of one", "rnn", {"text": "A"}),
    State("prose", "rnn", {"network": "rnn-forgets", "view": "steps", "step": 20}),
    State("a series", "rnn", {"network": "rnn-sunspots", "end": 280}),
    State("as trained", "rnn", {"view": "forgets"}),
    State("scaled", "rnn", {"view": "forgets", "radius": "0.90", "at": 12}),
    State("adding", "rnn", {"view": "tasks", "length": 10, "units": 8, "at": 30, "example": 3}),
    State("copy", "rnn", {"view": "tasks", "problem": "copy", "length": 10, "units": 8, "at": 20, "radius": 2}),
    State("sunspots", "rnn", {"view": "uses", "at": 20}),
    State("CO2", "rnn", {"view": "uses", "network": "lstm-co2", "horizon": 26}),
    State("a speaker", "rnn", {"view": "uses", "network": "rnn-vowels", "utterance": 31}),
    State("a digit", "rnn", {"view": "uses", "network": "rnn-spoken", "utterance": 17}),
)
SMALL = (
    State("small steps", "rnn", {"step": 4}),
    State("small", "rnn", {"view": "forgets", "radius": "2.50"}),
    State("small copy", "rnn", {"view": "tasks", "problem": "copy", "length": 10, "units": 8, "at": 20}),
)


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
        go(page, app.address("rnn"))
        page.keyboard.press("w")
        page.wait_for_url("**drawn=1*")
        settle(page)
        seen.append(collect(page, "drawn", "rnn"))
    with window(browser, app, complaints, viewport=PHONE, has_touch=True, color_scheme="dark") as context:
        page = context.new_page()
        seen += [look(page, app, state) for state in SMALL]
    complaints.raise_any()
    return judge(seen, answers)


def test_every_number_of_recurrent_networks_is_true(verdict: Verdict, answers: Asking) -> None:
    assert not verdict.wrong, str(verdict)
    kinds = Counter(ref.partition(":")[0] for refs in verdict.checked.values() for ref in refs)
    least = {"forgetting": 30, "trace": 60, "remember": 40, "forecast": 12, "series": 20, "utterance": 8, "reading": 3}
    assert all(kinds[kind] >= count for kind, count in least.items()), kinds
    assert answers.foreign == []


PLANTS = {
    "ratio": ({"view": "forgets"}, text("h1 [data-ref]", "'12'")),
    "chance": ({}, text("h1 [data-ref]", "'.999'")),
    "state": ({}, text(".vitrine .numbers .chip [data-ref]", "'0.123'")),
    "weight": ({}, text("[data-ref*='weight_hh']", "'0.1234'")),
    "right": ({"view": "tasks", "length": 10, "units": 8, "at": 10}, text("h1 [data-ref]", "'.777'")),
    "told": ({"view": "uses"}, text("table td [data-ref*='network']", "'12.3'")),
    "share": ({"view": "uses", "network": "rnn-vowels"}, text("li.said [data-ref]", "'.111'")),
}


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_error_is_found(name: str, page: Page, app: App, answers: Asking) -> None:
    query, plant = PLANTS[name]
    go(page, app.address("rnn", **query))
    page.evaluate(f"() => {{ window.undo = ({plant})(); }}")
    wrong = judge([collect(page, "planted", "rnn", lean=True)], answers).wrong
    assert any(one.startswith("[planted] text: ") for one in wrong), wrong


def test_the_page_is_read_by_keys_alone(page: Page, app: App) -> None:
    go(page, app.address("rnn"))
    page.keyboard.press(",")
    page.wait_for_url("**step=29*")
    page.keyboard.press("ArrowDown")
    settle(page)
    page.keyboard.press("w")
    page.wait_for_url("**drawn=1*")
    settle(page)
    page.keyboard.press("z")
    settle(page)
    page.keyboard.press("2")
    settle(page)
    page.keyboard.press("[")
    page.wait_for_url("**radius=*")
    settle(page)
    page.keyboard.press(",")
    page.wait_for_url("**at=*")
    page.keyboard.press("3")
    settle(page)
    page.keyboard.press(".")
    settle(page)
    assert "after 10 steps" in page.locator("main").inner_text()
    page.keyboard.press(" ")
    page.wait_for_function("() => !/after 10 steps/.test(document.querySelector('main').innerText)")
    page.keyboard.press(" ")
    page.keyboard.press("4")
    settle(page)
    page.keyboard.press(",")
    page.wait_for_url("**at=58*")
    page.keyboard.press("?")
    assert page.locator("dialog[open]").is_visible()


def test_a_text_of_one_letter_has_no_way_back(page: Page, app: App) -> None:
    go(page, app.address("rnn", view="forgets", text="a"))
    assert "two are needed" in page.locator("main").inner_text()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"text": "x" * 10_000}, "9880 before them are left out"),
        ({"text": "Jürgen 4"}, "one unknown character"),
        ({"network": "rnn-sunspots", "end": 2}, "no window ends there"),
        ({"view": "tasks", "rate": 100_000}, "this can't be learned here"),
        ({"view": "tasks", "length": 10, "rate": 1000, "clip": 0, "at": 30}, "cost ran away"),
        ({"view": "uses", "network": "lstm-co2", "horizon": 7}, "does not tell 7 steps ahead"),
    ],
)
def test_bad_input_is_said(query: dict[str, str | int], said: str, page: Page, app: App) -> None:
    go(page, app.address("rnn", **query))
    assert said in page.locator("main").inner_text().replace("’", "'")
