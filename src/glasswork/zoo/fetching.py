"""Files from elsewhere: looked for where pip looks, resumed where broken off, kept only when the hash is right.

Nothing that is fetched is installed or executed: pip is asked for the address of an archive alone, and only of wheels,
since to find out about any other kind pip would run code that came with it. The archive is then read as a zip file.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from glasswork.errors import GlassworkError

Progress = Callable[[int, int], None]
"""Told the bytes that are here, and those that there will be."""

CHUNK = 1 << 18
TRIES = 5
TIMEOUT = 60
PATIENCE = 300  # seconds for pip to find a file


def file_hash(path: Path) -> str:
    """sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def begins_with(path: Path, sha256: str) -> bool:
    """Whether the sha256 of a file is this one, or begins with these digits of it."""
    return file_hash(path).startswith(sha256)


def length(address: str) -> int:
    """How many bytes the other side says that a file has; 0 when it does not say.

    Raises:
        OSError, ValueError: it can't be reached, or says no number.
    """
    with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=TIMEOUT) as answer:
        return int(answer.headers.get("Content-Length") or 0)


def locate(package: str, version: str, sha256: str) -> str:
    """The address of a wheel, wherever this machine's pip finds packages.

    Args:
        package: its name.
        version: exactly which.
        sha256: what the index must say of it.

    Raises:
        GlassworkError: there is no pip, it finds nothing, or another file.
    """
    wanted = f"{package}=={version}"
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed", "--no-input"]
    command += ["--only-binary", ":all:", "--quiet", "--disable-pip-version-check", "--report", "-", wanted]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=PATIENCE)
        said = done.stderr.strip().splitlines()
        if done.returncode:
            last = next((line for line in reversed(said) if line.startswith("ERROR")), said[-1] if said else "")
            raise GlassworkError(f"pip finds no {wanted}", why=last[:300] or f"it ended with {done.returncode}")
        found = json.loads(done.stdout)["install"][0]["download_info"]
        address = str(found["url"])
        hashes = found.get("archive_info", {}).get("hashes", {})
    except subprocess.TimeoutExpired as error:
        raise GlassworkError(f"pip finds no {wanted}", why=f"it took longer than {PATIENCE} seconds") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise GlassworkError(f"pip's report on {wanted} can't be read", why=f"{type(error).__name__}") from error
    if hashes.get("sha256", sha256) != sha256:
        raise _altered(wanted, sha256, hashes["sha256"])
    return address


def download(
    address: str, path: Path, *, sha256: str, size: int, progress: Progress = lambda done, total: None
) -> None:
    """Fetch a file, going on where an earlier attempt broke off.

    Args:
        address: https, http or file; whatever comes is compared with the hash.
        path: where the finished file goes; until then what there is stands beside it, with `.part` at the end.
        sha256: of the whole file, or the first digits of it where no more are known.
        size: its bytes; no more are read.
        progress: called after each piece.

    Raises:
        GlassworkError: the network fails again and again, the disk is full, or another file came.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    for attempt in range(TRIES):
        try:
            _go_on(address, part, size, progress)
            break
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            last = isinstance(error, urllib.error.HTTPError) and error.code in (401, 403, 404, 410)
            if last or attempt == TRIES - 1:
                here = part.stat().st_size if part.is_file() else 0
                why = f"{type(error).__name__}: {getattr(error, 'reason', None) or error}"
                todo = f"{here:,} of {size:,} bytes are here; the same command goes on from there."
                raise GlassworkError(f"{path.name} can't be fetched", why=why[:300], todo=todo) from error
            time.sleep(2**attempt / 4)
        except OSError as error:
            raise GlassworkError(
                f"{path.name} can't be written",
                where=str(part),
                why=error.strerror or str(error),
                todo="Free some space.",
            ) from error
    found = file_hash(part)
    if not found.startswith(sha256):
        part.unlink()
        raise _altered(path.name, sha256, found)
    part.replace(path)


def _go_on(address: str, part: Path, size: int, progress: Progress) -> None:
    """Append what is missing; from the beginning, where the other side can't begin in the middle."""
    here = part.stat().st_size if part.is_file() else 0
    if here > size:
        part.unlink()
        here = 0
    if here == size:
        return
    request = urllib.request.Request(address, headers={"Range": f"bytes={here}-"} if here else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        middle = getattr(answer, "status", None) == 206
        here = here if middle else 0
        with part.open("ab" if middle else "wb") as file:
            while here < size and (piece := answer.read(min(CHUNK, size - here))):
                file.write(piece)
                here += len(piece)
                progress(here, size)
    if here < size:
        raise ConnectionError(f"the connection ended after {here:,} of {size:,} bytes")


def _altered(name: str, wanted: str, found: str) -> GlassworkError:
    return GlassworkError(
        f"{name} is not the file that it should be",
        why=f"its sha256 should begin with {wanted[:16]}, and begins with {found[:16]}",
        todo="It was damaged on the way, or altered; fetch it again, and if that fails, do not use it.",
    )
