"""The truth test of the page of graphs, on six networks that nobody prepared: forward, backward, and opened numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import Asking
from judging import Verdict, judge
from opening import App, go
from planting import added, attribute, text
from playwright.sync_api import Browser, Page
from sightings import collect
from states import DESK, PHONE, Query, State
from touring import look
from windows import Complaints, window

pytestmark = pytest.mark.browser

STRANGERS = str(Path(__file__).with_name("strangers.py"))
NUMBERS = {
    "residual": ("layer1.2.conv1[0,3,4,31]", "layer1.6:add_[0,5,6,6]", "fc[0,1]"),
    "vgg": ("features.5[0,11,9,0]", "features.4[0,2,8,9]", "classifier.0[0,7]"),
    "unet": ("middle[0,3,8,9]", "last[0,0,13,30]", "input[0,0,9,8]"),
    "gpt": (
        "transformer.h.2:add[0,11,30]",
        "transformer.h.5.mlp.act:add[0,9,100]",
        "lm_head[0,15,7]",
        "transformer.h.3.attn:scaled_dot_product_attention[0,2,7,5]",
    ),
    "reader": (
        "head[0,2]",
        "embed[0,9,4]",
        "lstm[0,9,4]",
        "lstm/step7.layer0.forward.cell[0,4]",
        "lstm/step7.layer0.forward.from_input[0,33]",
    ),
    "transformer": (
        "encoder.layers.encoder_layer_1.self_attention:multi_head_attention_forward[3,0,5]",
        "encoder.layers.encoder_layer_1.self_attention:multi_head_attention_forward/weights[0,1,3,4]",
        "heads.head[0,3]",
        "encoder.layers.encoder_layer_1.mlp.0[0,7,40]",
        "conv_proj[0,12,2,3]",
    ),
}
"""Of each network numbers to open, whose making is written down in the resolver."""
SLOPES = {
    "residual": ("layer1.2.conv1[0,3,4,30]", "layer2.0.conv2[0,5,6,6]", "input[0,1,40,33]"),
    "vgg": ("features.3[0,11,9,0]", "classifier.0[0,7]", "input[0,2,9,60]"),
    "unet": ("middle[0,3,8,9]", "down1[0,2,13,31]"),
    "gpt": ("transformer.ln_f[0,15,7]",),
    "reader": ("head[0,2]", "lstm/step7.layer0.forward.cell[0,4]"),
    "transformer": (
        "encoder.layers.encoder_layer_1.self_attention:multi_head_attention_forward/heads[0,1,3,4]",
        "heads.head[0,3]",
        "encoder.ln[0,0,20]",
    ),
}
TWENTY = 20
ALWAYS = {"value", "grad", "share", "term", "gradterm"}


def target(name: str) -> str:
    return f"{STRANGERS}:{name}"


def states(each: int | None) -> Iterator[State]:
    """Each network forward and backward, with so many numbers opened; all where it is None."""
    for name, numbers in NUMBERS.items():
        base: Query = {"network": target(name)}
        backward: Query = {**base, "direction": "backward"}
        yield State(f"{name} forward", "open", base)
        yield State(f"{name} backward", "open", backward)
        for number in numbers[:each]:
            yield State(f"{name} at {number}", "open", {**base, "at": number})
        for number in SLOPES[name]:
            yield State(f"{name} slope at {number}", "open", {**backward, "at": number})
    for level in ("stages", "operations"):
        yield State(f"residual {level}", "open", {"network": target("residual"), "level": level})
    opened: Query = {"network": target("residual"), "open": "layer1.1..layer1.5 layer1.3"}
    yield State("residual, a pleat opened", "open", opened)
    boxes: Query = {"network": target("detector"), "input": "photo:cat", "level": "stages", "threshold": "0.2"}
    yield State("boxes", "open", boxes)


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app as a reader starts it on networks of his own."""
    running = App(tmp_path_factory.mktemp("strangers"), tuple(target(name) for name in (*NUMBERS, "detector")))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def answers(strangers: App) -> Iterator[Asking]:
    asks = Asking(strangers.traces)
    yield asks
    asks.close()


