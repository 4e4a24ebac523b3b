"""The files that ship, checked against the manifest as they are read."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from functools import cache
from pathlib import Path

import numpy as np

from glasswork.errors import GlassworkError

SHIPPED = Path(__file__).parent / "shipped"
REINSTALL = "Install Glasswork again; in a checkout, `git checkout` brings the file back."


@cache
def _hashes() -> dict[str, str]:
    content = json.loads((SHIPPED / "manifest.json").read_text(encoding="utf-8"))
    return {file["path"]: file["sha256"] for entry in content["data"] for file in entry["files"]}


def read_shipped(name: str) -> bytes:
    """The bytes of a shipped file, which are those that the manifest names.

    Args:
        name: the path below data/shipped, with forward slashes.

    Raises:
        GlassworkError: the file is missing or changed.
    """
    path = SHIPPED / name
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GlassworkError(
            "a data file that ships is missing", where=str(path), why=error.strerror or str(error), todo=REINSTALL
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != _hashes()[name]:
        raise GlassworkError(
            "a data file that ships was changed",
            where=str(path),
            why=f"its sha256 should be {_hashes()[name][:12]}..., and is {found[:12]}...",
            todo=REINSTALL,
        )
    return content


def parse_idx(content: bytes, where: str) -> np.ndarray:
    """Parse a gzipped IDX file of bytes, the format of MNIST (magic number 0x0801 or 0x0803, sizes big-endian).

    Args:
        content: the gzipped file.
        where: its name, for the error.

    Returns:
        uint8, of the sizes that the header names.

    Raises:
        GlassworkError: it isn't such a file, or not whole.
    """
    try:
        with gzip.open(io.BytesIO(content)) as file:
            raw = file.read()
        if raw[:3] != b"\0\0\x08":
            raise ValueError(f"magic number {raw[:4].hex()}, expected 000008..")
        rank = raw[3]
        shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(rank)]
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape).copy()
    except (OSError, EOFError, ValueError, IndexError) as error:
        raise GlassworkError("this is no IDX file of bytes", where=where, why=str(error)) from error
