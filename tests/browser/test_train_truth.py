"""The truth test of the page of training: a course, the network at its steps, and slow motion."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import fields

import pytest
from asking import Asking
from judging import Verdict, judge
from opening import App
from planting import added, text
from playwright.sync_api import Browser, Page
from sightings import collect
from states import DESK, PHONE, State
from touring import look
from windows import Complaints, window

from glasswork import recipes
from glasswork.training import Augmentation

pytestmark = pytest.mark.browser

RUN = "digits"
PLAIN = {
    **{f"augmentation.{each.name}": 0 for each in fields(Augmentation)},
    **{"sizes.width": 6, "batch": 32, "validation": 200, "evaluate_every": 40, "keep": 0, "average": 0},
    **{"learning_rate": 0.01, "warmup": 0.05},
}
STATES = (
    State("newest", "train", {"run": RUN}),
    State("before the first", "train", {"run": RUN, "step": 0}),
    State("a step", "train", {"run": RUN, "step": 120}),
    State("another weight", "train", {"run": RUN, "step": 60, "weight": "block2.conv1.bias[2]"}),
    State("a weight over all", "train", {"run": RUN, "step": 180}, clicks=(".update .link >> nth=-1",)),
    State("beside another", "train", {"run": RUN, "step": 80, "beside": "many"}),
    State("buckets", "train", {"run": "many", "step": 900}),
    State("log", "train", {"run": RUN, "step": 100}, clicks=("text=Log",)),
    State("code", "train", {"run": RUN, "step": 100}, clicks=("text=Code",)),
    State("a new run", "train", {"run": RUN, "step": 100}, clicks=("text=New run",)),
)
SMALL = (State("small", "train", {"run": RUN, "step": 140}), State("small, newest", "train", {"run": RUN}))
LEAST = {"value": 60, "mean": 10, "probability": 16, "loss": 16, "norm": 10, "line": 9, "setting": 6, "memory": 3}


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app over two runs: one of which every record is drawn, one of more records than can be."""
    app = App(tmp_path_factory.mktemp("training"))
    settings = {**PLAIN, "steps": 200, "save_every": 20, "record_every": 1}
    list(recipes.run("tiny-vgg-digits", out=app.runs / RUN, settings=settings))
    settings = {**PLAIN, "steps": 1200, "save_every": 300, "record_every": 1, "batch": 4, "sizes.width": 2, "seed": 1}
    settings |= {"optimiser": "SGD", "optimiser_settings.momentum": 0.9}
    list(recipes.run("tiny-vgg-digits", out=app.runs / "many", settings=settings))
    app.start()
    yield app
    app.stop()


@pytest.fixture(scope="module")
def answers(training: App) -> Iterator[Asking]:
    asks = Asking(training.traces, training.runs)
    yield asks
    asks.close()


@pytest.fixture(scope="module")
def verdict(browser: Browser, training: App, answers: Asking) -> Verdict:
    complaints = Complaints()
    seen = []
    with window(browser, training, complaints, viewport=DESK) as context:
        page = context.new_page()
        seen += [look(page, training, state) for state in STATES]
    with window(browser, training, complaints, viewport=DESK, color_scheme="dark") as context:
        seen += [look(context.new_page(), training, STATES[2])]
    with window(browser, training, complaints, viewport=PHONE, has_touch=True) as context:
        page = context.new_page()
        seen += [look(page, training, state) for state in SMALL]
    complaints.raise_any()
    return judge(seen, answers)


def test_every_number_of_a_course_is_true(verdict: Verdict) -> None:
    assert not verdict.wrong, str(verdict)


def test_enough_of_every_kind_of_a_course_was_checked(verdict: Verdict) -> None:
    counts = {kind: len(refs) for kind, refs in verdict.checked.items()}
    assert {kind: counts.get(kind, 0) for kind in LEAST if counts.get(kind, 0) < LEAST[kind]} == {}


@pytest.fixture(scope="module")
def opened(browser: Browser, training: App) -> Iterator[Page]:
    heard = Complaints()
    with window(browser, training, heard, viewport=DESK) as context:
        page = context.new_page()
        look(page, training, STATES[2])
        yield page
    heard.raise_any()


READ = """(key) => {
    const path = document.querySelector(`path[data-curve$="#${key}"]`), svg = path.closest("svg");
    const ticks = [...svg.querySelectorAll("[data-tick]")].map((one) => [+one.dataset.tick, +one.getAttribute("y1")]);
    const points = [...path.getAttribute("d").matchAll(/[ML]([\\d.-]+) ([\\d.-]+)/g)].map(([, x, y]) => [+x, +y]);
    return { ticks, points, width: svg.clientWidth, last: +svg.dataset.last, kind: svg.dataset.kind };
}"""


@pytest.mark.parametrize("key", ["loss", "validation_nats", "validation_accuracy"])
def test_a_curve_read_back_is_what_was_recorded(key: str, opened: Page, training: App) -> None:
    records = [json.loads(line) for line in (training.runs / RUN / "metrics.jsonl").read_text().splitlines()]
    wanted = [(one["step"], one[key]) for one in records if key in one]
    drawn = opened.evaluate(READ, key)
    scale = math.log if drawn["kind"] == "log" else float
    (low, bottom), (high, top) = drawn["ticks"][0], drawn["ticks"][-1]
    assert len(drawn["points"]) == len(wanted)
    for (x, y), (step, value) in zip(drawn["points"], wanted, strict=True):
        assert x == pytest.approx(step / drawn["last"] * drawn["width"], abs=0.6)
        place = bottom + (scale(value) - scale(low)) / (scale(high) - scale(low)) * (top - bottom)
        assert y == pytest.approx(place, abs=0.6)


BUMP = r"was.replace(/\d(?=\D*$)/, (digit) => (Number(digit) + 2) % 10)"
STRIP = """() => {
    const one = document.querySelector("canvas[data-figure=strip]"), was = one.pick;
    one.pick = (x, y) => { const found = was(x, y); return found && { ...found, CHANGE }; };
    return () => (one.pick = was);
}"""
PLANTS = {
    "a reading": ("text", text(".reads [data-ref]", BUMP)),
    "an update's number": ("text", text(".line [data-ref*='@line']", BUMP)),
    "an example's loss": ("text", text("li [data-ref$='@loss']", BUMP)),
    "a strip's number": ("pixel", STRIP.replace("CHANGE", "value: found.value * 1.01 + 0.01")),
    "a strip's scale": ("pixel", STRIP.replace("CHANGE", "placed: { ...found.placed, high: 100 * found.placed.high }")),
    "a number without address": ("stray", added("<p>0.713</p>")),
}


@pytest.mark.parametrize("name", PLANTS)
def test_an_error_planted_on_a_course_is_found(name: str, opened: Page, answers: Asking) -> None:
    found_as, script = PLANTS[name]
    assert not judge([collect(opened, "before", "open")], answers).wrong
    opened.evaluate(f"() => {{ window.undo = ({script})(); }}")
    wrong = judge([collect(opened, "planted", "open")], answers).wrong
    opened.evaluate("window.undo()")
    assert any(one.startswith(f"[planted] {found_as}: ") for one in wrong), wrong


def test_the_resolver_of_courses_shares_no_arithmetic(verdict: Verdict, answers: Asking) -> None:
    assert verdict.checked
    assert answers.foreign == []
