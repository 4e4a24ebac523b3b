"""The truth test of "what if": each difference that is drawn is that of two runs of plain torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import Asking
from judging import Verdict, judge
from opening import App
from playwright.sync_api import Browser
from states import DESK, Query, State
from touring import look
from windows import Complaints, window

pytestmark = pytest.mark.browser

STRANGERS = str(Path(__file__).with_name("strangers.py"))
CHANGES = {
    "residual": (
        "layer1.2.conv1;0,3,4,31;1;off;0",
        "layer1.2.conv1;0,3,4,31;1;scale;2 layer1.6:add_;0,5,6,6;;set;1.5",
        "layer2.1.conv1.weight;2,0,0,0;0;scale;-1",
    ),
    "gpt": ("transformer.h.2:add;0,11,30;1;off;0",),
}
TWENTY = 20


def states() -> Iterator[State]:
    for name, changes in CHANGES.items():
        for edits in changes:
            base: Query = {"network": f"{STRANGERS}:{name}", "edits": edits}
            yield State(f"{name} with {edits}", "open", base)
            yield State(f"{name} backward with {edits}", "open", {**base, "direction": "backward"})


@pytest.fixture(scope="module")
def verdict(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verdict]:
    running = App(tmp_path_factory.mktemp("changed"), tuple(f"{STRANGERS}:{name}" for name in CHANGES))
    running.start()
    complaints = Complaints()
    with window(browser, running, complaints, viewport=DESK) as context:
        page = context.new_page()
        seen = [look(page, running, state) for state in states()]
    complaints.raise_any()
    asks = Asking(running.traces)
    yield judge(seen, asks)
    asks.close()
    running.stop()


def test_every_difference_is_that_of_two_runs(verdict: Verdict) -> None:
    print(verdict)
    assert not verdict.wrong, str(verdict)


def test_enough_differences_were_checked(verdict: Verdict) -> None:
    for what in ("difference", "slopedifference"):
        assert len(verdict.checked[what]) >= TWENTY
        assert len({ref.partition("#")[0] for ref in verdict.checked[what]}) == sum(map(len, CHANGES.values()))
