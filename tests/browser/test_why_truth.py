"""The truth test of the views beside the map: why, what units look for, two networks; and photos on deep ones."""

from __future__ import annotations

from collections import Counter

import pytest
from asking import Asking
from judging import Verdict, judge
from opening import App, go, move, settle
from planting import text
from playwright.sync_api import Browser, Page
from sightings import collect
from states import DESK, PHONE, State
from touring import look
from windows import Complaints, window

pytestmark = pytest.mark.browser

FASHION, DEEP = "tiny-vgg-fashion", "resnet-slim"
STATES = (
    State("why", query={"network": FASHION, "view": "why", "input": "sample:fashion-test-36"}),
    State(
        "why, of another class",
        query={"network": DEEP, "view": "why", "score": 3, "layer": "layer2.1.relu2", "baseline": "white"},
    ),
    State("made", query={"network": FASHION, "view": "units", "layer": "block1.pool", "channel": 2}, keys=("Enter",)),
    State(
        "made for a class", query={"network": FASHION, "view": "units", "made": "class", "class": 4}, keys=("Enter",)
    ),
    State("compared", query={"network": FASHION, "view": "compare", "other": DEEP}),
    State("folded", query={"network": DEEP}, folded=True),
)


@pytest.fixture(scope="module")
def verdict(browser: Browser, app: App, asking: Asking) -> Verdict:
    complaints, seen = Complaints(), []
    with window(browser, app, complaints, viewport=DESK) as context:
        page = context.new_page()
        seen += [look(page, app, state) for state in STATES]
    with window(browser, app, complaints, viewport=PHONE, has_touch=True, color_scheme="dark") as context:
        seen.append(look(context.new_page(), app, State("small", query={"network": "tiny-vgg-emoji", "view": "why"})))
    complaints.raise_any()
    return judge(seen, asking)


def test_every_number_of_why_is_true(verdict: Verdict) -> None:
    assert not verdict.wrong, str(verdict)


def test_enough_of_why_was_checked(verdict: Verdict, asking: Asking) -> None:
    refs = [ref for ref in verdict.checked["value"] if ref.startswith("why:")]
    kinds = Counter(ref.partition("#")[2].partition("/")[0] for ref in refs)
    least = {"cam": 15, "camweight": 12, "camrest": 3, "given": 12, "givensum": 3, "difference": 3, "meanslope": 3}
    few = {"lost": 12, "covered": 3, "base": 3, "apart": 3, "givenpart": 3, "mapmean": 2}
    assert not {kind: kinds[kind] for kind, count in (least | few).items() if kinds[kind] < count}, kinds
    assert asking.foreign == []


PLANTS = {
    "weight": text("[data-ref*='#camweight/']", "'+9.9999'"),
    "sum": text("[data-ref*='#givensum/']", "'77.777'"),
    "lost": text(".numbers [data-ref*='#lost/']", "'+5.5555'"),
    "name": text("section [data-ref*=':softmax']", "'.555'"),
}


def test_each_error_planted_in_why_is_found(browser: Browser, app: App, asking: Asking) -> None:
    with window(browser, app, Complaints(), viewport=DESK) as context:
        page = context.new_page()
        go(page, app.address("cnn", network=FASHION, view="why"))
        for name, plant in PLANTS.items():
            page.evaluate(f"() => {{ window.undo = ({plant})(); }}")
            wrong = judge([collect(page, "planted", lean=True)], asking).wrong
            assert any(one.startswith("[planted] text: ") for one in wrong), (name, wrong)
            page.evaluate("() => window.undo()")


def test_why_by_keyboard_alone(browser: Browser, app: App) -> None:
    with window(browser, app, Complaints(), viewport=DESK) as context:
        page: Page = context.new_page()
        go(page, app.address("cnn", network=FASHION, view="why"))
        heat = page.locator(".method .heat").nth(2)
        heat.focus()
        before = page.locator(".method .told").nth(2).inner_text()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
        assert page.locator(".method .told").nth(2).inner_text() != before
        page.keyboard.press("u")
        settle(page)
        page.keyboard.press(".")
        settle(page)
        page.wait_for_url(lambda url: "channel=" in url)
        page.keyboard.press("Enter")
        settle(page)
        assert page.locator(".made [data-ref*='#mapmean/']").count() == 2
        page.keyboard.press("c")
        settle(page)
        assert page.locator(".pair .heat").count() == 2
        page.keyboard.press("Escape")
        settle(page)
        assert "view=" not in page.url
        assert page.locator(".map").count() == 1


UNFIT: dict[str, dict[str, str | int]] = {
    "there is no score 12": {"network": FASHION, "view": "why", "score": 12},
    "there is no layer called": {"network": FASHION, "view": "why", "layer": "block9"},
    "there is no channel 99": {"network": FASHION, "view": "units", "channel": 99},
    "no sample called": {"network": FASHION, "view": "why", "input": "sample:../../etc/passwd"},
    "there is no photo called": {"network": FASHION, "view": "why", "input": "photo:../../etc/passwd"},
    "there is no network called": {"network": "no-such", "view": "why"},
}


def test_what_does_not_fit_why_says_so(browser: Browser, app: App) -> None:
    with window(browser, app, Complaints(), viewport=DESK) as context:
        page = context.new_page()
        for said, query in UNFIT.items():
            move(page, app.address("cnn", **query))
            assert said in page.locator("main").inner_text()
        # A photo is one that any network can be given, and then one where no place is like the ones that it knows.
        move(page, app.address("cnn", network=DEEP, view="why", input="photo:cat"))
        assert page.locator(".method .heat").count() == 3


def test_weights_that_are_not_here_are_offered(
    browser: Browser, app: App, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLASSWORK_HOME", str(tmp_path))
    with window(browser, app, Complaints(), viewport=DESK) as context:
        page = context.new_page()
        go(page, app.address("cnn", network="efficientnet-lite0"))
        main = page.locator("main").inner_text()
        assert "19 MB" in main
        assert "glasswork data fetch efficientnet-lite0" in main
        assert page.get_by_role("button", name="Get the weights").is_visible()
