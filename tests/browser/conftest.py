from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from asking import Asking
from opening import FLAGS, App, find_browser
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from windows import Complaints, window

from glasswork import recipes, zoo

Opens = Callable[..., Page]


@pytest.fixture(scope="session")
def networks() -> list[str]:
    """The convolutional networks that ship, the one with most to look at first."""
    names = [row.name for row in sorted(zoo.shipped(), key=lambda row: -row.macs) if row.name.startswith("tiny-vgg")]
    assert names, "no network ships"
    return names


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    running = App(tmp_path_factory.mktemp("browser"))
    settings = {"sizes.width": 4, "batch": 16, "validation": 100, "keep": 0, "steps": 60, "save_every": 10}
    list(recipes.run("tiny-vgg-digits", out=running.runs / "course", settings={**settings, "record_every": 2}))
    running.start()
    yield running
    running.stop()


# A module's, not the session's: while Playwright runs, no other test can run an event loop of its own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as tools:
        found = tools.chromium.launch(executable_path=find_browser(), args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="session")
def asking(app: App) -> Iterator[Asking]:
    """The resolver, in its own process."""
    asks = Asking(app.traces)
    yield asks
    asks.close()


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """Fails the test when the browser complained; a test may name what it expects."""
    heard = Complaints()
    yield heard
    heard.raise_any()


@pytest.fixture
def context(browser: Browser, app: App, complaints: Complaints) -> Iterator[BrowserContext]:
    with window(browser, app, complaints) as opened:
        yield opened


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
