"""The safetensors format, read and written with nothing but the standard library, and believed nothing.

Layout: https://github.com/huggingface/safetensors#format: a length (8 bytes, little endian), that much JSON, then the
tensors' bytes, one after another without gaps.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import torch

from glasswork.tracing.errors import BadFile

MOST_HEADER = 32 << 20  # bytes
MOST_TENSORS = 100_000
MOST_AXES = 64
MOST_LISTS = 1 << 20  # lists and objects in a header: each of them takes 20 times its two characters
DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "U16": torch.uint16,
    "U32": torch.uint32, "U64": torch.uint64, "BOOL": torch.bool, "C64": torch.complex64,
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
}  # fmt: skip
NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor in a file: where its bytes begin and end, counted from the file's first byte."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


class Container:
    """An open file; tensors are read when they are asked for.

    Attributes:
        metadata: the texts that the header carries.
        entries: what the file holds, by name.
    """

    def __init__(self, source: Path | BinaryIO, name: str = "", most_header: int = MOST_HEADER) -> None:
        """Open a file and check its header; no tensor is read.

        Args:
            source: the file's path, or the open file itself, which is then closed with this.
            name: what errors call an open file.
            most_header: bytes of its header.

        Raises:
            BadFile: it can't be read, or is not what it says.
        """
        self.name = source.name if isinstance(source, Path) else name
        self.where = str(source) if isinstance(source, Path) else name
        self._most_header = most_header
        self._lock = threading.Lock()
        try:
            self._file: BinaryIO = source.open("rb") if isinstance(source, Path) else source
        except OSError as error:
            raise BadFile(f"{self.name} can't be opened", where=self.where, why=error.strerror or str(error)) from error
        weakref.finalize(self, self._file.close)  # when the last Value that reads from it is gone
        try:
            self.metadata, self.entries = self._header()
        except BaseException:
            self._file.close()
            raise

    def read(self, name: str) -> torch.Tensor:
        """One tensor, copied into memory.

        Raises:
            BadFile: the file has been changed since it was opened.
        """
        entry = self.entries[name]
        size = entry.end - entry.begin
        data = bytearray(size)
        view, found = memoryview(data), 0
        with self._lock:
            self._file.seek(entry.begin)
            while found < size:  # one call gives at most 2 GiB
                step = self._file.readinto(view[found:])  # type: ignore[attr-defined]
                if not step:
                    break
                found += step
        if found != size:
            raise self._bad(f"{name} ends after {found:,} of {size:,} bytes: the file was changed while it was open")
        if not size:
            return torch.empty(entry.shape, dtype=entry.dtype)
        return torch.frombuffer(data, dtype=torch.uint8).view(entry.dtype).reshape(entry.shape)

    def close(self) -> None:
        """Close the file; nothing more can be read."""
        self._file.close()

    def _header(self) -> tuple[dict[str, str], dict[str, Entry]]:
        size = os.fstat(self._file.fileno()).st_size
        self._file.seek(0)
        length = int.from_bytes(self._file.read(8), "little")
        if size < 8 or not 2 <= length <= size - 8:
            raise self._bad(f"it begins with a header of {length:,} bytes; the file has {size:,}")
        if length > self._most_header:
            why = f"it begins with a header of {length:,} bytes; at most {self._most_header:,} are read"
            raise BadFile(f"{self.name} describes too much", where=self.where, why=why, todo=SMALLER)
        text = self._file.read(length)
        count = text.count(b'"data_offsets"')
        if count > MOST_TENSORS:  # told before a Python object is made of each
            raise self._bad(f"it names {count:,} tensors; {MOST_TENSORS:,} are read")
        lists = text.count(b"[") + text.count(b"{")
        if lists > MOST_LISTS:
            raise self._bad(f"its header opens {lists:,} lists and objects; {MOST_LISTS:,} are read")
        header = parsed(text, self)
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
            raise self._bad("its metadata are not texts")
        start = 8 + length
        entries = {name: self._entry(name, entry, start) for name, entry in header.items()}
        end = start
        for name, entry in sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)):
            if entry.begin != end:
                raise self._bad(f"{name!r} begins at byte {entry.begin:,}, where {end:,} was due: a hole or an overlap")
            end = entry.end
        if end != size:
            raise self._bad(f"its tensors end at byte {end:,}, the file at {size:,}")
        return metadata, entries

    def _entry(self, name: str, entry: Any, start: int) -> Entry:
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            raise self._bad(f"the entry of {name!r} is not one of a tensor")
        dtype, shape, offsets = DTYPES.get(str(entry["dtype"])), entry["shape"], entry["data_offsets"]
        if dtype is None:
            raise self._bad(f"{name!r} is of an unknown type, {str(entry['dtype'])[:40]!r}")
        if not _sizes(shape) or len(shape) > MOST_AXES or not _sizes(offsets) or len(offsets) != 2:
            raise self._bad(f"{name!r} has no proper shape or offsets")
        begin, end = offsets
        if prod(shape) * dtype.itemsize != end - begin:
            raise self._bad(f"{name!r} has the shape {shape} and {end - begin:,} bytes, which is not the same")
        return Entry(dtype, tuple(shape), start + begin, start + end)

    def _bad(self, why: str) -> BadFile:
        return BadFile(f"{self.name} is no whole safetensors file", where=self.where, why=why, todo=AGAIN)


AGAIN = "Save it again where it came from."
SMALLER = "Trace a smaller part of the network."


def _sizes(item: Any) -> bool:
    return isinstance(item, list) and all(type(number) is int and 0 <= number < 1 << 62 for number in item)


def parsed(text: bytes | str, container: Container) -> dict[str, Any]:
    """A JSON object, strictly: no NaN, no key twice, no endless nesting.

    Raises:
        BadFile: it is anything else.
    """

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key stands twice")
        return found

    try:
        found = json.loads(text, parse_constant=refuse, object_pairs_hook=once)
        if not isinstance(found, dict):
            raise ValueError(f"expected an object, found {type(found).__name__}")
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
        raise BadFile(
            f"the header of {container.name} can't be read", where=container.where, why=why, todo=AGAIN
        ) from error
    return found


def write(
    path: Path,
    metadata: Mapping[str, str],
    planned: Mapping[str, tuple[torch.dtype, tuple[int, ...]]],
    tensors: Iterable[Callable[[], torch.Tensor]],
) -> None:
    """Write a file so that its name leads to the old content or to the new, never to a part.

    Args:
        path: where to.
        metadata: texts for the header.
        planned: the type and shape of each tensor by name, in the order that they are written.
        tensors: gives each in that order, so that only one need be in memory.

    Raises:
        BadFile: the header would be too large to be read again, or the disk refuses.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    offset = 0
    for name, (dtype, shape) in planned.items():
        end = offset + prod(shape) * dtype.itemsize
        header[name] = {"dtype": NAMES[dtype], "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    lists = text.count(b"[") + text.count(b"{")
    if len(text) > MOST_HEADER or len(planned) > MOST_TENSORS or lists > MOST_LISTS:
        raise BadFile(
            f"{path.name} would be too large to be read again",
            where=str(path),
            why=f"{len(planned):,} tensors (at most {MOST_TENSORS:,}), "
            f"{len(text):,} bytes of header ({MOST_HEADER:,}), "
            f"{lists:,} lists ({MOST_LISTS:,})",
            todo=SMALLER,
        )
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(len(text).to_bytes(8, "little"))
            file.write(text)
            for (name, (dtype, shape)), give in zip(planned.items(), tensors, strict=True):
                tensor = give().detach().cpu().contiguous()
                assert (tensor.dtype, tuple(tensor.shape)) == (dtype, shape), name
                if tensor.nbytes:
                    file.write((ctypes.c_char * tensor.nbytes).from_address(tensor.data_ptr()))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        why = error.strerror or str(error)
        raise BadFile(f"{path.name} can't be written", where=str(path), why=why, todo="Name another place.") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