@pytest.fixture(scope="module", params=["few", pytest.param("all", marks=pytest.mark.slow)])
def verdict(request: pytest.FixtureRequest, browser: Browser, strangers: App, answers: Asking) -> Verdict:
    complaints = Complaints()
    seen = []
    with window(browser, strangers, complaints, viewport=DESK) as context:
        page = context.new_page()
        seen += [look(page, strangers, state) for state in states(2 if request.param == "few" else None)]
    dark = {"viewport": PHONE, "device_scale_factor": 2, "has_touch": True, "color_scheme": "dark"}
    with window(browser, strangers, complaints, **dark) as context:
        page = context.new_page()
        small: Query = {"network": target("residual")}
        for query in (small, {**small, "direction": "backward"}, {**small, "at": NUMBERS["residual"][0]}):
            seen.append(look(page, strangers, State("residual, small", "open", query)))
    complaints.raise_any()
    return judge(seen, answers)


def test_every_number_of_a_graph_is_the_networks_own(verdict: Verdict) -> None:
    print(verdict)
    assert not verdict.wrong, str(verdict)


def test_enough_of_every_kind_of_a_graph_was_checked(verdict: Verdict) -> None:
    counts = {kind: len(refs) for kind, refs in verdict.checked.items()}
    assert {kind: counts.get(kind, 0) for kind in ALWAYS if counts.get(kind, 0) < TWENTY} == {}
    sources = {ref.partition("#")[0] for refs in verdict.checked.values() for ref in refs}
    assert len(sources) == len(NUMBERS) + 1


BUMP = r"was.replace(/\d(?=\D*$)/, (digit) => (Number(digit) + 2) % 10)"
PICK = """() => {
    const one = document.querySelector(".number canvas"), was = one.pick;
    one.pick = (x, y) => { const found = was(x, y); return found && { ...found, CHANGE }; };
    return () => (one.pick = was);
}"""
# What only this page has: an error of each, and as what it must be found.
PLANTS = {
    "share": ("text", text(".range [data-ref*='@share:']", BUMP)),
    "skyline bar": ("cell", attribute("rect[data-ref*='@share:']", "data-value", "Number(was) * 1.01 + 1e-3")),
    "skyline address": ("cell", attribute("rect[data-ref*='@share:']", "data-ref", "was.replace(/:\\d+$/, ':1')")),
    "plane pixel": ("pixel", PICK.replace("CHANGE", "value: found.value + 0.01")),
    "plane range": ("scale", PICK.replace("CHANGE", "range: found.range * 1.01")),
    "digits under a path": ("stray", added("<p class=path>layer1 0.713</p>")),
}


@pytest.fixture(scope="module")
def planting(browser: Browser, strangers: App) -> Iterator[dict[str, Page]]:
    heard = Complaints()
    base: Query = {"network": target("vgg")}
    with window(browser, strangers, heard, viewport=DESK) as context:
        pages = {"map": context.new_page(), "number": context.new_page()}
        go(pages["map"], strangers.address("open", **base))
        go(pages["number"], strangers.address("open", **base, at=NUMBERS["vgg"][0]))
        yield pages
    heard.raise_any()


@pytest.mark.parametrize("name", PLANTS)
def test_an_error_planted_on_a_graph_is_found(name: str, planting: dict[str, Page], answers: Asking) -> None:
    found_as, script = PLANTS[name]
    page = planting["number" if name.startswith("plane") else "map"]
    assert not judge([collect(page, "before", "open")], answers).wrong
    page.evaluate(f"() => {{ window.undo = ({script})(); }}")
    wrong = judge([collect(page, "planted", "open")], answers).wrong
    page.evaluate("window.undo()")
    assert any(one.startswith(f"[planted] {found_as}: ") for one in wrong), wrong


def test_the_resolver_of_graphs_shares_no_arithmetic(verdict: Verdict, answers: Asking) -> None:
    assert verdict.checked
    assert answers.known
    assert answers.foreign == []
