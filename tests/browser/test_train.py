"""The page of training while a run goes on: by keys alone; over a closed browser, a lost server, a wire that stands
still or breaks, a sleep, a dead trainer (CHECKS C40, C41)."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from between import Wire
from opening import PATIENCE, App, go
from playwright.sync_api import Browser, Locator, Page, expect
from states import DESK
from test_train_truth import READ
from windows import Complaints, window

from glasswork.scenes.courses import Courses
from glasswork.training.locking import holder
from scripts.chromium import FLAGS, find_browser

pytestmark = pytest.mark.browser

SETTINGS = {"sizes.width": "2", "batch": "8", "validation": "40", "steps": "100000", "save_every": "50", "keep": "0",
            "record_every": "1", "evaluate_every": "200"}  # fmt: skip
WAIT = 3 * PATIENCE
FOCUSED = """() => {
    const one = document.activeElement;
    return one.matches("button, a, input") ? (one.getAttribute("aria-label") ?? one.textContent) : "";
}"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    running = App(tmp_path)
    running.start()
    yield running
    running.stop()
    for folder in running.runs.glob("*"):
        if pid := trainer(folder):
            os.kill(pid, signal.SIGKILL)


def trainer(folder: Path) -> int:
    """Who trains the run in a folder; 0: nobody."""
    found = re.search(r"\d+", holder(folder))
    return int(found.group()) if found else 0


def records(folder: Path) -> dict[int, float]:
    lines = (folder / "metrics.jsonl").read_bytes().split(b"\n")[:-1]
    found: dict[int, float] = {}
    for record in map(json.loads, lines):
        if record.get("event") == "resumed":
            found = {step: loss for step, loss in found.items() if step <= record["step"]}
        if "loss" in record:
            found[record["step"]] = record["loss"]
    return found


def events(folder: Path) -> list[str]:
    lines = (folder / "metrics.jsonl").read_bytes().split(b"\n")[:-1]
    return [record["event"] for record in map(json.loads, lines) if "event" in record]


