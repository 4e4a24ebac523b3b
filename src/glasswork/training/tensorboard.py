"""Scalars as TensorBoard reads them, without its package.

torch.utils.tensorboard needs the tensorboard package, which brings grpc, protobuf and a web server along; what is
written here is a few dozen bytes a record. A file is a sequence of records (TFRecord: length, its checksum, data, its
checksum), each an `Event` in protobuf's wire format (tensorflow/core/util/event.proto: wall_time = 1, step = 2,
file_version = 3, summary = 5, session_log = 7; summary.proto: value = 1, with tag = 1 and simple_value = 2).
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Mapping
from pathlib import Path

_POLYNOMIAL = 0x82F63B78  # Castagnoli's, reversed


def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        rows.append(value)
    return tuple(rows)


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """The checksum of RFC 3720, appendix B.4."""
    value = 0xFFFFFFFF
    for byte in data:
        value = _TABLE[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def _masked(data: bytes) -> bytes:
    value = crc32c(data)
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


class EventFile:
    """One file of events in a run's folder; TensorBoard joins several of them to one course."""

    def __init__(self, folder: Path, step: int = 0) -> None:
        name = f"events.out.tfevents.{time.time():.0f}.{socket.gethostname()}.{os.getpid()}"
        self._file = (folder / name).open("ab", buffering=0)
        self._write(_field(3, b"brain.Event:2"), 0)
        if step:  # "started here": what earlier files hold of later steps is superseded
            self._write(_field(7, b"\x08\x01"), step + 1)

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Append named values of one step."""
        entries = (_field(1, name.encode()) + b"\x15" + struct.pack("<f", value) for name, value in values.items())
        self._write(_field(5, b"".join(_field(1, entry) for entry in entries)), step)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write(self, content: bytes, step: int) -> None:
        event = b"\x09" + struct.pack("<d", time.time()) + b"\x10" + _varint(step) + content
        length = struct.pack("<Q", len(event))
        self._file.write(length + _masked(length) + event + _masked(event))
