"""The truth test of lessons and the quiz: what they say that the networks answered, computed again by plain torch."""

from __future__ import annotations

import pytest
from asking import Asking
from judging import Verdict, judge
from opening import App, move, settle
from planting import text
from playwright.sync_api import Page, expect
from sightings import Sighting, collect
from states import State

from glasswork.scenes.lecture_files import read_lesson, shipped
from glasswork.scenes.lecture_quiz import KINDS

pytestmark = pytest.mark.browser

SEED = 12
"""Of the first question; those after it are of the other kinds."""
FEW = (
    "where-deep-learning-fits.1",
    "where-deep-learning-fits.4",
    "activation-and-pooling.1",
    "transformers.2",
    "transformers.6",
    "where-deep-learning-fits.5",
)
"""Answered in every run, over living pages; all others in the slow one."""


def asked_steps() -> dict[str, State]:
    """Every step that asks something, as the page that it stands above."""
    found = {}
    for name, path in shipped().items():
        for at, written in enumerate(read_lesson(path, name).steps, 1):
            if written.step.ask:
                opens, here = written.step.opens, f"{name}.{at}"
                found[here] = State(here, opens.page, {**opens.values, "lesson": here})
    return found


def answered(page: Page, name: str, mode: str) -> Sighting:
    """Choose the first answer, and see all that the page then says."""
    page.locator(".choices button").first.click()
    told = page.locator(".question .told")
    expect(told.locator("b").first).to_be_visible()
    settle(page, -1)
    assert told.locator("[data-ref]").count(), f"{name}: an answer that nobody can ask about"
    return collect(page, name, mode, lean=True)


def over_page(page: Page, app: App, state: State) -> Sighting:
    move(page, app.address(state.path, **state.query))
    return answered(page, state.name, state.mode)


def quizzed(page: Page, app: App) -> list[Sighting]:
    """One question of each kind, before and after its answer."""
    page.evaluate("([key, seed]) => localStorage.setItem(key, seed)", ["glasswork-quiz", str(SEED - 1)])
    move(page, app.address("lecture", view="quiz"))
    seen = []
    for at in range(len(KINDS)):
        seen += [collect(page, f"quiz {at}", lean=True), answered(page, f"quiz {at}, answered", "module")]
        page.locator(".quiz .way").click()
        settle(page, -1)
    return seen


@pytest.fixture(scope="module")
def seen(lecture: Page, app: App) -> list[Sighting]:
    steps = asked_steps()
    return [*(over_page(lecture, app, steps[name]) for name in FEW), *quizzed(lecture, app)]


@pytest.fixture(scope="module")
def verdict(seen: list[Sighting], asking: Asking) -> Verdict:
    return judge(seen, asking)


def test_what_the_networks_answer_is_true(verdict: Verdict, asking: Asking) -> None:
    assert not verdict.wrong, str(verdict)
    counts = {kind: len(refs) for kind, refs in verdict.checked.items()}
    # The quiz asks for a sum, a share of zeros and a count of terms, and shows a window of nine weights.
    least = {"value": 9, "terms": 2, "zeros": 2, "sum": 1, "count": 1}
    assert {kind: counts.get(kind, 0) for kind in least if counts.get(kind, 0) < least[kind]} == {}
    assert asking.foreign == []


def test_an_error_planted_in_an_answer_is_found(lecture: Page, app: App, asking: Asking) -> None:
    over_page(lecture, app, asked_steps()[FEW[1]])
    lecture.evaluate(f"() => {{ window.undo = ({text('.told [data-ref]', repr('110'))})(); }}")
    wrong = judge([collect(lecture, "planted", lean=True)], asking).wrong
    lecture.evaluate("window.undo()")
    assert any(one.startswith("[planted] text: ") for one in wrong), wrong


@pytest.mark.slow
def test_every_answer_of_every_lesson_is_true(lecture: Page, app: App, asking: Asking) -> None:
    wrong: list[str] = []
    for state in asked_steps().values():
        wrong += judge([over_page(lecture, app, state)], asking).wrong
    assert not wrong, str(Verdict(wrong=wrong))
