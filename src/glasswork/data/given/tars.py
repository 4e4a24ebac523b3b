"""What a tar archive holds and where, without unpacking it: only headers are read, and nothing of it becomes a file.

The format is that of POSIX.1-1988 (ustar) with the long names of GNU and of POSIX.1-2001 (pax).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from glasswork.data.given.files import Problem
from glasswork.errors import GlassworkError

BLOCK = 512
MOST_NAME = 64 << 10  # bytes that are read of a long name, or of all that pax says of a member
PLAIN = b"0\0007"
KINDS = {b"1": "a link", b"2": "a link", b"3": "a device", b"4": "a device", b"6": "a pipe", b"S": "a sparse file"}


@dataclass(frozen=True)
class Member:
    """A regular file in an archive: its bytes are those from `offset` on."""

    name: str
    offset: int
    size: int


def members(file: BinaryIO, name: str, problems: list[Problem]) -> Iterator[Member]:
    """The regular files of an archive, in their order.

    Args:
        file: it, seekable.
        name: of the archive, for what is told.
        problems: members that are refused are appended here: links, devices, names that lead elsewhere.

    Raises:
        GlassworkError: this is no tar archive, or it is damaged or cut off.
    """
    end = file.seek(0, 2)
    place, long = 0, ""
    while True:
        file.seek(place)
        header = file.read(BLOCK)
        if not header.strip(b"\0"):
            if place == 0:
                raise _damaged(name, place, "it is empty")
            return
        if len(header) < BLOCK or _number(header[148:156]) != sum(header[:148]) + 8 * 32 + sum(header[156:]):
            raise _damaged(name, place, "there is no header, or it was altered")
        kind, size = header[156:157], _number(header[124:136])
        begin = place + BLOCK
        found = long or header_name(header)
        if not 0 <= size <= end - begin:
            raise _damaged(name, place, f"{found[:80]} says that it has {size:,} bytes, and {end - begin:,} follow")
        place = begin + -(-size // BLOCK) * BLOCK
        if kind in b"Lx" and kind:
            if size > MOST_NAME:
                raise _damaged(name, begin, f"a name of {size:,} bytes")
            content = file.read(size)
            long = _text(content) if kind == b"L" else _pax_path(content) or long
            continue
        long = ""
        if kind in PLAIN:
            parts = found.replace("\\", "/").split("/")
            if found.startswith("/") or ".." in parts or ":" in parts[0]:
                problems.append(Problem(f"{name}: {found[:200]}", "its name leads out of the archive"))
            else:
                yield Member(found, begin, size)
        elif kind in KINDS:
            problems.append(Problem(f"{name}: {found[:200]}", f"{KINDS[kind]} is not followed"))


def header_name(header: bytes) -> str:
    """The name that a header itself has room for."""
    prefix = _text(header[345:500]) if header[257:262] == b"ustar" and header[263:265] == b"00" else ""
    return f"{prefix}/{_text(header[:100])}" if prefix else _text(header[:100])


def _text(content: bytes) -> str:
    return content.split(b"\0", 1)[0].decode(errors="replace")


def _number(field: bytes) -> int:
    """Octal digits, or (GNU) a binary number behind a first bit; -1 for neither."""
    if field[0] & 0x80:
        return int.from_bytes(bytes([field[0] & 0x7F]) + field[1:])
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError:
        return -1


def _pax_path(content: bytes) -> str:
    """The path among pax's records, each "LENGTH KEY=VALUE" and a line's end."""
    while content:
        length, space, _ = content.partition(b" ")
        if not space or not length.isdigit() or not len(length) + 1 < int(length) <= len(content):
            return ""
        key, _, value = content[len(length) + 1 : int(length) - 1].partition(b"=")
        if key == b"path":
            return _text(value)
        content = content[int(length) :]
    return ""


def _damaged(name: str, place: int, why: str) -> GlassworkError:
    todo = "Give plain tar archives, not compressed; make this one again."
    return GlassworkError("this is no whole tar archive", where=f"{name}, byte {place:,}", why=why, todo=todo)
