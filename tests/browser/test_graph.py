"""The page of graphs by keyboard, by search, and as files: on a network of a reader's own."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
import torch
from fitting import outside
from opening import App, go, settle
from PIL import Image
from playwright.sync_api import Browser, Page
from states import DESK, PHONE
from test_access import AXE, LEAST_TARGET, SCREENS
from windows import Complaints, window

from glasswork import zoo
from glasswork.data.photos import photo

pytestmark = pytest.mark.browser

TARGET, DETECTOR = (f"{Path(__file__).with_name('strangers.py')}:{name}" for name in ("residual", "detector"))
FOCUS = """() => {
    const one = document.activeElement;
    return [one.closest(".map") !== null, one.dataset.head ?? one.dataset.cell ?? "", one.textContent.trim()];
}"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    running = App(tmp_path_factory.mktemp("own"), (TARGET, DETECTOR))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def graph(browser: Browser, own: App) -> Iterator[Page]:
    heard = Complaints()
    with window(browser, own, heard, viewport=DESK, accept_downloads=True) as context:
        page = context.new_page()
        go(page, own.address("open", network=TARGET))
        yield page
    heard.raise_any()


@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_the_focus_stays_in_the_map_when_a_block_unfolds_and_folds(size: str, browser: Browser, own: App) -> None:
    heard = Complaints()
    with window(browser, own, heard, viewport=DESK if size == "wide" else PHONE) as context:
        page = context.new_page()
        go(page, own.address("open", network=TARGET))
        head = page.locator("button[data-head]").first
        order = head.get_attribute("data-head")
        head.focus()
        page.keyboard.press("Enter")
        settle(page)
        assert "open=" in page.url
        inside, place, _ = page.evaluate(FOCUS)
        assert (inside, place.split(" ")[0]) == (True, order)
        page.locator("button.stage").last.focus()
        page.keyboard.press("Enter")
        settle(page)
        assert "shut=layer2" in unquote(page.url)
        assert page.evaluate(FOCUS)[:1] == [True]
    heard.raise_any()


def test_arrows_go_from_column_to_column_and_with_shift_to_the_next_stage(graph: Page) -> None:
    graph.locator("[data-cell='1 0']").focus()
    for key, place in (("ArrowRight", "2 0"), ("ArrowDown", "2 1"), ("ArrowLeft", "1 1"), ("ArrowUp", "1 0")):
        graph.keyboard.press(key)
        assert graph.evaluate(FOCUS)[:2] == [True, place]
    met = [1]
    for _ in range(3):
        graph.keyboard.press("Shift+ArrowRight")
        met.append(int(graph.evaluate(FOCUS)[1].split(" ")[0]))
    assert met == sorted(set(met)), "each step goes on"
    stages = [graph.locator("button.stage").nth(i).inner_text() for i in range(graph.locator("button.stage").count())]
    assert stages == ["layer1", "layer2"]


def test_what_is_looked_for_unfolds_and_gets_the_focus(graph: Page) -> None:
    graph.keyboard.press("/")
    assert graph.evaluate("document.activeElement.type") == "search"
    graph.keyboard.type("layer1.3.conv2")
    graph.keyboard.press("Enter")
    settle(graph)
    inside, place, _ = graph.evaluate(FOCUS)
    assert inside
    named = graph.evaluate("document.activeElement.getAttribute('aria-label')")
    assert named.startswith("conv2,"), (place, named)
    assert graph.locator("[data-head]", has_text="conv2").count() == 0, "it stands by itself"
    graph.keyboard.press("Enter")
    settle(graph)
    assert re.search(r"at=layer1\.3\.conv2\[0,\d+,\d+,\d+\]", unquote(graph.url))
    graph.keyboard.press("Escape")
    settle(graph)
    assert "at=" not in graph.url
    assert graph.evaluate(FOCUS)[0]


def test_on_a_small_screen_what_is_looked_for_comes_into_sight(browser: Browser, own: App) -> None:
    heard = Complaints()
    with window(browser, own, heard, viewport=PHONE, has_touch=True, is_mobile=True) as context:
        page = context.new_page()
        go(page, own.address("open", network=TARGET, tab="more"))
        page.get_by_role("searchbox").fill("layer2.1.conv1")
        page.locator(".found button").first.tap()
        settle(page)
        assert "tab=" not in page.url
        box = page.evaluate("(({ top, bottom }) => [top, bottom])(document.activeElement.getBoundingClientRect())")
        assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("conv1,")
        assert box[0] >= 56
        assert box[1] <= PHONE["height"] - 54
    heard.raise_any()


