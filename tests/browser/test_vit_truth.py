"""The truth test of the page of Vision Transformers: patches, heads, rollout, what is added, what if, backward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

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

OTHER = "vit:size=32,channels=3,classes=10,patch=8,width=24,depth=3,heads=3,hidden=48"
PICTURE = "sample:fashion-test-36"
STRIKES = "vit_saliency:size=32,patch=8,places=3,width=24,depth=3,heads=3,hidden=48,decoded=8"
STATES = (
    State("read", "vit", {"network": "vit-fashion"}),
    State("a head", "vit", {"network": "vit-fashion", "input": PICTURE, "head": "2.1", "key": 12, "followed": 7}),
    State("a patch", "vit", {"network": "vit-fashion", "input": PICTURE, "head": "1.0", "token": 17}),
    State("off", "vit", {"network": "vit-fashion", "off": "patch-17 head-2-1 mlp-3", "head": "2.1"}),
    State("backward", "vit", {"network": "vit-fashion", "input": PICTURE, "direction": "backward"}),
    State("another", "vit", {"network": OTHER, "head": "1.2", "off": "block-0"}),
    State("strikes", "vit", {"network": STRIKES, "head": "1.2", "token": 5}),
    State("strikes, off", "vit", {"network": STRIKES, "off": "head-1-2 patch-3", "followed": 77}),
    State("strikes, backward", "vit", {"network": STRIKES, "direction": "backward"}),
    State("another, backward", "vit", {"network": OTHER, "token": 5, "direction": "backward"}),
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("app"), targets=(OTHER, STRIKES))
    app.start()
    yield app
    app.stop()


@pytest.fixture(scope="module")
def answers(served: App) -> Iterator[Asking]:
    asks = Asking(served.traces)
    yield asks
    asks.close()


@pytest.fixture(scope="module")
def verdict(browser: Browser, served: App, answers: Asking) -> Verdict:
    complaints, seen = Complaints(), []
    with window(browser, served, complaints, viewport=DESK) as context:
        page = context.new_page()
        seen += [look(page, served, state) for state in STATES]
    with window(browser, served, complaints, viewport=PHONE, has_touch=True, color_scheme="dark") as context:
        seen.append(look(context.new_page(), served, State("small", "vit", {"network": "vit-fashion"})))
    complaints.raise_any()
    return judge(seen, answers)


def test_every_number_of_patches_is_true(verdict: Verdict) -> None:
    assert not verdict.wrong, str(verdict)


def test_enough_of_patches_was_checked(verdict: Verdict, answers: Asking) -> None:
    kinds = Counter(ref.partition("#")[2].partition("/")[0].partition("[")[0] for ref in verdict.checked["value"])
    least = {"lens": 40, "attention": 50, "rollout": 20, "heads": 10, "mlp": 10, "share": 20, "position": 20}
    few = {
        "gives": 8,
        "gradient": 4,
        "slope": 10,
        "products": 5,
        "total": 3,
        "bias": 3,
        "conv_proj.weight": 20,
        "strikes": 8,
    }
    assert not {kind: kinds[kind] for kind, count in (least | few).items() if kinds[kind] < count}, kinds
    assert answers.foreign == []


PLANTS = {
    "share": text("li [data-ref*='#share']", "'.555'"),
    "lens": text(".under [data-ref*='#lens/']", "'.777'"),
    "adds": text(".told [data-ref*='#mlp/']", "'+9.99'"),
    "gives": text(".card [data-ref*='#gives/']", "'+7.777'"),
}


def test_each_error_planted_among_patches_is_found(browser: Browser, served: App, answers: Asking) -> None:
    with window(browser, served, Complaints(), viewport=DESK) as context:
        page = context.new_page()
        go(page, served.address("vit", network="vit-fashion", head="2.1"))
        for name, plant in PLANTS.items():
            page.evaluate(f"() => {{ window.undo = ({plant})(); }}")
            wrong = judge([collect(page, "planted", "vit", lean=True)], answers).wrong
            assert any(one.startswith("[planted] text: ") for one in wrong), (name, wrong)
            page.evaluate("() => window.undo()")


def test_patches_by_keyboard_alone(browser: Browser, served: App) -> None:
    with window(browser, served, Complaints(), viewport=DESK) as context:
        page: Page = context.new_page()
        go(page, served.address("vit", network="vit-fashion"))
        page.keyboard.press(".")
        settle(page)
        assert page.locator(".picture .ring").count() == 1
        page.keyboard.press("x")
        settle(page)
        assert "off=patch-1" in page.url
        assert page.locator("h1 [data-ref]").count() == 2  # before and after
        page.keyboard.press("Escape")
        page.keyboard.press("c")
        page.keyboard.press("h")
        settle(page)
        assert page.locator(".card tbody tr").count() >= 8
        page.keyboard.press("b")
        settle(page)
        assert page.locator(".left [data-ref*='#gradient/']").count() == 4


UNFIT: dict[str, dict[str, str | int]] = {
    "can't be shown on this page": {"network": "tiny-vgg-fashion"},
    "there is no token 77": {"network": "vit-fashion", "token": 77},
    "no such part": {"network": "vit-fashion", "off": "patch-99"},
    "there is no class 12": {"network": "vit-fashion", "followed": 12},
    "no sample called": {"network": "vit-fashion", "input": "sample:../../etc/passwd"},
}


def test_what_does_not_fit_says_so(browser: Browser, served: App) -> None:
    with window(browser, served, Complaints(), viewport=DESK) as context:
        page = context.new_page()
        for said, query in UNFIT.items():
            move(page, served.address("vit", **query))
            assert said in page.locator("main").inner_text()
