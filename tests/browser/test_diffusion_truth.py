"""The truth test of the page of text to image: every number of a run again by plain torch; keys, and clear refusals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from asking import Asking
from fitting import CUT
from judging import Verdict, judge
from opening import App, go, move, settle
from planting import text
from playwright.sync_api import Browser, Page
from sightings import collect
from states import DESK, PHONE, Query, State
from test_access import AXE, GRAVE, LEAST_TARGET, SMALL, told
from touring import look
from windows import Complaints, window

from imagining import small_pipeline, small_runs

pytestmark = pytest.mark.browser

CAT = "sample:shaded-cat-face"
STATES = (
    State("a step", "diffusion", {"prompt": "cat", "steps": 9, "at": 5, "number": "2.1.3", "half": "without",
                                  "layer": 0, "head": 1, "sampler": "ddpm", "guidance": "1.5"}),
    State("beside it", "diffusion", {"prompt": "red cat", "steps": 6, "at": 3, "sampler": "dpm_solver",
                                     "beside": "prompt=cat&sampler=euler"}),
    State("painted over a picture", "diffusion", {"prompt": "red", "negative": "cat", "steps": 8, "start": CAT, "at": 5,
                                                  "strength": "0.7", "sampler": "euler_ancestral",
                                                  "mask": "1" * 5 + "0" * 11, "number": "1.3.0"}),
    State("training", "diffusion", {"prompt": "cat", "view": "training", "time": 321, "number": "0.1.2"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = App(tmp_path_factory.mktemp("app"), targets=(small_pipeline(tmp_path_factory.mktemp("model") / "tiny"),))
    small_runs(app.runs, tmp_path_factory.mktemp("captioned"))
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
        page.goto(served.address())
        page.evaluate(AXE.read_text())
        for one in STATES:
            seen.append(look(page, served, State(one.name, one.path, {"network": "tiny", **one.query})))
            usable(page, one.name)
        move(page, served.address("diffusion", network="emoji-diffusion", view="scores", steps=1))
        page.wait_for_function("() => document.querySelectorAll('.grid-of canvas').length === 40", timeout=30_000)
        settle(page, -1)
        seen.append(collect(page, "scores", "diffusion", lean=True))  # its pictures are made as variants are
        usable(page, "scores")
        own = {"network": "runs/emoji-diffusion", "prompt": "red heart", "steps": 3, "beside": "prompt=blue"}
        seen.append(look(page, served, State("of a run of training", "diffusion", own)))
        move(page, served.address("diffusion", network="tiny", prompt="cat", steps=9, sampler="ddpm", at=5))
        page.locator(".cards button [data-ref*='#with/5']").first.click()
        page.wait_for_url("**/open?**")
        settle(page, -1)
        seen.append(collect(page, "its U-Net, opened", "open"))
    with window(browser, served, complaints, viewport=PHONE, has_touch=True, color_scheme="dark") as context:
        page = context.new_page()
        page.goto(served.address())
        page.evaluate(AXE.read_text())
        for one in STATES[1:2]:
            seen.append(look(page, served, State(f"small, {one.name}", one.path, {"network": "tiny", **one.query})))
            usable(page, one.name)
            over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert over <= 0, one.name
            assert page.evaluate(CUT) == [], one.name
            assert page.evaluate(SMALL, LEAST_TARGET) == [], one.name
    complaints.raise_any()
    return judge(seen, answers)


def usable(page: Page, state: str) -> None:
    result = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    grave = [told(one) for one in result["violations"] if one["impact"] in GRAVE]
    assert grave == [], state


def test_every_number_of_a_run_is_true(verdict: Verdict) -> None:
    assert not verdict.wrong, str(verdict)


def test_enough_of_a_run_was_checked(verdict: Verdict, answers: Asking) -> None:
    refs = verdict.checked["value"]
    kinds = Counter(ref.partition("#")[2].partition("/")[0].partition("[")[0].partition("@")[0] for ref in refs)
    least = {
        "latent": 100, "without": 20, "with": 20, "guided": 20, "clean": 20, "next": 20, "picture": 40, "text": 20,
        "alpha": 6, "sigma": 6, "time": 3, "takes": 7, "unet": 60, "attention": 40, "share": 20, "decoder": 10,
        "likeness": 3, "caption": 5, "seen": 5, "point": 20, "explained": 2, "apart": 1, "cosine": 1, "start": 3,
        "kept": 1, "noise": 6, "noised": 3, "target": 3, "slope": 3, "slopes": 5, "loss": 1, "after": 1, "drawn": 10,
    }  # fmt: skip
    assert not {kind: kinds[kind] for kind, count in least.items() if kinds[kind] < count}, kinds
    assert answers.foreign == []


BUMP = r"was.replace(/\d(?=\D*$)/, (digit) => (Number(digit) + 3) % 10)"
PLANTS = {
    "a card": text(".cards [data-ref*='#guided/']", BUMP),
    "how much is taken": text(".cards [data-ref*='#takes/']", BUMP),
    "a share": text(".looks [data-ref*='#share/']", BUMP),
    "the schedule": text(".schedule [data-ref*='#alpha']", BUMP),
}


def test_an_error_planted_in_a_run_is_found(browser: Browser, served: App, answers: Asking) -> None:
    with window(browser, served, Complaints(), viewport=DESK) as context:
        page = context.new_page()
        go(page, served.address("diffusion", network="tiny", prompt="red cat", steps=5, at=2))
        for name, script in PLANTS.items():
            page.evaluate(f"() => {{ window.undo = ({script})(); }}")
            wrong = judge([collect(page, "planted", "diffusion", lean=True)], answers).wrong
            page.evaluate("window.undo()")
            assert any(one.startswith("[planted] text: ") for one in wrong), (name, wrong)
        page.evaluate(
            """() => {
                const one = document.querySelector("canvas[data-figure=pixels]"), context = one.getContext("2d");
                context.fillStyle = "#123456";
                context.fillRect(0, 0, one.width, one.height);
            }"""
        )
        wrong = judge([collect(page, "planted", "diffusion")], answers).wrong
        assert any(one.startswith("[planted] pixel: ") for one in wrong), wrong


@pytest.fixture
def sheet(browser: Browser, served: App) -> Iterator[Page]:
    with window(browser, served, Complaints(), viewport=DESK) as context:
        yield context.new_page()


def test_a_picture_is_made_and_opened_by_keyboard_alone(sheet: Page, served: App) -> None:
    go(sheet, served.address("diffusion", network="tiny", steps=6))
    sheet.keyboard.press("/")
    sheet.keyboard.press("Control+a")
    sheet.keyboard.type("red cat")
    sheet.keyboard.press("Enter")
    settle(sheet)
    assert "prompt=red+cat" in sheet.url
    assert "red cat" in sheet.locator("h1").inner_text()
    sheet.locator("h1").click()  # out of the field
    for key in (".", ".", ","):
        sheet.keyboard.press(key)
        settle(sheet, -1)
    assert "step 2" in sheet.locator("footer").inner_text()
    ringed = sheet.locator(".cards .name").first.inner_text()
    sheet.locator(".opened [role=application]").first.focus()
    sheet.keyboard.press("ArrowRight")
    assert sheet.locator(".cards .name").first.inner_text() != ringed
    sheet.keyboard.press("h")
    settle(sheet, -1)
    assert sheet.locator(".looks figure").count() == 3  # start, end, padding: there are no words
    sheet.keyboard.press("o")
    sheet.wait_for_url("**/open?**")
    settle(sheet, -1)
    assert "denoiser" in sheet.locator("header.bar").inner_text() + sheet.title()
    sheet.go_back()
    settle(sheet, -1)
    sheet.keyboard.press("v")
    settle(sheet, -1)
    assert "At time 500" in sheet.locator("h1").inner_text()


def test_a_number_of_the_card_opens_in_the_u_net_that_made_it(sheet: Page, served: App) -> None:
    go(sheet, served.address("diffusion", network="tiny", prompt="cat", steps=4, at=2, number="1.2.3"))
    chip = sheet.locator(".cards button [data-ref*='#with/2']").first
    said = chip.inner_text()
    chip.click()
    sheet.wait_for_url("**/open?**")
    settle(sheet, -1)
    assert "at=conv_out[0,1,2,3]" in sheet.url.replace("%5B", "[").replace("%5D", "]")
    assert said in sheet.locator("main").inner_text()


REFUSED: tuple[tuple[Query, str], ...] = (
    ({"steps": 0}, "0 steps can't be taken"),
    ({"steps": 10_000}, "10,000 steps can't be taken"),
    ({"guidance": 1000}, "a guidance of 1000 can't be used"),
    ({"sampler": "magic"}, "no sampler"),
    ({"start": "sample:nothing"}, "nothing"),
    ({"network": "elsewhere"}, "no text-to-image model"),
    ({"prompt": "red " * 500, "steps": 2}, "494 tokens of the prompt did not fit"),
    ({"prompt": "", "steps": 2, "guidance": -5}, "no words"),
    ({"prompt": "<img src=x onerror=alert(1)>", "steps": 2}, "<img src=x onerror=alert(1)>"),
)


def test_what_can_not_be_made_is_said_in_place(sheet: Page, served: App) -> None:
    for query, said in REFUSED:
        move(sheet, served.address("diffusion", **{"network": "tiny", **query}))
        assert said in sheet.locator("main").inner_text()


def test_a_run_can_be_cancelled_and_what_was_made_stays(sheet: Page, served: App) -> None:
    sheet.goto(served.address("diffusion", network="tiny", prompt="cat", steps=900))
    sheet.wait_for_selector(".film")
    sheet.get_by_role("button", name="Cancel").click(timeout=20_000)
    settle(sheet, -1)
    assert "stopped at step" in sheet.locator("h1").inner_text()
    assert sheet.locator(".unet .level").count() == 2
    sheet.locator("input.prompt").fill("red")
    sheet.locator("input[type=number]").nth(1).fill("3")
    sheet.keyboard.press("Enter")
    settle(sheet, -1)
    assert "done" in sheet.locator(".film").inner_text()
