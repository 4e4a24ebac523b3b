"""The truth test of the laboratory of GANs: every number again by plain torch; and the page by keys alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import Asking
from judging import Verdict, judge
from opening import App, go, settle
from planting import text
from playwright.sync_api import Browser, Locator, Page, expect
from sightings import collect
from states import DESK, PHONE, State
from touring import look
from windows import Complaints, window

pytestmark = pytest.mark.browser

SMALL = {"g_hidden": "5 tanh,4 tanh", "d_hidden": "6 leaky_relu,5 leaky_relu"}
WGAN = {**SMALL, "loss": "wasserstein", "data": "ring", "g_optimiser": "RMSprop", "d_steps": 2, "numbers": 1}
STATES = (
    State("untrained", "gan"),
    State("a while", "gan", {**SMALL, "at": 300, "layers": "belief,real,made,push,manifold"}),
    State("Wasserstein", "gan", {**WGAN, "at": 40}, clicks=("[aria-expanded] >> nth=0",)),
    State("least squares, alone", "gan", {"loss": "least_squares", "data": "moons", "at": 12, "acts": "9d_10g_11d"}),
    State("trained", "gan", {"network": "gan-ring"}),
    State("beside", "gan", {**SMALL, "data": "grid", "at": 250, "beside": "seed=1|loss=hinge&noise=uniform"}),
    State("constant", "gan", {"d_hidden": "5 sigmoid,5 sigmoid", "g_rate": 0, "d_rate": 0, "batch": 16, "at": 1250}),
    *(State(f"slow {stage}", "gan", {**SMALL, "at": 7, "stage": stage, "sample": 3, "weight": "generator,2,1,3"})
      for stage in (0, 2, 3, 6, 7, 9)),
    State("slow, its critic", "gan", {**WGAN, "at": 5, "stage": 4, "weight": "discriminator,2,1,3"}),
    State("slow, a rule", "gan", {**SMALL, "at": 5, "stage": 5, "weight": "discriminator,1,2,1",
                                  "d_optimiser": "momentum", "d_beta1": "0.9", "loss": "hinge"}),
)  # fmt: skip
PHONES = (State("small", "gan", {"at": 20}), State("small, slow", "gan", {"at": 20, "stage": 7}))
LEAST = {"value": 300, "term": 20, "gradientterm": 5, "rest": 5, "gradient": 3, "after": 2, "best": 2, "floor": 5,
         "error": 5, "js": 2, "discriminator": 3, "generator": 3}  # fmt: skip


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    asks = Asking(tmp_path_factory.mktemp("gan"))
    yield asks
    asks.close()


@pytest.fixture(scope="module")
def verdict(browser: Browser, app: App, answers: Asking) -> Verdict:
    complaints, seen = Complaints(), []
    with window(browser, app, complaints, viewport=DESK) as context:
        page = context.new_page()
        seen += [look(page, app, state) for state in STATES]
    with window(browser, app, complaints, viewport=PHONE, has_touch=True, color_scheme="dark") as context:
        page = context.new_page()
        seen += [look(page, app, state) for state in PHONES]
    complaints.raise_any()
    return judge(seen, answers)


def test_every_number_of_the_laboratory_is_true(verdict: Verdict) -> None:
    assert not verdict.wrong, str(verdict)


def test_enough_of_every_kind_of_the_laboratory_was_checked(verdict: Verdict, answers: Asking) -> None:
    counts = {kind: len(refs) for kind, refs in verdict.checked.items()}
    assert {kind: counts.get(kind, 0) for kind in LEAST if counts.get(kind, 0) < LEAST[kind]} == {}
    assert answers.foreign == []


BUMP = r"was.replace(/\d(?=\D*$)/, (digit) => (Number(digit) + 3) % 10)"
PLANTS = {
    "a measure": ("text", text(".measures [data-ref*='#js@value']", BUMP)),
    "its error": ("text", text(".measures [data-ref*='#js@error']", r"was.replace(/\.(\d\d)/, '.44')")),
    "a share": ("text", text(".pill [data-ref]", BUMP)),
    "a weight": ("line", """() => {
        const one = document.querySelector("[data-edge*='d.w2']"), was = one.getAttribute("data-value");
        one.setAttribute("data-value", Number(was) * 1.01 + 0.001);
        return () => one.setAttribute("data-value", was);
    }"""),
}  # fmt: skip


def test_an_error_planted_in_the_laboratory_is_found(page: Page, app: App, answers: Asking) -> None:
    go(page, app.address("gan", **SMALL, at=30))
    for found_as, script in PLANTS.values():
        page.evaluate(f"() => {{ window.undo = ({script})(); }}")
        wrong = judge([collect(page, "planted", "gan")], answers).wrong
        page.evaluate("window.undo()")
        assert any(one.startswith(f"[planted] {found_as}: ") for one in wrong), wrong
    go(page, app.address("gan", **SMALL, at=30, stage=7))
    page.evaluate(f"() => {{ ({text('.sum td [data-ref*=term]', BUMP)})(); }}")
    wrong = judge([collect(page, "planted", "gan")], answers).wrong
    assert any(one.startswith("[planted] text: ") for one in wrong), wrong


DOTS = """() => {
  const canvas = document.querySelector("[data-dots]"), box = canvas.getBoundingClientRect(), found = [];
  for (let x = 2; x < box.width; x += 7)
    for (let y = 2; y < box.height; y += 7) {
      const one = canvas.pick(x, y);
      if (!one) continue;
      const sharp = canvas.width / box.width;
      const [r, g, b, a] = canvas.getContext("2d").getImageData(one.x * sharp, one.y * sharp, 1, 1).data;
      found.push({ ...one, side: box.width, opaque: a > 150 });
    }
  return found;
}"""


def test_every_dot_stands_where_its_point_is(page: Page, app: App, answers: Asking) -> None:
    go(page, app.address("gan", **SMALL, at=30, layers="real,made"))
    dots: list[dict[str, Any]] = page.evaluate(DOTS)
    refs = {one["ref"]: one for one in dots}
    assert len(refs) > 100
    assert {ref.rpartition("@")[2] for ref in refs} == {"real", "made"}
    across = {ref: answers([ref])[ref].value for ref in refs}
    up = {ref: answers([ref.replace(",0]", ",1]")])[ref.replace(",0]", ",1]")].value for ref in refs}
    for ref, one in refs.items():
        assert one["opaque"], ref
        assert one["x"] == pytest.approx((across[ref] + 2.4) / 4.8 * one["side"], abs=0.1)
        assert one["y"] == pytest.approx((2.4 - up[ref]) / 4.8 * one["side"], abs=0.1)


def test_the_laboratory_by_keys_alone(page: Page, app: App) -> None:
    go(page, app.address("gan", **SMALL))
    page.keyboard.press("Space")
    expect(page.locator("footer b")).not_to_have_text("after 0 steps")
    page.keyboard.press("Space")
    page.wait_for_url("**at=*")
    page.keyboard.press("r")
    settle(page)
    for key, said in ((".", "after 1 step"), (".", "after 2 steps"), (",", "after 1 step"), ("d", "after 2 steps")):
        page.keyboard.press(key)
        settle(page)
        assert page.locator("footer b").inner_text() == said
    assert "acts=1d" in page.url
    page.keyboard.press("5")
    page.wait_for_url("**manifold*")
    page.keyboard.press("s")
    page.keyboard.press("n")
    page.wait_for_url("**stage=1*")
    settle(page)
    assert page.locator(".slow li [aria-current]").inner_text().endswith("generate")
    page.locator("button.unit >> nth=2").press("Enter")
    page.wait_for_url("**weight=generator*")
    page.keyboard.press("c")
    page.wait_for_url("**beside=*")


def test_bad_points_say_why_and_good_ones_are_learned(page: Page, app: App, tmp_path: Path) -> None:
    go(page, app.address("gan"))
    page.get_by_role("button", name="Your file").click()
    table = page.locator("textarea")
    for rows, why in (("1,2\n3,four", "line 2"), ("1,nan\n3,4", "line 1"), ("1,2", "1 row"), ("1,2,3,4,5\n1,2,3,4,5",
                      "5 columns"), ("7,7\n7,7", "the same"), ("", "0 rows")):  # fmt: skip
        table.fill(rows)
        page.get_by_role("button", name="Use these").click()
        assert why in page.locator("dialog[open]").inner_text()
    rows = "\n".join(f"{i % 1000},{i % 7}" for i in range(1_000_000))
    files = page.locator("dialog input[type=file]")
    files.set_input_files({"name": "points.csv", "mimeType": "text/csv", "buffer": rows.encode()})
    page.wait_for_url("**data=given:*")
    settle(page)
    assert "1200 / 1000000" in page.locator("header.bar").inner_text()


def chooser(page: Page, name: str) -> Locator:
    return page.locator(f"label:has(> span:text-is('{name}')) select")


def test_one_dot_drawn_by_hand_and_settings_changed_while_it_trains(page: Page, app: App) -> None:
    go(page, app.address("gan", **SMALL))
    page.get_by_role("button", name="Draw").click()
    page.locator(".plane").first.click(position={"x": 200, "y": 150})
    page.get_by_role("button", name="Learn this drawing").click()
    page.wait_for_url("**data=given:*")
    settle(page)
    page.keyboard.press("Space")
    chooser(page, "loss").select_option("hinge")
    chooser(page, "data").select_option("spiral")
    chooser(page, "batch").select_option("512")
    expect(page.locator("footer b")).not_to_have_text("after 0 steps")
    page.keyboard.press("Space")
    page.wait_for_url("**at=*")
    for part in ("loss=hinge", "data=spiral", "batch=512"):
        assert part in page.url
    assert page.locator(".notice").count() == 0
    go(page, app.address("gan", g_rate="1e7"))
    assert "learning rate is from 0 to 1,000,000" in page.locator(".notice").inner_text()
    go(page, app.address("gan", g_rate="1e6", at=60))
    assert page.locator("footer b").inner_text() == "after 60 steps"
