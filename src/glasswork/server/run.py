"""Starts the app: a port, an address with its start code, the browser, and a quiet end."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

import uvicorn

from glasswork.errors import GlassworkError
from glasswork.scenes.messages import Answer, Request
from glasswork.server.app import create_app
from glasswork.server.gate import is_wildcard
from glasswork.server.journal import start_journal
from glasswork.server.session import Respond, Session
from glasswork.server.settings import LOOPBACK, Settings
from glasswork.server.socket import TEXT
from glasswork.server.wire import HEADERS, GuardedHTTP, GuardedSocket

TOKEN = "GLASSWORK_TOKEN"
SHORTEST = 16
TRIED = 100  # ports, from the wanted one upwards
FAREWELL = 3  # seconds that open connections have when the server ends


class LocalServer:
    """Listens from the moment it is made; `run` serves until Ctrl-C, or `start` and `stop` do it aside."""

    def __init__(self, settings: Settings, load: Callable[[], Respond]) -> None:
        settings = with_token(settings)
        self.wanted = settings.port
        self.sockets = listen(settings.host, settings.port)
        self.settings = replace(settings, port=self.sockets[0].getsockname()[1])
        self.warmed: Future[Respond] = Future()
        self.load = load
        self.app = create_app(self.settings, self.respond)
        config = uvicorn.Config(
            self.app,
            http=GuardedHTTP,
            ws=GuardedSocket,
            ws_max_size=TEXT,
            ws_per_message_deflate=False,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            h11_max_incomplete_event_size=HEADERS,
            timeout_graceful_shutdown=FAREWELL,
        )
        self.server = uvicorn.Server(config)
        self.thread: threading.Thread | None = None

    @property
    def origin(self) -> str:
        """Where a browser on this machine finds the app."""
        host = LOOPBACK if is_wildcard(self.settings.host) else self.settings.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.settings.port}"

    def opening_address(self, path: str = "/") -> str:
        """An address that lets a browser in, once; `path` may have a query."""
        split = urlsplit(path)
        code = urlencode({"code": self.app.gate.mint()})
        return f"{self.origin}{split.path}?{f'{split.query}&' if split.query else ''}{code}"

    def respond(self, request: Request, session: Session) -> Iterator[Answer | str | bytes]:
        """Answer by what `load` gives; the first to ask wait for it."""
        return self.warmed.result()(request, session)

    def warm(self) -> None:
        """Load what answers; with torch it takes seconds, and pages are served meanwhile."""
        try:
            self.warmed.set_result(self.load())
        except BaseException as error:  # each request will say it
            self.warmed.set_exception(error)

    def run(self) -> None:
        """Serve until Ctrl-C."""
        threading.Thread(target=self.warm, name="glasswork-warm", daemon=True).start()
        try:
            with contextlib.suppress(KeyboardInterrupt):
                self.server.run(self.sockets)
        finally:
            for one in self.sockets:
                one.close()

    def start(self) -> None:
        """Serve in a thread of its own."""
        self.thread = threading.Thread(target=self.run, name="glasswork-server", daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """End what `start` began."""
        self.server.should_exit = True
        if self.thread:
            self.thread.join()


def serve(
    settings: Settings,
    load: Callable[[], Respond],
    path: str = "/",
    browser: bool = True,
    verbose: bool = False,
    say: Callable[[str], Any] = print,
) -> None:
    """Serve the app until Ctrl-C, and open `path` in the browser.

    Args:
        settings: Where to listen.
        load: Gives what answers the socket; called in a thread, so it may import torch.
        path: The page to open, with its query.
        browser: Whether to open a browser, where there is one.
        verbose: Whether to log each request.
        say: Prints a line for the person who started it.

    Raises:
        GlassworkError: it may not listen there, or no port is free.
    """
    server = LocalServer(settings, load)
    start_journal([server.settings.token, server.app.gate.session], verbose)
    with contextlib.suppress(KeyboardInterrupt):  # as early as the address can be read
        if server.settings.port != server.wanted != 0:
            say(f"Port {server.wanted} is taken; using {server.settings.port}.")
        if notice := server.app.state.notice:
            say(notice)
        say(f"Glasswork is at {server.opening_address(path)}")
        say("The address works once; Ctrl-C ends.")
        if browser and has_browser():
            # It has a start code of its own, so that the printed one stays good. Connections wait until the loop runs.
            address = server.opening_address(path)
            threading.Thread(target=webbrowser.open, args=(address,), name="glasswork-browser", daemon=True).start()
        server.run()
    say("Glasswork has ended.")


def with_token(settings: Settings) -> Settings:
    """The settings with the token that the environment names; refuses to serve a network without one."""
    token = os.environ.get(TOKEN, "")
    if token and len(token) < SHORTEST:
        why = f"it has {len(token)} characters: too easy to guess"
        todo = f"Set {TOKEN} to at least {SHORTEST} characters, or unset it."
        raise GlassworkError(f"{TOKEN} is too short", where="the environment", why=why, todo=todo)
    if token:
        return replace(settings, token=token)
    if not is_loopback(settings.host):
        raise GlassworkError(
            f"Glasswork will not listen on {settings.host!r} without a token",
            where=f"--host {settings.host}",
            why="others on the network could reach it, and it runs what it is told on this machine",
            todo=f"Set {TOKEN} (environment) to a secret of at least {SHORTEST} characters, or leave --host out.",
        )
    return settings


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def listen(host: str, port: int) -> list[socket.socket]:
    """Listening sockets on the first free port from `port` on: both loopback addresses by default.

    Raises:
        GlassworkError: the host is not of this machine, or no port is free.
    """
    hosts = [LOOPBACK, "::1"] if host.lower() in (LOOPBACK, "localhost") else [host]
    for candidate in range(port, min(port + TRIED, 65_536)) if port else [0] * TRIED:
        opened: list[socket.socket] = []
        try:
            for name in hosts:
                at = opened[0].getsockname()[1] if opened else candidate
                opened += listen_at(name, at, optional=bool(opened))
            return opened
        except OSError as error:
            for one in opened:
                one.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                why = error.strerror or str(error)
                todo = "Name an address of this machine, or leave --host out."
                raise GlassworkError(
                    f"Glasswork cannot listen on {host!r}", where=f"--host {host}", why=why, todo=todo
                ) from error
    why = f"the ports from {port} to {port + TRIED - 1} are taken or not allowed"
    raise GlassworkError("no port is free", where=f"--port {port}", why=why, todo="Name another one with --port.")


def listen_at(host: str, port: int, optional: bool) -> list[socket.socket]:
    """One listening socket; none when it is optional and this machine has no such address."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        # With its protocol, or asyncio doesn't see that it is TCP, and every answer waits 40 ms for Nagle.
        one = socket.socket(family, kind, protocol)
    except OSError:
        if optional:
            return []
        raise
    try:
        if os.name == "posix":  # elsewhere this would let another program take the port from us
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and not is_wildcard(host):
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
        one.listen(128)
    except OSError as error:
        one.close()
        if optional and error.errno != errno.EADDRINUSE:
            return []
        raise
    return [one]


def has_browser() -> bool:
    """Whether there is a browser that shows more than text."""
    if sys.platform not in ("darwin", "win32") and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")
    ):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True
