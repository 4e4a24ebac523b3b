"""The truth test of the workshop of convolutions: its numbers, where its windows stand, and its use by keys alone."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from asking import Asking
from judging import Verdict, judge
from opening import App, go, move, settle
from planting import text
from playwright.sync_api import Browser, Page
from sightings import collect
from states import DESK, PHONE, State
from torch import Tensor
from touring import look
from windows import Complaints, window

pytestmark = pytest.mark.browser

STATES = (
    State("edges", "convolution"),
    State("at the edge", "convolution", {"at": "0,0,5", "stride": 2, "padding": 2}),
    State("trained", "convolution", {"kernel": "tiny-vgg-emoji/3", "colour": 1, "fill": "reflect", "stride": 3}),
    State("a pixel of the padding", "convolution", {"fill": "circular", "see": "pad[0,0,0,4]"}),
    State("each colour", "convolution", {"kernel": "blur", "size": 5, "colour": 1, "groups": 3, "at": "2,4,4"}),
    State("transposed", "convolution", {"do": "transposed", "side": 12, "at": "0,7,8"}),
    State("maximum", "convolution", {"do": "max", "size": 3, "input": "sample:twitter-owl"}),
    State("mean", "convolution", {"do": "average", "side": 13}),
    State("all", "convolution", {"do": "global", "side": 8}),
    State("own", "convolution", {"kernel": "1,-2,0.5,1e-5", "size": 2, "dilation": 3, "bias": 1}),
)


@pytest.fixture(scope="module")
def verdict(browser: Browser, app: App, asking: Asking) -> Verdict:
    complaints, seen = Complaints(), []
    with window(browser, app, complaints, viewport=DESK) as context:
        page = context.new_page()
        seen += [look(page, app, state) for state in STATES]
        seen.append(look(page, app, State("all terms", "convolution", keys=("t",))))
    with window(browser, app, complaints, viewport=PHONE, has_touch=True, color_scheme="dark") as context:
        seen.append(look(context.new_page(), app, State("small", "convolution", {"padding": 2, "at": "0,1,1"})))
    complaints.raise_any()
    return judge(seen, asking)


def test_every_number_of_the_workshop_is_true(verdict: Verdict) -> None:
    assert not verdict.wrong, str(verdict)


def test_enough_of_the_workshop_was_checked(verdict: Verdict, asking: Asking) -> None:
    least = {"value": 150, "term": 60, "part": 8}
    assert not {kind: len(verdict.checked[kind]) for kind, count in least.items() if len(verdict.checked[kind]) < count}
    paths = Counter(ref.partition("#")[2].partition("[")[0] for ref in verdict.checked["value"])
    assert {"input", "pad", "conv", "pool", "conv.weight"} <= set(paths), paths
    assert asking.foreign == []


PLANTS = {
    "headline": text("h1 [data-ref*='#conv']", "'9.1234'"),
    "part": text("[data-ref*='@part:0']", "'+7.777'"),
    "legend": text(".legend [data-ref*='#conv']", "'88'"),
}


def test_each_error_planted_in_the_workshop_is_found(browser: Browser, app: App, asking: Asking) -> None:
    with window(browser, app, Complaints(), viewport=DESK) as context:
        page = context.new_page()
        go(page, app.address("convolution"))
        for name, plant in PLANTS.items():
            page.evaluate(f"() => {{ window.undo = ({plant})(); }}")
            wrong = judge([collect(page, "planted", "open", lean=True)], asking).wrong
            assert any(one.startswith("[planted] text: ") for one in wrong), (name, wrong)
            page.evaluate("() => window.undo()")


PLACED: tuple[dict[str, Any], ...] = (
    {"size": 3, "stride": 2, "padding": 1, "dilation": 1},
    {"kernel": "blur", "size": 2, "stride": 3, "padding": 2, "dilation": 2},
    {"do": "max", "size": 3, "stride": 4, "padding": 1, "dilation": 1},
    {"do": "transposed", "size": 3, "stride": 2, "padding": 1, "dilation": 2},
)


def reads(how: dict[str, Any], side: int) -> Tensor:
    """Which numbers of the picture each number of the output depends on, by autograd: (H', W', H, W)."""
    x = torch.rand(1, 1, side, side, requires_grad=True)
    ones = torch.ones(1, 1, how["size"], how["size"])
    settings = {"stride": how["stride"], "padding": how["padding"], "dilation": how["dilation"]}
    y = (F.conv_transpose2d if how.get("do") == "transposed" else F.conv2d)(x, ones, **settings)[0, 0]
    rows = [torch.autograd.grad(one, x, retain_graph=True)[0][0, 0] != 0 for one in y.flatten()]
    return torch.stack(rows).view(*y.shape, side, side)


# One after another, each window is drawn, and the cells that it marks are read off the page.
WALK = """
async () => {
  const found = [];
  const place = document.querySelector(".reading");
  const press = (key) => place.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  const drawn = () => {
    const box = place.getBoundingClientRect();
    const cells = [...place.querySelectorAll("[data-window]")];
    return cells.map((one) => {
      const at = one.getBoundingClientRect();
      return [one.dataset.window.split(",").map(Number), [at.y - box.y, at.x - box.x, at.height, box.width]];
    });
  };
  const frame = () => new Promise((then) => requestAnimationFrame(then));
  const label = () => place.getAttribute("aria-label").match(/\\d+/g).map(Number);
  for (let i = 0; i < 40; i++) press("ArrowUp");
  for (let i = 0; i < 40; i++) press("ArrowLeft");
  for (;;) {
    await frame();
    found.push([label(), drawn()]);
    const [row, column] = label();
    press("ArrowRight");
    await frame();
    if (label()[1] === column) {
      for (let i = 0; i < 40; i++) press("ArrowLeft");
      press("ArrowDown");
      await frame();
      if (label()[0] === row) return JSON.stringify([Number(place.dataset.around), found]);
    }
  }
}
"""


def test_every_window_is_drawn_where_it_truly_stands(browser: Browser, app: App) -> None:
    side = 6
    with window(browser, app, Complaints(), viewport=DESK) as context:
        page = context.new_page()
        for how in PLACED:
            move(page, app.address("convolution", side=side, **how))
            around, walked = json.loads(page.evaluate(WALK))
            wanted = reads(how, side)
            assert {tuple(place) for place, _ in walked} == {
                (row, column) for row in range(wanted.shape[0]) for column in range(wanted.shape[1])
            }
            for (row, column), cells in walked:
                inside = {tuple(at) for at, _ in cells if all(0 <= one < side for one in at)}
                assert inside == {tuple(one) for one in wanted[row, column].nonzero().tolist()}, (how, row, column)
                for (r, c), (top, left, high, whole) in cells:
                    each = whole / (side + 2 * around)
                    assert abs(high - each) < 1.5  # its line has a width
                    assert abs(top - (r + around) * each) < 1
                    assert abs(left - (c + around) * each) < 1
            settle(page, -1)


def test_the_workshop_by_keyboard_alone(browser: Browser, app: App) -> None:
    with window(browser, app, Complaints(), viewport=DESK) as context:
        page: Page = context.new_page()
        go(page, app.address("convolution", at="0,5,5"))
        page.locator(".reading").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Shift+ArrowDown")
        settle(page)
        page.wait_for_url(lambda url: "at=0,15,6" in url)
        assert "row 15, column 6" in page.locator("h1").inner_text().lower()
        page.locator(".cells input").first.focus()
        page.keyboard.press("Control+a")
        page.keyboard.type("2.5")
        page.keyboard.press("Tab")
        settle(page)
        assert "kernel=2.5,-1,-1" in page.url
        page.keyboard.press("t")
        settle(page)
        page.keyboard.press("t")


UNFIT: dict[str, dict[str, str | int]] = {
    "the size can't be 0": {"size": 0},
    "larger than the padded picture": {"size": 9, "kernel": "blur", "dilation": 9},
    "this is no kernel": {"kernel": "1,2"},
    "no sample called": {"input": "sample:../../etc/passwd"},
    "is no layer": {"stack": "zz"},
}
TOLD = {
    "has no middle": {"size": 4, "kernel": "blur"},
    "larger than the picture of": {"stride": 99, "padding": 0},
    "does not come out even": {"stride": 2, "padding": 0},
    "further apart than they are wide": {"stride": 5},
    "chequered": {"do": "transposed"},
}


def test_what_does_not_fit_is_refused_and_what_is_odd_is_told(browser: Browser, app: App) -> None:
    with window(browser, app, Complaints(), viewport=DESK) as context:
        page = context.new_page()
        for said, query in UNFIT.items():
            go(page, app.address("convolution", **query))  # as the first thing that is asked
            assert said in page.locator("[role=alert]").inner_text()
            assert page.locator(".controls").is_visible()  # so that it can be mended
        page.locator(".controls select").first.select_option("max")
        settle(page)
        for said, query in TOLD.items():
            move(page, app.address("convolution", **query))
            assert page.locator("[role=alert]").count() == 0
            assert said in page.locator(".sizes").inner_text()
