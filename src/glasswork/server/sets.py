"""Pictures that a page sends with their classes, one by one, into a set."""

from __future__ import annotations

import re
import unicodedata

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from glasswork.errors import GlassworkError
from glasswork.scenes.sets import FullError, PictureSets
from glasswork.server.pictures import PictureError
from glasswork.server.uploads import failure, read_body

LONGEST = 512  # pixels a side of what is kept: networks that learn here see 224
NAME = 80
REFUSALS = (400, 413, 415, 422)  # of the picture itself


def plain(told: str, otherwise: str = "") -> str:
    """A name that a page sends, as a name of a file: letters, digits, blanks and - _ . alone; never a path.

    Raises:
        PictureError: nothing is left of it.
    """
    last = unicodedata.normalize("NFC", told[: 4 * NAME]).replace("\\", "/").rpartition("/")[2]
    kept = "".join(one if one.isalnum() or one in " -_." else "_" for one in last)
    kept = kept.strip(" .")[:NAME].strip(" .") or otherwise
    if not kept:
        raise PictureError(400, "this picture has no class", "its folder has no name", "Give the folder a name.")
    return f"{kept}_" if re.fullmatch(r"(?i)con|prn|aux|nul|(com|lpt)\d", kept) else kept  # names that Windows keeps


async def post_set(request: Request) -> Response:
    """Begin a set; answer its id."""
    try:
        return JSONResponse({"id": await run_in_threadpool(request.app.state.sets.begin)}, status_code=201)
    except OSError as error:
        return failure(507, _no_room(error))


async def post_picture(request: Request) -> Response:
    """Take the picture that is the request's body into a class of a set; without a name, only begin the class."""
    sets: PictureSets = request.app.state.sets
    id, query = request.path_params["id"], request.query_params
    kind = name = ""
    try:
        kind = plain(query.get("class", ""))
        if not query.get("name"):
            await run_in_threadpool(sets.begin_class, id, kind)
            return JSONResponse({"path": f"{kind}/"}, status_code=201)
        name = plain(query.get("name", "").rpartition(".")[0], "picture")
        await run_in_threadpool(sets.check_room, id)
        body = await read_body(request)
        facts, png = await run_in_threadpool(request.app.state.set_decoders.decode, body)
        path = await run_in_threadpool(sets.add, id, kind, name, png)
    except PictureError as error:
        if kind and error.status in REFUSALS:
            shown = "".join(one for one in query.get("name", "")[:NAME] if unicodedata.category(one)[0] != "C")
            await run_in_threadpool(sets.refuse, id, kind, shown, error.why)
        return failure(error.status, error, {"connection": "close"})
    except ClientDisconnect:
        return Response(status_code=400)
    except FullError as error:
        return failure(413, error, {"connection": "close"})
    except GlassworkError as error:
        return failure(404, error, {"connection": "close"})
    except OSError as error:
        return failure(507, _no_room(error))
    return JSONResponse({"path": path, **facts}, status_code=201)


def _no_room(error: OSError) -> GlassworkError:
    why = error.strerror or type(error).__name__
    todo = "Free some space, or name another folder by GLASSWORK_HOME."
    return GlassworkError("this picture could not be kept", where="the store", why=why, todo=todo)
