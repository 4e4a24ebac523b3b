"""One trainer on one run: a lock that the system lets go when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from glasswork.errors import GlassworkError

NAME = "lock"
TRIES = 10


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run's folder for as long as this lasts.

    Raises:
        GlassworkError: another living process holds it; says which.
    """
    with (folder / NAME).open("a+", encoding="utf-8") as file:
        tries = TRIES
        while not _lock(file) and tries:  # who only asks whether anybody holds it, holds it for a moment
            tries -= 1
            time.sleep(0.05)
        if not tries:
            file.seek(0)
            raise GlassworkError(
                "another process trains this run",
                where=str(folder),
                why=file.read(200).strip() or "it did not say which",
                todo="Wait for it, stop it, or name another folder with --out.",
            )
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)  # the file stays: removing it would let two processes lock two files of one name


def holder(folder: Path) -> str:
    """Who trains this run now: empty when nobody does."""
    try:
        with (folder / NAME).open("r+", encoding="utf-8") as file:
            if _lock(file):
                return ""
            return file.read(200).strip() or "a process"
    except OSError:
        return ""


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[str]) -> bool:
        with contextlib.suppress(OSError):
            file.seek(1 << 20)  # beyond the text, which others may read
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            return True
        return False

else:
    import fcntl

    def _lock(file: IO[str]) -> bool:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False
