"""Browser windows of their own, and what the browser says against the pages in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opening import PATIENCE, WATCH, App
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage


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
