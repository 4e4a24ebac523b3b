"""A run that was saved in a file, opened in the page: its numbers, what it can't do, and files that are none."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import Asking
from judging import judge
from opening import App, go, settle
from playwright.sync_api import Browser, Page
from sightings import Sighting
from states import DESK, PHONE, Query, State
from touring import look
from windows import Complaints, window

from glasswork.scenes.respond import Respondent

pytestmark = pytest.mark.browser

TARGET = f"{Path(__file__).with_name('strangers.py')}:reader"
NUMBERS = ("head[0,2]", "lstm/step7.layer0.forward.cell[0,4]")
DROP = """bytes => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], "dropped.trace"));
    const at = document.querySelector("h1, .loading");
    for (const name of ["dragover", "drop"])
        at.dispatchEvent(new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    running = App(tmp_path_factory.mktemp("saved"), (TARGET,))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def graph(browser: Browser, own: App) -> Iterator[Page]:
    heard = Complaints()
    heard.expected = ("status of 415", "status of 422")  # said by the browser of each refusal
    with window(browser, own, heard, viewport=DESK) as context:
        page = context.new_page()
        go(page, own.address("open", network=TARGET))
        yield page
    heard.raise_any()


def saved(page: Page, own: App, folder: Path) -> tuple[Path, str]:
    """The run that a page shows, in a file; and its source."""
    source = page.locator(".map").get_attribute("data-source")
    assert source
    assert own.server
    respondent = own.server.warmed.result()
    assert isinstance(respondent, Respondent)
    respondent.traces.get(source.partition(":")[2]).save(folder / "reader.trace")
    return folder / "reader.trace", source


def upload(page: Page, file: Path) -> None:
    """By keys alone, up to the browser's own dialog."""
    with page.expect_file_chooser() as chooser:
        page.wait_for_timeout(200)  # the browser is told to hand its dialog over, and does not say when it does
        page.keyboard.press("o")
    chooser.value.set_files(file)


def told_of(seen: Sighting, source: str) -> Sighting:
    """The same sighting, of the run that the file was saved of."""
    own = next(iter(seen.sources))
    return Sighting(**json.loads(json.dumps(dataclasses.asdict(seen)).replace(own, source)))


def test_its_numbers_are_those_of_the_run_that_was_saved(graph: Page, own: App, tmp_path: Path) -> None:
    file, source = saved(graph, own, tmp_path)
    upload(graph, file)
    graph.wait_for_url("**/open?network=given:*")
    settle(graph, -1)
    assert graph.locator(".map").get_attribute("data-source") != source
    network = graph.url.partition("network=")[2]
    base: Query = {"network": network}
    states = [State("saved, backward", "open", {**base, "direction": "backward"})]
    states += [State(f"saved at {number}", "open", {**base, "at": number}) for number in NUMBERS]
    seen = [look(graph, own, state) for state in states]
    asks = Asking(own.traces)
    verdict = judge([told_of(one, source) for one in seen], asks)
    asks.close()
    assert not verdict.wrong, str(verdict)
    counts = {kind: len(refs) for kind, refs in verdict.checked.items()}
    assert counts["value"] >= 20
    assert min(counts["grad"], counts["term"], counts["share"]) >= 5
    assert "can be run again" in graph.locator(".whatif").inner_text()
    assert graph.locator(".whatif button").count() == 0

    go(graph, graph.url)  # it outlives a reload
    assert graph.locator("section.number").count() == 1
    graph.get_by_role("button", name="Network:").click()
    assert graph.locator(".panel .one", has_text="reader.trace").get_attribute("aria-pressed") == "true"


def test_what_is_dropped_is_opened_or_refused_in_words(graph: Page, own: App, tmp_path: Path) -> None:
    file, _ = saved(graph, own, tmp_path)
    before = graph.url
    (tmp_path / "weights.pt").write_bytes(b"PK\x03\x04" + bytes(64 << 20))
    upload(graph, tmp_path / "weights.pt")
    alert = graph.get_by_role("alert")
    alert.wait_for()
    assert "a ZIP archive" in alert.inner_text(), "by its first bytes, while it is still being sent"
    assert graph.url == before
    graph.evaluate(DROP, list(file.read_bytes()[:-1]))
    graph.wait_for_function("() => document.querySelector('[role=alert]')?.innerText.includes('dropped.trace')")
    assert graph.url == before
    graph.evaluate(DROP, list(file.read_bytes()))
    graph.wait_for_url("**/open?network=given:*")
    settle(graph, -1)
    assert graph.get_by_role("alert").count() == 0


def test_on_a_small_screen_it_says_what_a_saved_run_can_not_do(browser: Browser, own: App, tmp_path: Path) -> None:
    heard = Complaints()
    with window(browser, own, heard, viewport=PHONE, has_touch=True, color_scheme="dark") as context:
        page = context.new_page()
        go(page, own.address("open", network=TARGET))
        file, _ = saved(page, own, tmp_path)
        page.get_by_role("button", name="Network:").tap()
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Open a trace file").tap()
        chooser.value.set_files(file)
        page.wait_for_url("**/open?network=given:*")
        settle(page, -1)
        go(page, own.address("open", network=page.url.partition("network=")[2], at=NUMBERS[0], tab="whatif"))
        assert "can be run again" in page.locator(".whatif").inner_text()
    heard.raise_any()
