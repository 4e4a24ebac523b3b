"""The truth test of the page of U-Nets: maps, masks, scores, losses, skip connections, and a mask by hand."""

from __future__ import annotations

import io
from collections import Counter

import numpy as np
import pytest
import torch
from asking import Asking
from judging import Verdict, judge
from opening import App, go, move, settle
from PIL import Image
from planting import text
from playwright.sync_api import Browser, Page
from sightings import collect
from states import DESK, PHONE, State
from touring import look
from windows import Complaints, window

from glasswork import zoo
from glasswork.data.cutouts import load_cutouts
from glasswork.scenes.pictures import CUTOUTS
from glasswork.training.composing import held_out_examples

pytestmark = pytest.mark.browser

ONE, OTHER = (f"cutout:{name}" for name in CUTOUTS[1:3])
HALF = "0" + format(2048, "x")
STATES = (
    State("read", "unet"),
    State("a number", "unet", {"input": ONE, "at": "up.3.convolve.conv2[0,2,20,31]", "threshold": "0.35"}),
    State("backward", "unet", {"input": ONE, "direction": "backward", "place": "30,30", "at": "down.1.conv1[0,3,9,9]"}),
    State("shut", "unet", {"input": OTHER, "shut": "0,1", "class": "2", "at": "up.3:getitem[0,0,5,5]"}),
    State("without", "unet", {"network": "unet-cutouts-plain", "input": OTHER, "at": ":softmax[0,1,30,30]"}),
    State("own mask", "unet", {"input": ONE, "mask": "01kw.11kw"}),
    State("nuclei", "unet", {"network": "unet-nuclei", "input": "nuclei:3", "at": "up.0:cat[0,9,4,4]"}),
    State("no truth", "unet", {"input": "photo:cat", "class": "1", "threshold": "0.2"}),
)


@pytest.fixture(scope="module")
def verdict(browser: Browser, app: App, asking: Asking) -> Verdict:
    complaints, seen = Complaints(), []
    with window(browser, app, complaints, viewport=DESK) as context:
        page = context.new_page()
        seen += [look(page, app, state) for state in STATES]
    with window(browser, app, complaints, viewport=PHONE, has_touch=True, color_scheme="dark") as context:
        seen.append(look(context.new_page(), app, State("small", "unet", {"input": ONE, "at": "up.1.up[0,3,9,9]"})))
    complaints.raise_any()
    return judge(seen, asking)


def test_every_number_of_masks_is_true(verdict: Verdict) -> None:
    assert not verdict.wrong, str(verdict)


def test_enough_of_masks_was_checked(verdict: Verdict, asking: Asking) -> None:
    refs = verdict.checked["value"]
    counts = Counter(ref.partition("#")[2].partition("/")[0].partition("[")[0] for ref in refs if "mask:" in ref)
    least = {
        "iou": 60,
        "dice": 15,
        "both": 5,
        "told": 5,
        "true": 20,
        "nats": 20,
        "softdice": 20,
        "loss": 5,
        "pixel": 10,
    }
    assert not {kind: counts[kind] for kind, count in least.items() if counts[kind] < count}, counts
    maps = Counter(ref.partition("#")[2].partition("[")[0] for ref in refs if ref.startswith("trace:"))
    assert {"input", "down.0.relu1", "lowest.relu2", "up.0.up", "up.3:getitem", "output", ":softmax"} <= set(maps), maps
    assert len(verdict.checked["grad"]) > 100
    assert len(verdict.checked["term"]) > 20
    assert asking.foreign == []


PLANTS = {
    "headline": text("h1 [data-ref*='#iou']", "'.111'"),
    "table": text("td [data-ref*='#dice']", "'.222'"),
    "loss": text("[data-ref*='#loss']", "'7.7777'"),
    "grown": text("ol [data-ref*='#iou']", "'.333'"),
}


