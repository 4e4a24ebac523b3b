from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from asking import Asking
from opening import FLAGS, PATIENCE, WATCH, App, find_browser
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from glasswork import zoo

Opens = Callable[..., Page]


@pytest.fixture(scope="session")
def networks() -> list[str]:
    """The networks that ship, the one with most to look at first."""
    names = [row.name for row in sorted(zoo.shipped(), key=lambda row: -row.parameters)]
    assert names, "no network ships"
    return names


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    running = App(tmp_path_factory.mktemp("browser"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
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


class Complaints:
    """What the browser said against a page."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.expected: tuple[str, ...] = ()

    def listen(self, context: BrowserContext) -> None:
        context.on("console", self.hear)
        context.on("weberror", lambda error: self.said.append(f"thrown: {error.error}"))

    def hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.said.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def raise_any(self) -> None:
        left = [one for one in self.said if not any(words in one for words in self.expected)]
        assert not left, "the browser complained:\n" + "\n".join(left)


@contextmanager
def window(browser: Browser, app: App, complaints: Complaints, **given: Any) -> Iterator[BrowserContext]:
    """A browser window with nothing kept from before, let in by the server."""
    wanted: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce", **given}
    context = browser.new_context(**wanted)
    context.set_default_timeout(PATIENCE)
    context.add_init_script(WATCH)
    complaints.listen(context)
    app.enter(context)
    yield context
    context.close()


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
