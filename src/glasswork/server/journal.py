"""What the server tells the terminal: nothing that steers a terminal, and no secrets."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECRET_NAMES = ("TOKEN", "KEY", "SECRET", "PASSWORD", "PASSWD")
HIDDEN = "[hidden]"
log = logging.getLogger("glasswork.access")


def plain(text: str) -> str:
    """Text with everything that a terminal would obey shown as what it is (`\\x1b`), apart from line ends."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else repr(letter)[1:-1] for letter in text)


def known_secrets() -> list[str]:
    """The values in the environment that by their names are secrets."""
    return [value for name, value in os.environ.items() if name.upper().endswith(SECRET_NAMES) and len(value) >= 8]


class PlainFormatter(logging.Formatter):
    """One line a record, tracebacks below it; secrets are left out and control characters shown."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("glasswork: %(message)s")
        self.secrets = sorted((one for one in secrets if one), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        """The record as it is printed."""
        text = super().format(record)
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return plain(text)


def start_journal(secrets: Iterable[str], verbose: bool = False) -> None:
    """Send what the server and uvicorn log to standard error; each request only when verbose."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(PlainFormatter([*secrets, *known_secrets()]))
    # uvicorn's own info lines hold query strings, and so start codes; its warnings are about others' bad requests.
    for name, level in (("glasswork", logging.INFO if verbose else logging.WARNING), ("uvicorn", logging.ERROR)):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False


class AccessLog:
    """A line for each answer: method, path without its query, status, milliseconds."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and note it."""
        begun = time.perf_counter()

        async def noted(message: Message) -> None:
            if message["type"].endswith("response.start"):
                spent = (time.perf_counter() - begun) * 1000
                path, status = plain(scope["path"][:200]), message["status"]
                log.info("%s %s %d %.0f ms", scope.get("method", "WS"), path.replace("\n", "\\n"), status, spent)
            await send(message)

        await self.app(scope, receive, noted if log.isEnabledFor(logging.INFO) else send)
