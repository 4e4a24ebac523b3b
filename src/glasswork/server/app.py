"""The app: which paths there are, and what stands around them."""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import AsyncIterator
from typing import cast

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from glasswork.errors import GlassworkError
from glasswork.scenes.sets import PictureSets
from glasswork.server.gate import Gate
from glasswork.server.given import TraceFileStore
from glasswork.server.journal import AccessLog
from glasswork.server.pages import BuiltPages
from glasswork.server.session import Respond
from glasswork.server.sets import LONGEST, post_picture, post_set
from glasswork.server.settings import Settings
from glasswork.server.socket import Desk, Page
from glasswork.server.store import open_store
from glasswork.server.traces import post_trace
from glasswork.server.uploads import failure, get_input, post_input
from glasswork.server.workers import COMMAND, Decoders

log = logging.getLogger("glasswork.server")


class App(Starlette):
    """A Starlette app that lies behind the gate as a whole: no route and no error page is outside it."""

    def __init__(self, settings: Settings, routes: list[BaseRoute]) -> None:
        handlers = {HTTPException: on_http_error, Exception: on_error}
        super().__init__(routes=routes, lifespan=lifespan, exception_handlers=handlers)
        self.router.redirect_slashes = False
        self.gate = Gate(super().build_middleware_stack(), settings)

    def build_middleware_stack(self) -> ASGIApp:
        """The gate around all the rest; around it only what notes each answer."""
        return AccessLog(self.gate)


def create_app(settings: Settings, respond: Respond) -> App:
    """The app of a server. `respond` answers the socket's requests, in a worker thread."""
    built = BuiltPages(settings.built)
    routes: list[BaseRoute] = [Route(path, built.page) for path in settings.pages]
    routes += [
        Route("/gan/images", to_images),
        Route("/inputs", post_input, methods=["POST"]),
        Route("/inputs/{id}", get_input),
        Route("/sets", post_set, methods=["POST"]),
        Route("/sets/{id}", post_picture, methods=["POST"]),
        Route("/traces", post_trace, methods=["POST"]),
        WebSocketRoute("/socket", talk),
        Route("/assets/{name:path}", built.asset),
        Route("/icon.svg", built.icon),
    ]
    app = App(settings, routes)
    app.state.store, app.state.notice = open_store(settings.home)
    app.state.decoders = Decoders()
    app.state.sets = PictureSets(app.state.store.folder.parent / "sets")
    app.state.set_decoders = Decoders((*COMMAND, str(LONGEST)))
    app.state.files = TraceFileStore(app.state.store.folder)
    app.state.desk = Desk(respond, app.state.store, app.state.files)
    return app


async def talk(socket: WebSocket) -> None:
    """The socket of a page."""
    await Page(socket, socket.app.state.desk).run()


async def to_images(request: Request) -> Response:
    """Pictures and points are two views of one page."""
    query = f"&{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"../gan?view=images{query}")


@contextlib.asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """What runs beside the app, from its start to its end."""
    await run_in_threadpool(app.state.decoders.warm)
    yield
    app.state.desk.close()
    await run_in_threadpool(app.state.decoders.close)
    await run_in_threadpool(app.state.set_decoders.close)


async def on_http_error(request: Request, error: Exception) -> Response:
    """No such path, or not by this method."""
    told = cast(HTTPException, error)
    return PlainTextResponse(f"{told.detail}.\n", told.status_code, told.headers)


async def on_error(request: Request, error: Exception) -> Response:
    """What nobody foresaw: the terminal gets the traceback, the page a number to find it by."""
    number = secrets.token_hex(4)
    log.error("report %s: %s %s failed", number, request.method, request.url.path)
    why = f"{type(error).__name__} (report {number})"
    todo = f"The terminal that runs glasswork shows where, under report {number}."
    return failure(500, GlassworkError("something inside Glasswork failed", where=request.url.path, why=why, todo=todo))