def state(page: Page) -> Locator:
    return page.locator(".facts")


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the focus is on something of this name."""
    for _ in range(80):
        page.keyboard.press("Tab")
        found = page.evaluate(
            "() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent"
        )
        if found.strip().endswith(name):
            return
    raise AssertionError(f"Tab never reached {name!r}")


def test_a_run_is_begun_and_steered_by_the_keyboard_alone(browser: Browser, app: App, complaints: Complaints) -> None:
    with window(browser, app, complaints, viewport=DESK) as context:
        page = context.new_page()
        go(page, app.address("train"))
        expect(page.get_by_role("heading", name="Nothing has been trained here yet.")).to_be_visible()
        tab_to(page, "New run")
        page.keyboard.press("Enter")
        page.get_by_label("What to train").focus()
        page.keyboard.type("Tiny VGG · digits")
        for name, value in (("steps", "50000"), ("batch", "16")):
            page.get_by_role("textbox", name=name, exact=True).focus()
            page.keyboard.press("Control+a")
            page.keyboard.type(value)
        page.keyboard.press("Enter")
        expect(state(page)).to_contain_text("running", timeout=WAIT)
        folder = app.runs / "tiny-vgg-digits"
        expect(page.locator("path[data-curve$='#loss']")).to_be_attached(timeout=WAIT)
        page.keyboard.press("Space")
        expect(state(page)).to_contain_text("paused", timeout=WAIT)
        paused = max(records(folder))
        expect(page.locator(".now b")).not_to_have_text("step 0", timeout=WAIT)  # it was saved where it stands
        at = page.locator(".now b").inner_text()
        page.keyboard.press("n")
        expect(page.locator(".now b")).not_to_have_text(at, timeout=WAIT)
        after = page.locator(".now b").inner_text()
        assert number(after) == number(at) + 1
        assert max(records(folder)) >= paused
        tab_to(page, "change the learning rate")
        page.keyboard.press("Enter")
        page.keyboard.type("0.0025")
        page.keyboard.press("Enter")
        tab_to(page, "Go on")
        page.keyboard.press("Enter")
        expect(state(page)).to_contain_text("running", timeout=WAIT)
        tab_to(page, "Stop")
        page.keyboard.press("Enter")
        expect(state(page)).to_contain_text("stopped", timeout=WAIT)
        assert events(folder) == ["paused", "rate", "went on", "stopped"]
        page.keyboard.press(",")
        expect(page.locator(".now b")).to_have_text(after)  # the saved step before the one where it was stopped
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_contain_text("Pause, or go on")


def number(words: str) -> int:
    return int(re.sub(r"\D", "", words))


@pytest.fixture
def going(app: App) -> str:
    """A run that goes on for as long as the test."""
    return Courses(app.runs).start("tiny-vgg-digits", SETTINGS)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGKILL, r"The trainer died.*ended by signal 9, likely out of memory · at step \d+.*Resume"),
        pytest.param(
            *(signal.SIGSEGV, r"The trainer died.*ended by signal 11 · at step \d+.*Resume"), marks=pytest.mark.slow
        ),
    ],
)
@pytest.mark.slow
def test_c41_what_killed_the_trainer_is_said_within_seconds_and_the_run_goes_on(
    browser: Browser, app: App, complaints: Complaints, number: int, said: str
) -> None:
    assert app.server
    app.server.warmed.result()
    going = app.responding.training.courses.start("tiny-vgg-digits", SETTINGS)
    with window(browser, app, complaints, viewport=DESK) as context:
        page = context.new_page()
        page.goto(app.address("train", run=going))
        expect(state(page)).to_contain_text("running", timeout=WAIT)
        expect(page.locator(".now b")).not_to_have_text("step 0", timeout=WAIT)  # something was saved
        pid = trainer(app.runs / going)
        os.kill(pid, number)
        expect(page.get_by_role("alert")).to_contain_text(re.compile(said, re.DOTALL), timeout=5000)
        assert not Path(f"/proc/{pid}").exists()  # no zombie
        died = max(records(app.runs / going))
        page.get_by_role("button", name="Resume", exact=True).click()
        expect(state(page)).to_contain_text("running", timeout=WAIT)
        expect(page.get_by_role("alert")).to_have_count(0)
        page.get_by_role("button", name="Stop", exact=True).click()
        expect(state(page)).to_contain_text("stopped", timeout=WAIT)
        steps = list(records(app.runs / going))
        assert steps == list(range(1, len(steps) + 1))
        assert died > 0


@pytest.mark.slow
def test_a_closed_browser_and_a_lost_server_change_nothing(
    browser: Browser, app: App, going: str, complaints: Complaints
) -> None:
    complaints.expected = ("WebSocket", "ERR_CONNECTION_REFUSED")
    folder = app.runs / going
    with window(browser, app, complaints, viewport=DESK) as context:
        page = context.new_page()
        page.goto(app.address("train", run=going))
        expect(state(page)).to_contain_text("running", timeout=WAIT)
        seen = len(records(folder))
        page.close()
        page = context.new_page()
        page.goto(app.address("train", run=going))
        expect(state(page)).to_contain_text("running", timeout=WAIT)
        pid = trainer(folder)
        app.stop()
        expect(page.get_by_role("status").first).to_be_visible(timeout=WAIT)
        app.start()
        expect(page.get_by_role("status")).to_have_count(0, timeout=WAIT)
        assert trainer(folder) == pid
        page.get_by_role("button", name="Pause", exact=True).click(timeout=WAIT)
        expect(state(page)).to_contain_text("paused", timeout=WAIT)
        page.wait_for_timeout(1500)  # the page asks once a second
        wanted = records(folder)
        assert len(wanted) > seen
        drawn = page.evaluate(READ, "loss")
        across = [round(x / drawn["width"] * drawn["last"]) for x, _ in drawn["points"]]
        assert across == sorted(across)
        assert abs(across[-1] - max(wanted)) <= drawn["last"] / drawn["width"] + 1
        if len(wanted) <= 480:  # each record is drawn, once
            assert len(set(across)) == len(across) == len(wanted)
        assert list(wanted) == list(range(1, len(wanted) + 1))


@pytest.mark.slow
def test_a_run_is_watched_and_steered_on_its_networks_own_page_too(
    browser: Browser, app: App, going: str, complaints: Complaints
) -> None:
    folder = app.runs / going
    with window(browser, app, complaints, viewport=DESK) as context:
        page = context.new_page()
        for _ in range(WAIT // 100):
            if any(folder.glob("checkpoints/step-*")):
                break
            page.wait_for_timeout(100)
        page.goto(app.address("cnn", network=f"run:{going}@0"))
        step = page.locator("footer .step").first
        expect(step).to_have_text("step 0", timeout=WAIT)
        page.get_by_role("slider", name="Saved steps").press("End")
        expect(step).not_to_have_text("step 0", timeout=WAIT)
        before = number(step.inner_text())
        expect(step).not_to_have_text(f"step {before:,}", timeout=WAIT)  # who looks at the newest, goes along
        page.get_by_role("button", name="Pause", exact=True).press("Enter")
        page.get_by_role("button", name="Go on", exact=True).wait_for(timeout=WAIT)
        assert events(folder) == ["paused"]
        paused = max(records(folder))
        expect(step).to_have_text(f"step {paused:,}", timeout=WAIT)
        loss = page.locator("footer [data-ref*='#loss@']")  # of a long course, the mean of some steps
        address = re.compile(rf"run:{going}/(\d+-)?{paused}#loss@(value|mean)")
        expect(loss).to_have_attribute("data-ref", address, timeout=WAIT)
        first = re.search(r"/(\d+)", loss.get_attribute("data-ref") or "")
        assert first is not None
        steps = range(int(first[1]), paused + 1)
        mean = sum(records(folder)[step] for step in steps) / len(steps)
        assert float(loss.inner_text()) == pytest.approx(mean, abs=6e-4)
        page.get_by_role("button", name="One step", exact=True).press("Enter")
        expect(step).to_have_text(f"step {paused + 1:,}", timeout=WAIT)
        page.get_by_role("button", name="Training", exact=True).press("Enter")
        expect(state(page)).to_contain_text("paused", timeout=WAIT)


SLEEP = 1500  # milliseconds
COUNTED = {**SETTINGS, "record_every": "50"}
"""So few records that each is drawn."""


@pytest.mark.slow
def test_c40_a_wire_that_stands_still_or_breaks_and_a_sleep_leave_no_gap(
    browser: Browser, app: App, complaints: Complaints
) -> None:
    breaks = ("CONNECTION_RESET", "EMPTY_RESPONSE", "CONNECTION_CLOSED", "CONTENT_LENGTH_MISMATCH")
    complaints.expected = ("WebSocket", *(f"ERR_{each}" for each in breaks))
    going = Courses(app.runs).start("tiny-vgg-digits", COUNTED)
    folder = app.runs / going
    wire = Wire(app.settings.port)
    rule = f"--host-resolver-rules=MAP 127.0.0.1:{app.settings.port} 127.0.0.1:{wire.port}"
    apart = browser.browser_type.launch(executable_path=find_browser(), args=[*FLAGS, rule])
    with window(apart, app, complaints, viewport=DESK) as context:
        page = context.new_page()
        page.goto(app.address("train", run=going))
        expect(state(page)).to_contain_text("running", timeout=WAIT)
        pid = trainer(folder)
        catches_up(page, folder)
        lost = page.get_by_role("status").filter(has_text="doesn't answer")

        wire.stall()
        page.wait_for_timeout(SLEEP)
        held = len(drawn(page))
        wire.flow()
        catches_up(page, folder)
        assert len(drawn(page)) > held

        wire.cut()
        expect(lost).to_be_visible(timeout=WAIT)
        page.wait_for_timeout(SLEEP)
        wire.mend()
        expect(lost).to_have_count(0, timeout=WAIT)
        catches_up(page, folder)

        devtools = context.new_cdp_session(page)
        devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
        wire.forget()
        page.wait_for_timeout(SLEEP)
        devtools.send("Page.setWebLifecycleState", {"state": "active"})
        catches_up(page, folder)

        page.get_by_role("button", name="Pause", exact=True).click(timeout=WAIT)
        expect(state(page)).to_contain_text("paused", timeout=WAIT)
        wanted = sorted(records(folder))
        assert wanted == list(range(50, wanted[-1] + 1, 50))
        assert drawn(page) == wanted
        assert trainer(folder) == pid
    apart.close()
    wire.close()


def drawn(page: Page) -> list[int]:
    """The steps of the records that the loss is drawn through."""
    found = page.evaluate(READ, "loss")
    return [50 * round(x / found["width"] * found["last"] / 50) for x, _ in found["points"]]


def catches_up(page: Page, folder: Path) -> None:
    """Wait until the page has drawn all that is recorded now."""
    wanted = max(records(folder), default=0)
    for _ in range(WAIT // 100):
        if page.locator("path[data-curve$='#loss']").count() and drawn(page)[-1] >= wanted > 0:
            return
        page.wait_for_timeout(100)
        wanted = wanted or max(records(folder), default=0)
    raise AssertionError(f"the page never drew step {wanted}")
