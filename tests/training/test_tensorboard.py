"""The event files are those of TensorBoard's format, read here by the format's own description."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from glasswork.training.tensorboard import EventFile, crc32c


def test_the_checksum_is_that_of_the_standard() -> None:
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720, B.4
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def records(content: bytes) -> Iterator[bytes]:
    place = 0
    while place < len(content):
        (length,) = struct.unpack_from("<Q", content, place)
        for begin, size in ((place, 8), (place + 12, length)):
            (masked,) = struct.unpack_from("<I", content, begin + size)
            turned = (masked - 0xA282EAD8) & 0xFFFFFFFF
            assert (turned >> 17 | turned << 15) & 0xFFFFFFFF == crc32c(content[begin : begin + size])
        yield content[place + 12 : place + 12 + length]
        place += 16 + length


def number(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place


def message(content: bytes) -> dict[int, list[Any]]:
    """A protobuf message by field number."""
    found: dict[int, list[Any]] = {}
    place = 0
    while place < len(content):
        key, place = number(content, place)
        if key & 7 == 0:
            value, place = number(content, place)
        else:
            size = {1: 8, 5: 4}.get(key & 7)
            if size is None:
                size, place = number(content, place)
            value = content[place : place + size]
            place += size
        found.setdefault(key >> 3, []).append(value)
    return found


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    file = EventFile(tmp_path)
    file.add(7, {"loss": 0.5, "learning_rate": 1e-3})
    file.add(300, {"loss": 0.25})
    file.close()
    (path,) = tmp_path.glob("events.out.tfevents.*")
    first, second, third = [message(record) for record in records(path.read_bytes())]
    assert first[3] == [b"brain.Event:2"]
    assert (second[2], third[2]) == ([7], [300])
    values = [message(entry) for entry in message(second[5][0])[1]]
    assert [value[1] for value in values] == [[b"loss"], [b"learning_rate"]]
    assert [struct.unpack("<f", value[2][0])[0] for value in values] == pytest.approx([0.5, 1e-3])
    assert struct.unpack("<d", second[1][0])[0] > 1.6e9


def test_a_resumed_file_says_from_where(tmp_path: Path) -> None:
    EventFile(tmp_path, step=40).close()
    (path,) = tmp_path.iterdir()
    _, session = [message(record) for record in records(path.read_bytes())]
    assert session[2] == [41]
    assert message(session[7][0])[1] == [1]  # SessionLog.START
