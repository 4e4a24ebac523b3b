from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from asking import Asking
from opening import App, go
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright
from windows import Complaints, window

from glasswork import recipes, zoo
from scripts.chromium import FLAGS, find_browser

Opens = Callable[..., Page]
HERE = Path(__file__).parent


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


class Chromium:
    """One browser for all files in a row: to start one takes longer than most tests."""

    def __init__(self) -> None:
        self.tools: Playwright | None = None
        self.browser: Browser | None = None

    def open(self) -> Browser:
        if self.browser is None:
            self.tools = sync_playwright().start()
            self.browser = self.tools.chromium.launch(executable_path=find_browser(), args=FLAGS)
        return self.browser

    def close(self) -> None:
        if self.browser and self.tools:
            self.browser.close()
            self.tools.stop()
        self.tools = self.browser = None


chromium = Chromium()


@pytest.fixture(scope="module")
def browser() -> Browser:
    return chromium.open()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> Iterator[None]:
    yield
    # While Playwright runs, no test of another folder can run an event loop of its own.
    if nextitem is None or not nextitem.path.is_relative_to(HERE):
        chromium.close()


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


@pytest.fixture(scope="module")
def lecture(browser: Browser, app: App) -> Iterator[Page]:
    """The page of lessons, opened once for all tests of a file: to load the app is what takes the time."""
    heard = Complaints()
    with window(browser, app, heard) as opened:
        page = opened.new_page()
        go(page, app.address("lecture"))
        yield page
    heard.raise_any()