def test_each_error_planted_among_masks_is_found(browser: Browser, app: App, asking: Asking) -> None:
    with window(browser, app, Complaints(), viewport=DESK) as context:
        page = context.new_page()
        go(page, app.address("unet", input=ONE))
        for name, plant in PLANTS.items():
            page.evaluate(f"() => {{ window.undo = ({plant})(); }}")
            wrong = judge([collect(page, "planted", "open", lean=True)], asking).wrong
            assert any(one.startswith("[planted] text: ") for one in wrong), (name, wrong)
            page.evaluate("() => window.undo()")


def runs(words: str) -> list[int]:
    return [int(one[0]) for one in words.split(".") for _ in range(int(one[1:], 36))]


def test_the_masks_drawn_are_the_truth_and_the_networks_own(browser: Browser, app: App) -> None:
    name = CUTOUTS[1]
    example = held_out_examples()[name]
    assert name in load_cutouts("test").emoji.names
    x = torch.from_numpy(example.picture.copy()).permute(2, 0, 1)[None].float() / 255
    with window(browser, app, Complaints(), viewport=DESK) as context:
        page = context.new_page()
        go(page, app.address("unet", input=ONE))
        drawn = [one.get_attribute("data-mask") or "" for one in page.locator(".pictures [data-mask]").all()]
    assert runs(drawn[0]) == example.mask.flatten().tolist()
    for words, network in zip(drawn[1:], ("unet-cutouts", "unet-cutouts-plain"), strict=True):
        with torch.no_grad():
            told = zoo.load(network).module(x).softmax(1).argmax(1)
        assert runs(words) == told.flatten().tolist(), network


def test_masks_by_keyboard_alone(browser: Browser, app: App) -> None:
    with window(browser, app, Complaints(), viewport=DESK) as context:
        page: Page = context.new_page()
        go(page, app.address("unet", input=ONE))
        page.locator(".u [role=application]").focus()
        for key in ("ArrowRight", "ArrowDown", "Enter"):
            page.keyboard.press(key)
        settle(page)
        assert "at=down.0.relu1" in page.url
        page.keyboard.press("Escape")
        page.keyboard.press("s")
        settle(page)
        assert "shut=0,1,2,3" in page.url
        assert page.locator("h1 [data-ref]").count() == 2  # before and after
        page.keyboard.press("s")
        page.keyboard.press("b")
        settle(page)
        assert "direction=backward" in page.url
        page.keyboard.press("f")
        page.locator(".pad").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Space")
        settle(page)
        page.wait_for_url(lambda url: "mask=" in url)
        assert page.locator("[data-ref*='#loss']").count() == 1


UNFIT: dict[str, dict[str, str | int]] = {
    "can't be shown on this page": {"network": "tiny-vgg-emoji"},
    "another size than the picture": {"mask": HALF},
    "this is no mask": {"mask": "hello"},
    "a class that there is not": {"mask": "935s"},
    "there is no class 12": {"class": 12},
    "there is no pixel": {"place": "64,3"},
    "no skip connection": {"shut": "7"},
    "the threshold can't be": {"threshold": "1.5"},
    "no picture of cut-outs called": {"input": "cutout:../../etc/passwd"},
}


def test_a_mask_that_does_not_fit_is_refused_in_words(browser: Browser, app: App) -> None:
    with window(browser, app, Complaints(), viewport=DESK) as context:
        page = context.new_page()
        for said, query in UNFIT.items():
            move(page, app.address("unet", **query))
            assert said in page.locator("[role=alert]").inner_text()
        move(page, app.address("unet", input=ONE))
        small = io.BytesIO()
        Image.fromarray(np.zeros((32, 40), np.uint8)).save(small, "PNG")
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="a mask from a file").click()
        chooser.value.set_files({"name": "mask.png", "mimeType": "image/png", "buffer": small.getvalue()})
        page.locator("[role=alert]").wait_for()
        assert "40 × 32 pixels, the picture 64 × 64" in page.locator("[role=alert]").inner_text()
