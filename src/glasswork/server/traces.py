"""A trace file that a page sends: taken as it comes, refused as early as it can be, and believed nothing."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import unicodedata
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from glasswork.errors import GlassworkError
from glasswork.server.given import HEADER, TraceFileError
from glasswork.server.uploads import failure

BYTES = 4 << 30
SPARE = 256 << 20  # of the disk, which is not filled up to the last byte
SECONDS = 10.0  # until it must have come at RATE on the whole
RATE = 256 << 10  # bytes a second
PART = 4 << 20  # bytes that are written at once
TYPE = "application/octet-stream"  # no form of another page can send this
ID = 16  # hexadecimal digits of the file's hash, as a trace file of the command line goes by
NAME = 80
SAVE = "Save a run with `glasswork trace TARGET -o FILE`, or with trace.save."
BEGINNINGS = {
    b"PK": "a ZIP archive, perhaps a checkpoint of torch.save",
    b"\x80": "a pickle, perhaps a checkpoint of torch.save",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"(\xb5/\xfd": "a zstd archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x93NUMPY": "a NumPy array",
    b"\x89HDF": "an HDF5 file",
    b"GGUF": "a GGUF file of weights",
    b"{": "JSON",
    b"<": "a web page or XML",
    b"MZ": "a Windows program",
    b"\x7fELF": "a Linux program",
    b"%PDF": "a PDF document",
}


async def post_trace(request: Request) -> Response:
    """Take the trace file that is the request's body; answer under which id it can be opened, and what it is."""
    files = request.app.state.files
    file: BinaryIO | None = None
    try:
        promised = check_head(request)
        with files.turn():
            check_room(promised, shutil.disk_usage(files.folder).free)
            begun: BinaryIO = await run_in_threadpool(files.file)
            file = begun  # to be closed, unless a trace reads from it in the end
            id, size = await receive(request, begun)
            found = await run_in_threadpool(files.add, id, name_of(request), begun, size)
            file = None
    except TraceFileError as error:
        # What is left of the body is not read: the connection ends with the answer.
        return failure(error.status, error, {"connection": "close"})
    except ClientDisconnect:
        return Response(status_code=400)  # nobody is left to read it
    except OSError as error:
        why = error.strerror or type(error).__name__
        todo = "Free some space, or name another folder by GLASSWORK_HOME."
        return failure(507, GlassworkError("this file could not be kept", where="the store", why=why, todo=todo))
    except GlassworkError as error:  # the whole of it was read, and is bad
        return failure(422, error)
    finally:
        if file is not None:
            file.close()
    told = {"id": found.id, "name": found.name, "operations": len(found.trace.ops)}
    return JSONResponse(told, status_code=201)


def check_head(request: Request) -> int:
    """The bytes that the headers promise; 0 where they promise none. They are only believed if bad."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != TYPE:
        why = f"its Content-Type is not {TYPE}"
        raise TraceFileError(415, "this is not sent as a trace file", why, "Use the page's own button.")
    promised = request.headers.get("content-length", "0")
    if not promised.isdecimal() or int(promised) > BYTES:
        raise too_long()
    return int(promised)


def check_room(promised: int, free: int) -> None:
    """Refuse at once what the disk won't hold."""
    if promised + SPARE > free:
        why = f"it has {promised >> 20:,} MB, and {max(0, free - SPARE) >> 20:,} MB are free"
        todo = "Free some space, name another folder by GLASSWORK_HOME, or save the run without its numbers."
        raise TraceFileError(507, "this file could not be kept", why, todo)


async def receive(request: Request, file: BinaryIO) -> tuple[str, int]:
    """Write the body into a file, within its bounds of bytes and time; the file's id and its bytes."""
    hashed = hashlib.sha256()
    waiting, size, looked = bytearray(), 0, False

    def write(part: bytes) -> None:
        file.write(part)
        hashed.update(part)

    begun = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(SECONDS) as limit:
            async for part in request.stream():
                size += len(part)
                if size > BYTES:
                    raise too_long()
                waiting += part
                if not looked and size >= 8:
                    check_beginning(bytes(waiting[:8]))
                    looked = True
                if len(waiting) >= PART:
                    await run_in_threadpool(write, bytes(waiting))
                    waiting.clear()
                limit.reschedule(begun + SECONDS + size / RATE)
    except TimeoutError as error:
        why = f"{size >> 10:,} KB of it arrived in {asyncio.get_running_loop().time() - begun:.0f} s"
        todo = "Try again, or open it on this machine: glasswork open FILE."
        raise TraceFileError(408, "this file came too slowly", why, todo) from error
    if not looked:
        raise TraceFileError(400, "this is no trace file", "it is empty" if not size else "it is too short", SAVE)

    def end() -> None:
        write(bytes(waiting))
        file.flush()

    await run_in_threadpool(end)
    return hashed.hexdigest()[:ID], size


def check_beginning(first: bytes) -> None:
    """Refuse by its first eight bytes what can be no trace file: they are the length of a header, little endian."""
    if 2 <= int.from_bytes(first, "little") <= HEADER:
        return
    for beginning, kind in BEGINNINGS.items():
        if first.startswith(beginning):
            why = f"by its content it is {kind}, whatever its name says"
            raise TraceFileError(415, "this is no trace file", why, SAVE)
    length = int.from_bytes(first, "little")
    why = f"its header would have {length:,} bytes, and at most {HEADER:,} are read from a page"
    raise TraceFileError(413, "this file describes too much, or is no trace file", why, "Try: glasswork open FILE.")


def name_of(request: Request) -> str:
    """What the reader calls the file: words to be shown, and nothing else is done with them."""
    told = request.query_params.get("name", "")[: 4 * NAME].replace("\\", "/").rpartition("/")[2]
    plain = "".join(letter for letter in told if unicodedata.category(letter)[0] != "C").strip()
    return plain[:NAME] or "a trace file"


def too_long() -> TraceFileError:
    """The refusal of a file with too many bytes."""
    why = f"a page may send at most {BYTES >> 30} GB"
    return TraceFileError(413, "this trace file is too large", why, "Open it on this machine: glasswork open FILE.")
