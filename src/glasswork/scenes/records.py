"""Small files by name, on disk where that works, and a bounded number of them: what traces are recorded in."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections import OrderedDict
from pathlib import Path

MOST = 4000
"""Files kept; the oldest go first. A trace whose record is gone can only be made anew from its picture."""


class Records:
    """Keeps bytes under a name.

    Args:
        folder: where; None keeps them in memory, as does a folder that can't be written (a full disk).
        most: how many.
    """

    def __init__(self, folder: Path | None, most: int = MOST) -> None:
        self._folder = folder
        self._most = most
        self._memory: OrderedDict[str, bytes] = OrderedDict()
        self._written = 0

    def keep(self, name: str, content: bytes) -> None:
        """Keep `content`; the same name always holds the same, so what is there stays."""
        if self._folder is None or not self._on_disk(self._folder, name, content):
            self._memory[name] = content
            while len(self._memory) > self._most:
                self._memory.popitem(last=False)

    def read(self, name: str) -> bytes | None:
        """What was kept, or None."""
        if name in self._memory or self._folder is None:
            return self._memory.get(name)
        try:
            return (self._folder / name).read_bytes()
        except OSError:
            return None

    def _on_disk(self, folder: Path, name: str, content: bytes) -> bool:
        path = folder / name
        try:
            if path.exists():
                os.utime(path)
                return True
            handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                os.replace(temporary, path)
            except OSError:
                os.unlink(temporary)
                raise
        except OSError:
            return False
        self._written += 1
        if self._written % 100 == 1:
            self._trim(folder)
        return True

    def _trim(self, folder: Path) -> None:
        found = sorted(os.scandir(folder), key=lambda entry: entry.stat().st_mtime_ns, reverse=True)
        for entry in found[self._most :]:
            with contextlib.suppress(OSError):  # another server on the same folder was faster
                os.unlink(entry)
