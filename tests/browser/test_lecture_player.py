"""Lessons in a real browser: every address opens, every step can be done, answers are the networks' own."""

from __future__ import annotations

from pathlib import Path

import pytest
from asking import Asking
from opening import App, go, move, settle
from playwright.sync_api import Page, expect

from glasswork.scenes.lecture_files import address, read_lesson, shipped
from glasswork.scenes.messages.lecture import LectureStep, Place

pytestmark = pytest.mark.browser

SHORT = ("tour", "convolution")
"""Walked in every run; the others in the slow one."""
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in shipped() if name not in SHORT]
DIGITS = 2e-3


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
def test_every_step_opens_and_can_be_done(lecture: Page, app: App, name: str) -> None:
    lesson, alerts = read_lesson(shipped()[name], name), lecture.locator("[role=alert]")
    plays = False
    for number, written in enumerate(lesson.steps, 1):
        step = written.step
        (go if plays else move)(lecture, app.origin + at(name, number, step))
        plays = bool(clicks(step))
        where = f"{name}, step {number}"
        assert lecture.locator(".lesson h2").is_visible(), where
        assert not alerts.count(), f"{where}: {alerts.all_inner_texts()}"
        if not step.done:
            continue
        assert not lecture.locator(".try.done").count(), f"{where} is done before anything was done"
        attempt(lecture, step)
        expect(lecture.locator(".try.done"), where).to_be_visible()
        if not plays:
            settle(lecture, -1)
        assert not alerts.count(), f"{where}: {alerts.all_inner_texts()}"


def test_a_lesson_is_walked_by_its_buttons_and_its_keys_and_is_remembered(lecture: Page, app: App) -> None:
    if lecture.url.startswith("http"):
        lecture.evaluate("localStorage.removeItem('glasswork-lecture')")
    go(lecture, app.address("cnn", network="tiny-vgg-emoji", lesson="tour.1"))  # afresh: nothing of it was done yet
    on = lecture.locator(".lesson .way").last
    expect(on).to_have_text("Skip")
    lecture.locator("[data-cell='3 3']").first.click()
    expect(lecture.locator(".try.done")).to_be_visible()
    expect(on).to_have_text("Next")
    opened = lecture.url.split("at=")[1].split("&")[0]
    on.click()
    settle(lecture, -1)
    assert f"at={opened}" in lecture.url, "going on lost what the reader had opened"
    assert "lesson=tour.2" in lecture.url
    lecture.keyboard.press("PageDown")
    expect(lecture.locator(".lesson h2")).to_contain_text("Turn round")
    lecture.keyboard.press("PageUp")
    expect(lecture.locator(".lesson h2")).to_contain_text("opens into")
    lecture.keyboard.press("m")
    expect(lecture.locator(".page > header").first).to_be_hidden()
    expect(lecture.locator(".lesson .does")).to_have_count(0)
    lecture.keyboard.press("m")
    lecture.locator(".lesson .head .link").first.click()
    settle(lecture, -1)
    assert lecture.url.endswith("/lecture")
    expect(lecture.locator("aside.lesson")).to_have_count(0)
    expect(lecture.locator(".reached", has_text="step 2 of 5")).to_be_visible()


def test_answers_are_numbers_of_the_network(lecture: Page, app: App, asking: Asking) -> None:
    """What is said to a prediction carries its address, and the bare network has that number there."""
    lesson = read_lesson(shipped()["where-deep-learning-fits"], "where-deep-learning-fits")
    step = lesson.steps[0].step
    move(lecture, app.origin + at(lesson.name, 1, step))
    assert step.ask is not None
    lecture.locator(".lesson .choices button", has_text="animal").click()
    told = lecture.locator(".lesson .told [data-ref]")
    expect(told).to_be_visible()
    expect(lecture.locator(".lesson .told")).to_contain_text("Not so.")
    expect(lecture.locator(".lesson .choices .right")).to_contain_text("vehicle")
    ref = told.get_attribute("data-ref")
    assert ref is not None
    assert float(told.inner_text()) == pytest.approx(asking([ref])[ref].value, abs=DIGITS)


def test_the_quiz_counts_and_asks_on(lecture: Page, app: App) -> None:
    move(lecture, app.address("lecture", view="quiz"))
    first = lecture.locator(".quiz .asks p").first.inner_text()
    lecture.locator(".quiz .choices button").first.click()
    expect(lecture.locator(".quiz .told b").first).to_be_visible()
    expect(lecture.locator(".quiz .ways")).to_contain_text("of 1 right")
    lecture.locator(".quiz .way").click()
    expect(lecture.locator(".quiz .asks p").first).not_to_have_text(first)


