"""Small files by name, on disk where that works, and a bounded number of them: what traces are recorded in."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path

MOST = 256 << 20
"""Bytes kept; the oldest go first. A trace whose record is gone can only be made anew from its picture."""


class Records:
    """Keeps bytes under a name.

    Args:
        folder: where; None keeps them in memory, as does a folder that can't be written (a full disk).
        most: how many bytes, roughly; the newest always stays.
    """

    def __init__(self, folder: Path | None, most: int = MOST) -> None:
        self._folder = folder
        self._most = most
        self._memory: OrderedDict[str, bytes] = OrderedDict()
        self._written = 0
        self._lock = threading.Lock()

    def keep(self, name: str, content: bytes) -> None:
        """Keep `content`; the same name always holds the same, so what is there stays."""
        if self._folder is None or not self._on_disk(self._folder, name, content):
            with self._lock:
                self._memory[name] = content
                while len(self._memory) > 1 and sum(map(len, self._memory.values())) > self._most:
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
        self._written += len(content)
        if self._written > self._most // 16:
            self._written = 0
            self._trim(folder)
        return True

    def _trim(self, folder: Path) -> None:
        found: list[tuple[int, int, str]] = []
        for entry in os.scandir(folder):
            with contextlib.suppress(OSError):  # another server on the same folder was faster
                found.append((entry.stat().st_mtime_ns, entry.stat().st_size, entry.path))
        held = 0
        for _, size, path in sorted(found, reverse=True):
            held += size
            if held > self._most:
                with contextlib.suppress(OSError):
                    os.unlink(path)
