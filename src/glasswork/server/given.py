"""Trace files that pages send: each in a file without a name, which is gone when the program is, however it ends."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from glasswork.errors import GlassworkError

if TYPE_CHECKING:
    from glasswork.scenes.given import TraceFile

HELD = 6  # so many at once; the one that was looked at longest ago goes first
BYTES = 8 << 30  # of all of them together
HEADER = 8 << 20  # bytes of one's description: a run of a thousand operations takes one or two
TODO = "Open the file again."


class TraceFileError(GlassworkError):
    """A trace file that is refused, with the HTTP status that says how."""

    def __init__(self, status: int, what: str, why: str, todo: str, where: str = "the trace file") -> None:
        super().__init__(what, where=where, why=why, todo=todo)
        self.status = status


class TraceFileStore:
    """The trace files of this program's time, by id.

    Args:
        folder: where their bytes lie.
        most: bytes of all together.
        count: how many there may be.
    """

    def __init__(self, folder: Path, most: int = BYTES, count: int = HELD) -> None:
        self.folder = folder
        self.most = most
        self.count = count
        self._held: OrderedDict[str, tuple[TraceFile, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """One file is taken at a time.

        Raises:
            TraceFileError: another one is just being taken.
        """
        if not self._turn.acquire(blocking=False):
            why = "one is read at a time, and another is being read"
            raise TraceFileError(409, "this trace file has to wait", why, "Try again when that one is open.")
        try:
            yield
        finally:
            self._turn.release()

    def file(self) -> BinaryIO:
        """A new file to write into: no name leads to it, and closing it, or the end of the program, removes it."""
        return tempfile.TemporaryFile(dir=self.folder)

    def add(self, id: str, name: str, file: BinaryIO, size: int) -> TraceFile:
        """Check a whole file, and hold the trace in it.

        Raises:
            BadFile: it is none, or says what can't be.
        """
        from glasswork.scenes.given import TraceFile  # only now: with torch it takes seconds
        from glasswork.tracing import open_trace

        with self._lock:
            if id in self._held:  # the same file once more
                file.close()
                self._held.move_to_end(id)
                return self._held[id][0]
        found = TraceFile(id, name, open_trace(file, name=name, most_header=HEADER))
        with self._lock:
            self._held[id] = found, size
            while len(self._held) > self.count or sum(each for _, each in self._held.values()) > self.most:
                if len(self._held) == 1:
                    break
                self._held.popitem(last=False)
        return found

    def get(self, id: str) -> TraceFile:
        """The trace of an id.

        Raises:
            GlassworkError: it is not held, or no longer.
        """
        with self._lock:
            if id in self._held:
                self._held.move_to_end(id)
                return self._held[id][0]
        why = "trace files are kept until glasswork ends, the last few of them"
        raise GlassworkError("this trace file is not held any more", where=f"given:{id[:40]}", why=why, todo=TODO)

    def all(self) -> list[TraceFile]:
        """All that are held, the newest first."""
        with self._lock:
            return [found for found, _ in reversed(self._held.values())]