def test_a_teachers_own_lesson_opens(lecture: Page, app: App, tmp_path: Path) -> None:
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
        move(lecture, app.address("race", lesson="own-mine.1"))
        expect(lecture.locator(".lesson h2")).to_have_text("One <b>two</b>")
        expect(lecture.locator(".lesson .says p")).to_contain_text("<img src=x")
        assert not lecture.locator(".lesson img").count()
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


def test_a_lesson_is_walked_to_its_end_by_keys_alone(lecture: Page, app: App) -> None:
    name = "where-deep-learning-fits"
    first = read_lesson(shipped()[name], name).steps[0].step
    go(lecture, app.origin + at(name, 1, first))
    for number in range(1, 6):
        expect(lecture.locator(".dot.now")).to_have_attribute("aria-label", f"step {number} of 5")
        if lecture.locator(".lesson .choices").count():
            tab_to(lecture, ".lesson .choices button")
            lecture.keyboard.press("Enter")
            expect(lecture.locator(".lesson .choices .right")).to_be_visible()
        if number == 2:  # as it asks: a picture is opened on the map
            tab_to(lecture, "[data-cell]")
            lecture.keyboard.press("ArrowRight")
            lecture.keyboard.press("Enter")
            expect(lecture.locator(".try.done")).to_be_visible()
            settle(lecture, -1)
            lecture.keyboard.press("PageDown")
            settle(lecture, -1)
            continue
        if lecture.locator(".try:not(.done)").count():
            tab_to(lecture, ".try button:not(.where)")
            lecture.keyboard.press("Enter")
            expect(lecture.locator(".lesson .way.on")).to_be_focused()
        else:
            tab_to(lecture, ".lesson .way.on")
        lecture.keyboard.press("Enter")
        settle(lecture, -1)
    assert "lesson=architecture.1" in lecture.url
    lecture.keyboard.press("m")
    expect(lecture.locator(".lesson.projector")).to_be_visible()
    lecture.keyboard.press("PageDown")
    settle(lecture, -1)
    assert "lesson=architecture.2" in lecture.url
    assert "projector=1" in lecture.url
    lecture.keyboard.press("PageUp")
    settle(lecture, -1)
    lecture.keyboard.press("m")
    tab_to(lecture, ".lesson .head .link")
    lecture.keyboard.press("Enter")
    settle(lecture, -1)
    expect(lecture.locator("li", has_text="Where deep learning fits").get_by_text("finished")).to_be_visible()
    lecture.keyboard.press("2")
    settle(lecture, -1)
    tab_to(lecture, ".quiz .choices button")
    lecture.keyboard.press("Space")
    expect(lecture.locator(".quiz .told b").first).to_be_visible()
    question = lecture.locator(".quiz .asks p").first.inner_text()
    tab_to(lecture, ".quiz .way")
    lecture.keyboard.press("Enter")
    expect(lecture.locator(".quiz .asks p").first).not_to_have_text(question)
    expect(lecture.locator(".quiz .way")).to_be_focused()


def test_on_a_phone_the_ringed_picture_does_the_step_and_the_next_one_comes_into_view(lecture: Page, app: App) -> None:
    window = lecture.viewport_size
    assert window
    lecture.set_viewport_size({"width": 390, "height": 844})
    try:
        step = read_lesson(shipped()["where-deep-learning-fits"], "where-deep-learning-fits").steps[1].step
        go(lecture, app.origin + at("where-deep-learning-fits", 2, step))
        lecture.locator(step.mark).first.click()
        expect(lecture.locator(".try.done")).to_be_attached()
        settle(lecture, -1)  # until then the page is too short to be scrolled
        lecture.evaluate("scrollTo(0, 600)")
        lecture.locator(".pill").click()
        settle(lecture, -1)
        expect(lecture.locator(".dot.now")).to_have_attribute("aria-label", "step 3 of 5")
        expect(lecture.locator(".lesson h2")).to_be_in_viewport()
    finally:
        lecture.set_viewport_size(window)


def test_an_unknown_lesson_says_so(lecture: Page, app: App) -> None:
    move(lecture, app.address("race", lesson="no-such-lesson.1"))
    expect(lecture.locator(".lesson [role=alert]")).to_contain_text("no lesson called")


def test_first_places_are_written_as_the_gallery_writes_them(lecture: Page, app: App) -> None:
    move(lecture, app.address())
    href = lecture.locator(".tour a").first.get_attribute("href")
    assert href == f".{address(read_lesson(shipped()['tour'], 'tour').card.first)}"
