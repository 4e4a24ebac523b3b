"""The pages can be used by all: axe finds nothing serious, the keyboard reaches everything, small screens hold it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

import pytest
from fitting import outside
from opening import App, go, settle
from playwright.sync_api import Browser, Page, ViewportSize
from states import DESK, OPENED, PHONE, State, reach, settings_of, sheet_states
from windows import Complaints, window

from glasswork import zoo

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "frontend/node_modules/axe-core/axe.min.js"
GRAVE = ("serious", "critical")
LEAST_TARGET = 44  # STYLE_GUIDE, "Keyboard and small screens"


def sample_of(network: str) -> str:
    return zoo.load(network).samples[0]


def states_of(network: str) -> list[State]:
    base = settings_of(network, sample_of(network))
    opened = [
        State(name, query={**base, "at": OPENED[name]}) for name in ("conv", "pool", "output", "softmax", "pixel")
    ]
    slope = {**base, "at": OPENED["conv"], "direction": "backward"}
    return [
        State("gallery", ""),
        State("a new run", "train", query={"run": "course", "step": 20}, clicks=("text=New run",)),
        State("map", query=base),
        State("backward", query={**base, "direction": "backward"}),
        *opened,
        State("slope", query=slope),
        State("all terms", query={**base, "at": OPENED["conv"]}, keys=("t",)),
        State("keys", query=base, keys=("?",)),
        State("graph", "open", query=base),
        State("graph, backward", "open", query={**base, "direction": "backward"}),
        State("graph, operations", "open", query={**base, "level": "operations"}),
        State("graph, a number", "open", query={**base, "at": OPENED["conv"]}),
        State("training", "train", query={"run": "course", "step": 20}),
        State("training, its code", "train", query={"run": "course", "step": 20}, clicks=("text=Code",)),
        State("lstm", "lstm", query={"step": 30, "stretch": "21-29", "at": "core:add#94[0,25]"}),
        State("rnn", "rnn", query={"step": 9, "number": "core:tanh#10[0,3]"}),
        State("rnn, forgets", "rnn", query={"view": "forgets"}),
        State("rnn, tasks", "rnn", query={"view": "tasks", "problem": "copy", "length": 10, "units": 8, "at": 10}),
        State("rnn, a series", "rnn", query={"network": "rnn-sunspots"}),
        State("rnn, uses", "rnn", query={"view": "uses", "network": "lstm-co2", "horizon": 26}),
        State("rnn, a speaker", "rnn", query={"view": "uses", "network": "rnn-vowels", "utterance": 31}),
        State("language model", "transformer", query={"network": "gpt-moby", "text": "Call me", "head": "2.1"}),
        State("language model, backward", "transformer", query={"network": "gpt-moby", "direction": "backward"}),
        State(
            "translator",
            "transformer",
            query={
                "network": "translate-en-fr",
                "beams": 2,
                "head": "cross.1.0",
                "direction": "backward",
                "beside": "translate-en-fr-rnn",
            },
        ),
        State("patches", "vit", query={"network": "vit-fashion", "head": "1.2"}),
        State("patches, backward", "vit", query={"network": "vit-fashion", "direction": "backward", "token": 9}),
        State("masks", "unet", query={"at": "up.3.convolve.conv2[0,2,20,31]", "threshold": "0.35"}),
        State("masks, backward", "unet", query={"direction": "backward", "shut": "0", "input": "photo:cat"}),
        State("why", query={**base, "view": "why"}),
        State("units", query={**base, "view": "units", "made": "class", "class": 2}, keys=("Enter",)),
        State("compared", query={**base, "view": "compare"}),
        State("weights that are not here", query={"network": "resnet152"}),
        State("text to image", "diffusion", query={"prompt": "red heart", "steps": 4}),
        State("workshop", "convolution", query={"stride": 2, "padding": 0, "colour": 1}),
        State("workshop, painted", "convolution", query={"size": 9, "kernel": "blur", "padding": 4}),
        State("workshop, refused", "convolution", query={"size": 0}),
        State("race", "race"),
        State("lesson", "perceptron"),
        State("playground", "perceptron", query={"view": "playground", "at": 20, "unit": "1,2"}),
        State("gan", "gan", query={"at": 20, "layers": "belief,real,made,push,manifold"}),
        State("gan, trained", "gan", query={"network": "gan-ring"}),
        State("gan, pictures", "gan", query={"view": "images"}),
        State("gan, sum", "gan", query={"view": "images", "walk": "sum", "direction": "backward"}),
        State("gan, a pixel", "gan", query={"view": "images", "at": "generator.grow4[0,0,9,9]"}),
        State("gan, slow", "gan", query={"at": 5, "stage": 4, "beside": "seed=1"}),
        State("lesson, forward", "perceptron", query={"direction": "forward", "weight": "1,3,300"}),
        State("race, sentences", "race", query={"view": "sentences"}),
        State("race, slim", "race", query={"view": "slim"}),
        State("lecture", "lecture"),
        State("quiz", "lecture", query={"view": "quiz"}),
        State("a step of the lecture", "cnn", query={**base, "lesson": "convolution.1", "at": OPENED["conv"]}),
    ]


def small_states_of(network: str) -> list[State]:
    """What a small screen has besides."""
    base = settings_of(network, sample_of(network))
    tabs = [State(tab, query={**base, "at": OPENED["conv"], "tab": tab}) for tab in ("time", "code", "more")]
    return [*tabs, *sheet_states(network, sample_of(network), few=True)]


def fullest(states: list[State]) -> list[State]:
    """Of each page the last of its states, which holds the most."""
    return list({state.path: state for state in states}.values())


# In the dark, and on a phone, the pages are the same but for their colours, or but for these.
COLOURS = ["color-contrast", "link-in-text-block"]
BUT_FOR_COLOURS = {"rules": {key: {"enabled": False} for key in COLOURS}}
Rules = dict[Literal["light", "dark"], dict[str, Any]]


@dataclass(frozen=True)
class Screen:
    """How a walk looks at the pages."""

    window: dict[str, Any]
    rules: Rules
    between: ViewportSize
    """To what size the window is drawn as well, in every state."""
    states: Callable[[str], list[State]]


WIDE: dict[str, Any] = {"viewport": DESK}
FINGER: dict[str, Any] = {"viewport": PHONE, "has_touch": True, "is_mobile": True}
LESS_WIDE: ViewportSize = {"width": 1024, "height": 844}
SMALLER: ViewportSize = {"width": 720, "height": 844}
BOTH: Rules = {"light": {}, "dark": {"runOnly": COLOURS}}
TO_TOUCH: Rules = {"light": BUT_FOR_COLOURS}


def all_small(network: str) -> list[State]:
    return [*states_of(network), *small_states_of(network)]


SCREENS = {
    "wide": Screen(WIDE, BOTH, LESS_WIDE, lambda network: fullest(states_of(network))),
    "narrow": Screen(FINGER, TO_TOUCH, SMALLER, lambda network: fullest(all_small(network))),
    "wide, all": Screen(WIDE, BOTH, LESS_WIDE, states_of),
    "narrow, all": Screen(FINGER, BOTH, SMALLER, all_small),
}


@dataclass(frozen=True)
class Walk:
    """What is wrong with the states of all pages, as one walk through them found it."""

    grave: dict[str, str]
    """By theme and rule of axe."""
    outside: list[str]
    """What lies beyond the side of the window."""
    small: dict[str, str]
    """What is too small for a finger, and where."""


@pytest.fixture(
    scope="module",
    params=["wide", "narrow", *(pytest.param(f"{one}, all", marks=pytest.mark.slow) for one in ("wide", "narrow"))],
)
def walk(request: pytest.FixtureRequest, browser: Browser, app: App, networks: list[str]) -> Walk:
    """Each state once: opening them is what takes the time."""
    heard, found = Complaints(), Walk({}, [], {})
    screen = SCREENS[request.param]
    with window(browser, app, heard, **screen.window) as context:
        page = context.new_page()
        go(page, app.address())
        page.evaluate(AXE.read_text())
        for state in screen.states(networks[0]):
            reach(page, app, state)
            for one in page.evaluate(SMALL, LEAST_TARGET) if screen.window is FINGER else ():
                found.small.setdefault(one, state.name)
            found.outside.extend(f"{state.name}: {one}" for one in outside(page))
            for theme, rules in screen.rules.items():
                page.emulate_media(color_scheme=theme)
                for rule, words in violations(page, rules).items():
                    found.grave.setdefault(f"{theme} {rule}", f"{state.name}, {theme}: {words}")
            page.emulate_media(color_scheme="light")
            page.set_viewport_size(screen.between)
            settle(page, -1)
            found.outside.extend(f"{state.name}, {screen.between['width']} px: {one}" for one in outside(page))
            page.set_viewport_size(screen.window["viewport"])
            page.keyboard.press("Escape")
    heard.raise_any()
    return found


def violations(page: Page, rules: dict[str, Any]) -> dict[str, str]:
    """What axe finds grave, by rule; `rules` as its options have them."""
    result = page.evaluate("rules => axe.run(document, { resultTypes: ['violations'], ...rules })", rules)
    return {one["id"]: told(one) for one in result["violations"] if one["impact"] in GRAVE}


def told(violation: dict[str, Any]) -> str:
    first = violation["nodes"][0]
    return f"{violation['help']} ({len(violation['nodes'])}): {first['html'][:200]} {first['failureSummary'][:300]}"


def test_axe_finds_nothing_serious(walk: Walk) -> None:
    assert not walk.grave, "\n".join(walk.grave.values())


def test_nothing_runs_over_the_side(walk: Walk) -> None:
    assert not walk.outside, "\n".join(walk.outside)


@pytest.mark.parametrize("walk", ["narrow", pytest.param("narrow, all", marks=pytest.mark.slow)], indirect=True)
def test_targets_are_large_enough_for_a_finger(walk: Walk) -> None:
    assert not walk.small, "\n".join(f"{state}: {one}" for one, state in walk.small.items())


def focused(page: Page) -> str:
    """Where the focus is: the region, and what it is on."""
    return page.evaluate("""() => {
        const one = document.activeElement;
        const region = one.closest(".map, .vitrine, .trail, .card, header, footer, dialog")?.className ?? "";
        return `${region.split(" ")[0]} ${one.dataset.cell ?? one.textContent.trim().slice(0, 40)}`;
    }""")


@pytest.fixture
def fresh(page: Page, app: App, networks: list[str]) -> Page:
    go(page, app.address("cnn", **settings_of(networks[0], sample_of(networks[0]))))
    return page


def tab_to(page: Page, region: str) -> list[str]:
    """Press Tab until the focus is in a region; what it met on the way."""
    met: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        met.append(focused(page))
        if met[-1].startswith(f"{region} "):
            return met
    raise AssertionError(f"Tab never reached the {region}: {met}")


def test_tab_reaches_the_bar_then_the_map_as_one_stop(fresh: Page) -> None:
    met = tab_to(fresh, "map")
    assert met[0].startswith(("bar ", "page "))
    assert sum(one.startswith("bar ") for one in met) >= 5
    fresh.keyboard.press("Tab")
    assert not focused(fresh)[4:].strip()[:1].isdigit(), "the pictures of the map are more than one stop"


def test_arrows_move_and_enter_opens_what_they_are_on(fresh: Page) -> None:
    tab_to(fresh, "map")
    start = focused(fresh)
    fresh.keyboard.press("ArrowRight")
    fresh.keyboard.press("ArrowDown")
    assert focused(fresh) not in (start, "")
    named = fresh.evaluate("document.activeElement.getAttribute('aria-label')")
    channel = re.findall(r"channel (\d+)", named)[0]
    fresh.keyboard.press("Enter")
    settle(fresh)
    assert f"at=block1.conv1[0,{channel}," in unquote(fresh.url), named
    assert fresh.locator(".vitrine").is_visible()


def test_enter_follows_the_largest_term_down_to_a_pixel_and_backspace_returns(
    page: Page, app: App, networks: list[str]
) -> None:
    base = settings_of(networks[0], sample_of(networks[0]))
    go(page, app.address("cnn", **base))
    page.locator("[aria-pressed=true].class").focus()
    page.keyboard.press("Enter")
    settle(page)
    met = [page.url]
    while "at=input" not in page.url and len(met) < 20:
        page.keyboard.press("Enter")
        settle(page)
        met.append(page.url)
    assert "at=input" in page.url, met
    assert len(met) >= 11  # output, flatten, then pool, relu, conv, relu, conv twice, and the input
    for before in reversed(met[:-1]):
        page.keyboard.press("Backspace")
        settle(page)
        assert page.url == before
    page.keyboard.press("Escape")
    settle(page)
    assert "at=" not in page.url
    assert page.locator(".vitrine").count() == 0


def test_arrows_move_over_an_opened_picture(page: Page, app: App, networks: list[str]) -> None:
    base = settings_of(networks[0], sample_of(networks[0]))
    go(page, app.address("cnn", **base, at="block1.conv1[0,2,5,7]"))
    page.locator(".vitrine [role=application]").first.focus()
    for key in ("ArrowRight", "ArrowDown", "Shift+ArrowRight"):
        page.keyboard.press(key)
        settle(page)
    page.wait_for_url(lambda url: "block1.conv1[0,2,6,18]" in unquote(url))
    assert "row 6, column 18" in page.locator("h1").inner_text()


def test_letters_switch_direction_and_list_the_keys(fresh: Page) -> None:
    fresh.keyboard.press("b")
    settle(fresh)
    assert "direction=backward" in fresh.url
    fresh.keyboard.press("f")
    settle(fresh)
    assert "direction" not in fresh.url
    fresh.keyboard.press("?")
    settle(fresh)
    listed = fresh.locator("dialog[open]")
    assert listed.is_visible()
    assert {"Tab", "Enter", "Backspace", "Esc", "F", "B", "T"} <= set(listed.locator("kbd").all_inner_texts())
    fresh.keyboard.press("Escape")
    assert not listed.is_visible()


def test_the_focus_can_be_seen(fresh: Page) -> None:
    for _ in range(8):
        fresh.keyboard.press("Tab")
        style = fresh.evaluate("""() => {
            const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement);
            return { outlineStyle, width: parseFloat(outlineWidth), boxShadow };
        }""")
        assert (style["outlineStyle"] != "none" and style["width"] >= 1) or style["boxShadow"] != "none", focused(fresh)


SMALL = """(least) => [...document.querySelectorAll("button, a[href], select, [role=tab], [role=application]")]
  .filter((one) => one.checkVisibility() && !one.disabled && getComputedStyle(one).pointerEvents !== "none")
  .map((one) => [one, one.getBoundingClientRect()])
  .filter(([one, box]) => box.width > 0 && Math.min(box.width, box.height) < least - 0.5
    // a picture of the map: its row is the target, tap selects and a second tap opens
    && !one.matches("[data-cell]"))
  .map(([one, box]) => {
    const words = (one.getAttribute("aria-label") ?? one.textContent).trim().slice(0, 24);
    return `${one.classList[0] ?? one.tagName} "${words}" ${Math.round(box.width)}x${Math.round(box.height)}`;
  })"""
