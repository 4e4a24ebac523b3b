"""Stable Diffusion XL in miniature on the page of text to image: every number again, on a desk and on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from asking import Asking
from judging import judge
from opening import App
from playwright.sync_api import Browser
from states import DESK, PHONE, State
from touring import look
from windows import Complaints, window

from kin_pipelines import saved_kin

pytestmark = [pytest.mark.browser, pytest.mark.slow]
QUERY = {"network": "tiny-xl", "prompt": "red cat", "steps": 4, "at": 2, "number": "1.3.0", "sampler": "euler"}
STATE = State("through the network of diffusers", "diffusion", QUERY)


def test_every_number_of_a_kin_is_true(browser: Browser, tmp_path: Path) -> None:
    folder = saved_kin(tmp_path, "xl")
    app = App(tmp_path, targets=(f"hf:{folder.rename(folder.with_name('tiny-xl'))}",))
    app.start()
    answers, complaints, seen = Asking(app.traces), Complaints(), []
    try:
        for viewport, colours in ((DESK, "light"), (PHONE, "dark")):
            with window(browser, app, complaints, viewport=viewport, color_scheme=colours) as context:
                page = context.new_page()
                page.goto(app.address())
                seen.append(look(page, app, State(f"{STATE.name}, {colours}", STATE.path, STATE.query)))
                over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                assert over <= 0
        verdict = judge(seen, answers)
        assert not verdict.wrong, str(verdict)
        assert len(verdict.checked["value"]) >= 100
        assert answers.foreign == []
        complaints.raise_any()
    finally:
        answers.close()
        app.stop()