def test_escape_leaves_the_search_and_the_letters_are_keys_again(graph: Page) -> None:
    graph.keyboard.press("/")
    graph.keyboard.type("b")
    assert "direction" not in graph.url
    graph.keyboard.press("Escape")
    graph.keyboard.press("b")
    settle(graph)
    assert "direction=backward" in graph.url


def test_the_map_is_kept_as_svg_and_as_png(graph: Page, own: App) -> None:
    go(graph, own.address("open", network=TARGET, at="fc[0,1]"))
    box = graph.locator(".map").bounding_box()
    assert box
    files = {}
    for form in ("SVG", "PNG"):
        with graph.expect_download() as download:
            graph.get_by_role("button", name=form, exact=True).click()
        files[form] = Path(download.value.path()).read_bytes()
    drawing = ElementTree.fromstring(files["SVG"])
    assert float(drawing.attrib["width"]) == pytest.approx(box["width"], abs=1)
    words = {"".join(one.itertext()).strip() for one in drawing.iter("{http://www.w3.org/2000/svg}text")}
    assert {"layer1", "layer2", "input", "fc"} <= words
    assert len(list(drawing.iter("{http://www.w3.org/2000/svg}image"))) == 2, "the panes, and the picture"
    picture = Image.open(io.BytesIO(files["PNG"])).convert("RGB")
    assert picture.width == pytest.approx(2 * box["width"], abs=2)
    assert len(picture.getcolors(1 << 24) or []) > 100


@pytest.mark.parametrize("size", ["wide", "narrow"])
def test_a_detectors_boxes_are_torchvisions_own_and_its_threshold_stays_in_the_address(
    size: str, browser: Browser, own: App
) -> None:
    picture = torch.from_numpy(photo("cat").pixels.copy()).permute(2, 0, 1).float() / 255
    with torch.no_grad():
        (theirs,) = zoo.load(DETECTOR).module([picture])
    heard = Complaints()
    with window(browser, own, heard, **SCREENS[size].window) as context:
        page = context.new_page()
        go(page, own.address("open", network=DETECTOR, input="photo:cat", level="stages", threshold="0.6"))
        page.evaluate(AXE.read_text())
        assert outside(page) == []
        found = page.evaluate("axe.run('.found', { resultTypes: ['violations'] })")
        assert [one["id"] for one in found["violations"]] == []
        sizes = page.evaluate(TARGETS)
        assert min(sizes) >= (LEAST_TARGET - 0.5 if size == "narrow" else 24)
        told = page.locator(".found li")
        texts = [".score [data-ref]", ".sides [data-ref]"]
        scores, sides = ([float(one) for one in told.locator(each).all_inner_texts()] for each in texts)
        sure = theirs["scores"] > 0.6
        assert scores == pytest.approx(theirs["scores"][sure].tolist(), abs=6e-4)
        assert sides == pytest.approx(theirs["boxes"][sure].flatten().tolist(), abs=0.051)
        drawn = page.evaluate(BOXES)
        width, height = picture.shape[2], picture.shape[1]
        for one, box in zip(drawn, theirs["boxes"][sure].tolist(), strict=True):
            assert one == pytest.approx([box[0] / width, box[1] / height, box[2] / width, box[3] / height], abs=0.01)
        page.get_by_role("slider").focus()
        page.keyboard.press("ArrowLeft")
        page.wait_for_url(lambda url: "threshold=0.59" in url)
        assert told.count() == int((theirs["scores"] > 0.59).sum())
        page.keyboard.press("End")
        assert told.count() == 0
        assert "No box has a score above the threshold." in page.locator(".found").inner_text()
        page.keyboard.press("Home")
        told.first.locator("button").first.press("Enter")
        settle(page)
        assert "at=roi_heads:getitem" in unquote(page.url)
    heard.raise_any()


TARGETS = """() => [...document.querySelectorAll(".found li button, .found input")].flatMap((one) => {
    const { width, height } = one.getBoundingClientRect();
    return [width, height];
})"""
BOXES = """() => {
    const all = document.querySelector(".found .picture").getBoundingClientRect();
    return [...document.querySelectorAll(".found .box")].map((one) => {
        const { left, top, right, bottom } = one.getBoundingClientRect();
        return [(left - all.x) / all.width, (top - all.y) / all.height,
                (right - all.x) / all.width, (bottom - all.y) / all.height];
    });
}"""
