"""Sets of pictures that pages sent, a folder for each class: what a classifier of one's own is taught by."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from pathlib import Path

from glasswork.data.given.files import existing
from glasswork.errors import GlassworkError

ID = re.compile(r"[0-9a-f]{16}")
MOST = 2_000  # pictures of one set
BYTES = 2 << 30  # of one set, as they are kept
HELD = 12  # sets; the one that was begun longest ago goes first
REFUSED = ".refused.jsonl"


class FullError(GlassworkError):
    """A set that takes no more."""


class PictureSets:
    """The sets of this user: below a folder, SET/CLASS/NAME.png.

    Args:
        folder: where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self) -> str:
        """An empty set; its id."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = sorted(self.folder.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for old in held[HELD - 1 :]:
            shutil.rmtree(old, ignore_errors=True)
        id = secrets.token_hex(8)
        (self.folder / id).mkdir(mode=0o700)
        return id

    def path(self, id: str) -> Path:
        """Where a set lies.

        Raises:
            GlassworkError: there is none of this id.
        """
        path = self.folder / id
        if not ID.fullmatch(id) or not path.is_dir():
            todo = "Give the pictures again."
            why = "only the last few sets are kept"
            raise GlassworkError("these pictures are gone", where=f"set:{id[:40]}", why=why, todo=todo)
        return path

    def check_room(self, id: str) -> None:
        """Whether one more picture fits.

        Raises:
            FullError: it does not.
        """
        held = [one.stat().st_size for one in self.path(id).rglob("*.png")]
        if len(held) >= MOST or sum(held) > BYTES:
            why = f"a set that a page sends has at most {MOST:,} pictures and {BYTES >> 30} GB"
            todo = "Name the folder on disk: it is read where it lies."
            raise FullError("this set is full", where=f"set:{id}", why=why, todo=todo)

    def begin_class(self, id: str, kind: str) -> None:
        """Make a class's folder, which may stay empty."""
        (self.path(id) / kind).mkdir(mode=0o700, exist_ok=True)

    def add(self, id: str, kind: str, name: str, png: bytes) -> str:
        """Keep a picture of a class; its path below the set. A second one of a name gets another."""
        self.begin_class(id, kind)
        number = 1
        while True:
            path = self.path(id) / kind / f"{name}{f' {number}' if number > 1 else ''}.png"
            try:
                with path.open("xb") as file:
                    file.write(png)
                return path.relative_to(self.folder / id).as_posix()
            except FileExistsError:
                number += 1

    def refuse(self, id: str, kind: str, name: str, why: str) -> None:
        """Note a file that was refused, so that a look at the set can tell of it."""
        with (self.path(id) / REFUSED).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"path": f"{kind}/{name}", "why": why}) + "\n")

    def refused(self, id: str) -> list[dict[str, str]]:
        """Every file that was refused, and why."""
        try:
            lines = (self.path(id) / REFUSED).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]

    def keep(self, id: str, folder: Path) -> None:
        """Copy a set to where it stays, without using room twice where the disk can do that.

        Args:
            id: of the set.
            folder: which is not there yet.
        """
        shutil.copytree(self.path(id), folder, ignore=shutil.ignore_patterns(REFUSED), copy_function=_linked)


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no such links
        shutil.copyfile(source, target)


class OwnPictures:
    """What a page may name as pictures: the sets that were sent, and folders of this machine where it may know those.

    Args:
        sets: None where none can be sent.
        folders: whether pages may name folders; others than this machine's own user must not.
    """

    def __init__(self, sets: PictureSets | None, folders: bool) -> None:
        self.sets, self.folders = sets, folders

    def place(self, pictures: str) -> Path:
        """The folder that `set:ID` or `folder:PLACE` stands for.

        Raises:
            GlassworkError: there is none, or pages may not name folders.
        """
        kind, _, named = pictures.partition(":")
        if kind == "set" and self.sets is not None:
            return self.sets.path(named)
        if kind == "folder" and self.folders:
            return existing(named.strip(), folder=True)
        if kind == "folder":
            raise GlassworkError(
                "this page may not name a folder",
                where=named[:80],
                why="glasswork serves other machines too, and would show them files of this one",
                todo="Drop the pictures on the page, or: glasswork train classify --data folder:DIR.",
            )
        raise GlassworkError("this names no pictures", where=pictures[:80], why="it is set:ID or folder:PLACE")

    def refused(self, pictures: str) -> list[dict[str, str]]:
        """The files of a set that were not taken, and why."""
        kind, _, id = pictures.partition(":")
        return self.sets.refused(id) if kind == "set" and self.sets is not None else []

    def kept(self, pictures: str, run: Path) -> Path:
        """Where a run finds its pictures: of a set they go with the run, a folder of the reader's stays where it is."""
        kind, _, id = pictures.partition(":")
        if kind != "set" or self.sets is None:
            return self.place(pictures)
        self.sets.keep(id, run / "pictures")
        return (run / "pictures").resolve()
