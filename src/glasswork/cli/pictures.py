"""Picture files of the reader's, decoded as uploads are: the same process, bounds and messages; no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from glasswork.errors import GlassworkError
from glasswork.server.pictures import PictureError
from glasswork.server.uploads import BYTES, too_long
from glasswork.server.workers import Decoders


def decoded(path: Path) -> tuple[dict[str, Any], bytes]:
    """The facts of a picture file, and it as PNG.

    Raises:
        GlassworkError: it can't be read, or is refused.
    """
    try:
        with path.open("rb") as file:
            body = file.read(BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        todo = "Name a picture file, or sample:NAME for one that ships."
        raise GlassworkError("this input can't be read", where=str(path), why=why, todo=todo) from error
    decoders = Decoders(count=1)
    try:
        if len(body) > BYTES:
            raise too_long()
        return decoders.decode(body)
    except PictureError as error:
        raise GlassworkError(error.what, where=str(path), why=error.why, todo=error.todo) from error
    finally:
        decoders.close()
