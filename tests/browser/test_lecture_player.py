"""Lessons in a real browser: every address opens, every step can be done, answers are the networks' own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import Asking
from opening import App, go, move, settle
from playwright.sync_api import Browser, Page, expect
from windows import Complaints, window

from glasswork.scenes.lecture_files import address, read_lesson, shipped
from glasswork.scenes.messages.lecture import LectureStep, Place

pytestmark = pytest.mark.browser

SHORT = ("tour", "convolution")
"""Walked in every run; the others in the slow one."""
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in shipped() if name not in SHORT]
DIGITS = 2e-3


@pytest.fixture(scope="module")
def page(browser: Browser, app: App) -> Iterator[Page]:
    """One window for all, opened once: to load the app is what takes the time."""
    complaints = Complaints()
    with window(browser, app, complaints) as context:
        opened = context.new_page()
        go(opened, app.address("lecture"))
        yield opened
    complaints.raise_any()


def at(name: str, number: int, step: LectureStep) -> str:
    return address(Place(step.opens.page, {**step.opens.values, "lesson": f"{name}.{number}"}))


def attempt(page: Page, step: LectureStep) -> None:
    """Do what a step asks: press what it marks or waits for; what no press does it shows itself."""
    if step.mark:
        expect(page.locator(step.mark).first, "what the step marks is not there").to_be_visible()
        page.locator(step.mark).first.click()
    for selector in clicks(step):
        if page.locator(".try:not(.done)").count():
            page.locator(selector).first.click()
    page.wait_for_timeout(100)
    if step.shows and page.locator(".try:not(.done)").count():
        page.locator(".try button:not(.where)").click()


def clicks(step: LectureStep) -> list[str]:
    """What a step waits for to be clicked: a button that plays, after which a page does not come to rest."""
    return [one.value for one in step.done if one.how == "click"]


@pytest.mark.parametrize("name", [*SHORT, *SLOW])
def test_every_step_opens_and_can_be_done(page: Page, app: App, name: str) -> None:
    lesson = read_lesson(shipped()[name], name)
    plays = False
    for number, written in enumerate(lesson.steps, 1):
        step = written.step
        (go if plays else move)(page, app.origin + at(name, number, step))
        plays = bool(clicks(step))
        where = f"{name}, step {number}"
        assert page.locator(".lesson h2").is_visible(), where
        assert not page.locator("[role=alert]").count(), f"{where}: {page.locator('[role=alert]').all_inner_texts()}"
        if not step.done:
            continue
        assert not page.locator(".try.done").count(), f"{where} is done before anything was done"
        attempt(page, step)
        expect(page.locator(".try.done"), where).to_be_visible()
        if not plays:
            settle(page, -1)
        assert not page.locator("[role=alert]").count(), f"{where}: {page.locator('[role=alert]').all_inner_texts()}"


def test_a_lesson_is_walked_by_its_buttons_and_its_keys_and_is_remembered(page: Page, app: App) -> None:
    go(page, app.address("cnn", network="tiny-vgg-emoji", lesson="tour.1"))  # afresh: nothing of it was done yet
    on = page.locator(".lesson .way").last
    expect(on).to_have_text("Skip")
    page.locator("[data-cell='3 3']").first.click()
    expect(page.locator(".try.done")).to_be_visible()
    expect(on).to_have_text("Next")
    opened = page.url.split("at=")[1].split("&")[0]
    on.click()
    settle(page, -1)
    assert f"at={opened}" in page.url, "going on lost what the reader had opened"
    assert "lesson=tour.2" in page.url
    page.keyboard.press("PageDown")
    expect(page.locator(".lesson h2")).to_contain_text("Turn round")
    page.keyboard.press("PageUp")
    expect(page.locator(".lesson h2")).to_contain_text("opens into")
    page.keyboard.press("m")
    expect(page.locator(".page > header").first).to_be_hidden()
    expect(page.locator(".lesson .does")).to_have_count(0)
    page.keyboard.press("m")
    page.locator(".lesson .head .link").first.click()
    settle(page, -1)
    assert page.url.endswith("/lecture")
    expect(page.locator("aside.lesson")).to_have_count(0)
    expect(page.locator(".reached", has_text="step 2 of 5")).to_be_visible()


def test_answers_are_numbers_of_the_network(page: Page, app: App, asking: Asking) -> None:
    """What is said to a prediction carries its address, and the bare network has that number there."""
    lesson = read_lesson(shipped()["where-deep-learning-fits"], "where-deep-learning-fits")
    step = lesson.steps[0].step
    move(page, app.origin + at(lesson.name, 1, step))
    assert step.ask is not None
    page.locator(".lesson .choices button", has_text="animal").click()
    told = page.locator(".lesson .told [data-ref]")
    expect(told).to_be_visible()
    expect(page.locator(".lesson .told")).to_contain_text("Not so.")
    expect(page.locator(".lesson .choices .right")).to_contain_text("vehicle")
    ref = told.get_attribute("data-ref")
    assert ref is not None
    assert float(told.inner_text()) == pytest.approx(asking([ref])[ref].value, abs=DIGITS)


def test_the_quiz_counts_and_asks_on(page: Page, app: App) -> None:
    move(page, app.address("lecture", view="quiz"))
    first = page.locator(".quiz .asks p").first.inner_text()
    page.locator(".quiz .choices button").first.click()
    expect(page.locator(".quiz .told b").first).to_be_visible()
    expect(page.locator(".quiz .ways")).to_contain_text("of 1 right")
    page.locator(".quiz .way").click()
    expect(page.locator(".quiz .asks p").first).not_to_have_text(first)


def test_a_teachers_own_lesson_opens(page: Page, app: App, tmp_path: Path) -> None:
    """And what its text holds stays text."""
    from glasswork.scenes.lecture import Lecture

    path = tmp_path / "mine.md"
    text = (
        "---\ntitle: Mine\ngoal: All\nminutes: 1\n---\n## One <b>two</b>\nopen: /race\n\n<img src=x onerror=alert(1)>\n"
    )
    path.write_text(text)
    kept = app.responding.lecture
    app.responding.lecture = Lecture(app.responding.networks, app.responding.traces, (path,))
    try:
        move(page, app.address("race", lesson="own-mine.1"))
        expect(page.locator(".lesson h2")).to_have_text("One <b>two</b>")
        expect(page.locator(".lesson .says p")).to_contain_text("<img src=x")
        assert not page.locator(".lesson img").count()
    finally:
        app.responding.lecture = kept


FOCUS_SHOWS = """() => {
    const style = getComputedStyle(document.activeElement);
    return document.activeElement.matches(":focus-visible") && style.outlineStyle !== "none";
}"""


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until what a selector finds has the focus, and can be seen to have it."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("(css) => document.activeElement.matches(css)", selector):
            assert page.evaluate(FOCUS_SHOWS), f"the focus on {selector} can't be seen"
            return
    raise AssertionError(f"Tab does not come to {selector}")


def test_a_lesson_is_walked_to_its_end_by_keys_alone(page: Page, app: App) -> None:
    name = "where-deep-learning-fits"
    first = read_lesson(shipped()[name], name).steps[0].step
    go(page, app.origin + at(name, 1, first))
    for number in range(1, 6):
        expect(page.locator(".dot.now")).to_have_attribute("aria-label", f"step {number} of 5")
        if page.locator(".lesson .choices").count():
            tab_to(page, ".lesson .choices button")
            page.keyboard.press("Enter")
            expect(page.locator(".lesson .choices .right")).to_be_visible()
        if number == 2:  # as it asks: a picture is opened on the map
            tab_to(page, "[data-cell]")
            page.keyboard.press("ArrowRight")
            page.keyboard.press("Enter")
            expect(page.locator(".try.done")).to_be_visible()
            settle(page, -1)
            page.keyboard.press("PageDown")
            settle(page, -1)
            continue
        if page.locator(".try:not(.done)").count():
            tab_to(page, ".try button:not(.where)")
            page.keyboard.press("Enter")
            expect(page.locator(".lesson .way.on")).to_be_focused()
        else:
            tab_to(page, ".lesson .way.on")
        page.keyboard.press("Enter")
        settle(page, -1)
    assert "lesson=architecture.1" in page.url
    page.keyboard.press("m")
    expect(page.locator(".lesson.projector")).to_be_visible()
    page.keyboard.press("PageDown")
    settle(page, -1)
    assert "lesson=architecture.2" in page.url
    assert "projector=1" in page.url
    page.keyboard.press("PageUp")
    settle(page, -1)
    page.keyboard.press("m")
    tab_to(page, ".lesson .head .link")
    page.keyboard.press("Enter")
    settle(page, -1)
    page.keyboard.press("2")
    settle(page, -1)
    tab_to(page, ".quiz .choices button")
    page.keyboard.press("Space")
    expect(page.locator(".quiz .told b").first).to_be_visible()
    question = page.locator(".quiz .asks p").first.inner_text()
    tab_to(page, ".quiz .way")
    page.keyboard.press("Enter")
    expect(page.locator(".quiz .asks p").first).not_to_have_text(question)
    expect(page.locator(".quiz .way")).to_be_focused()


def test_an_unknown_lesson_says_so(page: Page, app: App) -> None:
    move(page, app.address("race", lesson="no-such-lesson.1"))
    expect(page.locator(".lesson [role=alert]")).to_contain_text("no lesson called")


def test_first_places_are_written_as_the_gallery_writes_them(page: Page, app: App) -> None:
    move(page, app.address())
    href = page.locator(".tour a").first.get_attribute("href")
    assert href == f".{address(read_lesson(shipped()['tour'], 'tour').card.first)}"
