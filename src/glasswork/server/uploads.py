"""Pictures that a page sends, and that it shows again."""

from __future__ import annotations

import asyncio

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from glasswork.errors import GlassworkError
from glasswork.server.pictures import READ, PictureError
from glasswork.server.store import ID, no_id

BYTES = 20 << 20
SECONDS = 10.0  # for the whole body, however slowly it comes
TYPES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp")


async def post_input(request: Request) -> Response:
    """Take the picture that is the request's body; answer what it is and under which id it is kept."""
    try:
        body = await read_body(request)
        facts, png = await run_in_threadpool(request.app.state.decoders.decode, body)
        name = await run_in_threadpool(request.app.state.store.add, png)
    except PictureError as error:
        # What is left of the body is not read: the connection ends with the answer.
        return failure(error.status, error, {"connection": "close"})
    except ClientDisconnect:
        return Response(status_code=400)  # nobody is left to read it
    except OSError as error:
        why = error.strerror or type(error).__name__
        todo = "Free some space, or name another folder by GLASSWORK_HOME."
        return failure(507, GlassworkError("this picture could not be kept", where="the store", why=why, todo=todo))
    return JSONResponse({"id": name, **facts}, status_code=201)


async def get_input(request: Request) -> Response:
    """The picture of an id."""
    name = request.path_params["id"]
    if not ID.fullmatch(name):
        return failure(404, no_id())
    try:
        png = await run_in_threadpool(request.app.state.store.read, name)
    except GlassworkError as error:
        return failure(404, error)
    return Response(png, media_type="image/png")


async def read_body(request: Request) -> bytes:
    """The body, within its bounds of bytes and seconds; what the headers promise about it is only believed if bad."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in TYPES:
        raise PictureError(
            415, "this is not sent as a picture", f"its Content-Type is not one of {', '.join(TYPES)}", READ
        )
    promised = request.headers.get("content-length", "0")
    if not promised.isdecimal() or int(promised) > BYTES:
        raise too_long()
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > BYTES:
                    raise too_long()
    except TimeoutError as error:
        why = f"it did not arrive within {SECONDS:.0f} s"
        raise PictureError(408, "this picture came too slowly", why, "Try again, or make it smaller.") from error
    return bytes(body)


def too_long() -> PictureError:
    """The refusal of a body with too many bytes."""
    why = f"a picture may have at most {BYTES >> 20} MB"
    return PictureError(413, "this picture is too large", why, "Save it smaller, or as JPEG.")


def failure(status: int, error: GlassworkError, headers: dict[str, str] | None = None) -> Response:
    """An error as JSON: what, where, why, and what to do."""
    told = {"what": error.what, "where": error.where, "why": error.why, "todo": error.todo}
    return JSONResponse(told, status, headers)
