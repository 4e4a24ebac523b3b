"""Where the pictures that people give are kept: one file each, named by its content, for this user only."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path

import platformdirs

from glasswork.errors import GlassworkError

BYTES = 256 << 20  # all pictures together; the ones used longest ago go first
ID = re.compile(r"[0-9a-f]{32}")


class InputStore:
    """Pictures by id, as PNG, within a bound of bytes."""

    def __init__(self, folder: Path, most: int = BYTES) -> None:
        self.folder = folder
        self.most = most

    def add(self, png: bytes) -> str:
        """Keep a picture; its id says what it holds."""
        name = hashlib.sha256(png).hexdigest()[:32]
        path = self.path(name)
        if not path.exists():
            # mkstemp makes files that only this user can read; the rename makes it appear whole or not at all.
            handle, temporary = tempfile.mkstemp(dir=self.folder, suffix=".part")
            with os.fdopen(handle, "wb") as file:
                file.write(png)
            os.replace(temporary, path)
        os.utime(path)
        self.trim()
        return name

    def read(self, name: str) -> bytes:
        """The PNG of a picture.

        Raises:
            GlassworkError: there is none of that id, or it is not what was kept.
        """
        todo = "Give the picture again."
        if not ID.fullmatch(name):
            raise no_id()
        try:
            png = self.path(name).read_bytes()
        except OSError as error:
            raise GlassworkError(
                "this picture is gone", where=f"inputs/{name}", why="it made room for newer ones", todo=todo
            ) from error
        if hashlib.sha256(png).hexdigest()[:32] != name:
            raise GlassworkError(
                "this picture is damaged", where=f"inputs/{name}", why="its bytes were changed on disk", todo=todo
            )
        return png

    def path(self, name: str) -> Path:
        """Where a picture of this id lies."""
        return self.folder / f"{name}.png"

    def trim(self) -> None:
        """Remove what was used longest ago, until the rest is within the bound; the newest always stays."""
        found = sorted(((entry.stat().st_mtime_ns, entry) for entry in self.folder.glob("*.png")), reverse=True)
        held = 0
        for place, (_, path) in enumerate(found):
            held += path.stat().st_size
            if place and held > self.most:
                path.unlink(missing_ok=True)


def no_id() -> GlassworkError:
    """What is said of an id that can be none."""
    return GlassworkError(
        "this is no picture's id", where="inputs", why="an id is 32 hexadecimal digits", todo="Give the picture again."
    )


def open_store(home: Path | None) -> tuple[InputStore, str]:
    """The store of this user, and a line of notice when it could not lie where it should."""
    folder, notice = open_home(home)
    return InputStore(folder / "inputs"), notice


def open_home(home: Path | None = None) -> tuple[Path, str]:
    """The folder that holds this user's pictures and runs, and a line of notice when it could not be where it should.

    Args:
        home: another one than GLASSWORK_HOME or the user's cache folder.
    """
    wanted = home or default_home()
    try:
        own(wanted)
    except OSError as error:
        folder = Path(tempfile.mkdtemp(prefix="glasswork-"))
        own(folder)
        why = error.strerror or type(error).__name__
        notice = f"Pictures and runs are kept in {folder} until the next start: {wanted} cannot be written ({why})."
        return folder, f"{notice} GLASSWORK_HOME names another folder."
    return wanted, ""


def own(home: Path) -> None:
    """Make the folders of a home, which only this user can open, and see that they can be written."""
    for part in ("inputs", "traces"):
        folder = home / part
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        tempfile.TemporaryFile(dir=folder).close()


def default_home() -> Path:
    """GLASSWORK_HOME, or this user's cache folder for Glasswork."""
    named = os.environ.get("GLASSWORK_HOME")
    return Path(named) if named else platformdirs.user_cache_path("glasswork")
