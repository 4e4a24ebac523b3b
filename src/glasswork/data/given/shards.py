"""Labelled pictures in tar archives, which are read where they lie and never unpacked: shards:DIR/name-{000..127}.tar.

The layouts that are known: a picture and its class side by side (000.jpg, 000.cls: a number or a name), a folder for
each class, or an archive for each class, as ILSVRC comes (n01440764.tar, or n01440764_10026.JPEG).
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, overload

import numpy as np
from PIL import Image

from glasswork.data.given.files import Problem, existing
from glasswork.data.given.pictures import MOST_BYTES, SUFFIXES, BrokenPictureError, broken, decoded
from glasswork.data.given.tables import PARTS
from glasswork.data.given.tars import BLOCK, header_name, members
from glasswork.errors import GlassworkError

MOST_SHARDS = 100_000
MOST_CLASS = 1_000  # bytes of a .cls file
SPLITS = ("", "train", "validation", "test")
SYNSET = re.compile(r"(n\d{8})_\d+")

Opener = Callable[[Path], BinaryIO]


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


@dataclass(frozen=True)
class ShardFiles:
    """Pictures in archives, in the archives' order: what PictureFiles is for a folder.

    Attributes:
        spec: what was asked for.
        shards: the archives.
        shard: which one each picture is in, (N,).
        offset, size: which of its bytes, (N,).
        labels: int64, (N,); indices into classes.
        hashes: of each picture's name, uint64, (N,): by them pictures are held out, since reading all would take long.
        part: of SPLITS, by the archive's name (train-000.tar, val-000.tar), (N,).
        classes: the name of each.
        problems: what is not used.
        opener: opens an archive for reading; what it returns can seek.
    """

    spec: str
    shards: tuple[Path, ...]
    shard: np.ndarray
    offset: np.ndarray
    size: np.ndarray
    labels: np.ndarray
    hashes: np.ndarray
    part: np.ndarray
    classes: tuple[str, ...]
    problems: tuple[Problem, ...] = ()
    opener: Opener = field(default=_open, repr=False)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def paths(self) -> Sequence[str]:
        """The pictures' names, each read when it is asked for."""
        return _Names(self)

    @property
    def splits(self) -> tuple[str, ...]:
        """Of each picture: train, validation, test, or empty."""
        return tuple(SPLITS[i] for i in self.part.tolist())

    def take(self, indices: Sequence[int] | np.ndarray) -> ShardFiles:
        """The pictures at these indices, in this order."""
        index = np.asarray(indices, np.int64)
        columns = ("shard", "offset", "size", "labels", "hashes", "part")
        return replace(self, **{name: getattr(self, name)[index] for name in columns})

    def digest(self, index: int) -> str:
        """What stands for the picture's content: its name's hash."""
        return f"{int(self.hashes[index]):016x}"

    def open(self, index: int) -> Image.Image:
        """One picture, decoded.

        Raises:
            BrokenPictureError: it can't be.
        """
        try:
            ((_, content),) = self.read([index])
        except OSError as error:
            raise broken(self.paths[index], error.strerror or str(error)) from error
        return self.decode(index, content)

    def decode(self, index: int, content: bytes) -> Image.Image:
        """A picture from its bytes; errors as `open`."""
        try:
            return decoded(io.BytesIO(content), "")
        except BrokenPictureError as error:
            raise broken(self.paths[index], error.why) from error

    def read(self, indices: Sequence[int] | np.ndarray) -> Iterator[tuple[int, bytes]]:
        """The bytes of pictures, in this order; an archive is opened once for all that follow each other in it.

        Raises:
            OSError: an archive can't be read any more.
        """
        held, file = -1, None
        try:
            for i in indices:
                if self.shard[i] != held:
                    if file is not None:
                        file.close()
                    held = int(self.shard[i])
                    file = self.opener(self.shards[held])
                assert file is not None
                if file.tell() != self.offset[i]:
                    file.seek(int(self.offset[i]))
                yield int(i), file.read(int(self.size[i]))
        finally:
            if file is not None:
                file.close()


class _Names(Sequence[str]):
    def __init__(self, files: ShardFiles) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(len(self))[index]]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        path = self._files.shards[self._files.shard[index]]
        try:
            with self._files.opener(path) as file:
                file.seek(int(self._files.offset[index]) - BLOCK)
                return f"{path.name}/{header_name(file.read(BLOCK))}"
        except OSError:
            return f"{path.name}, byte {self._files.offset[index]:,}"


def shard_paths(place: str) -> list[Path]:
    """The archives that DIR/name-{000..127}.tar, a folder of them, or one of them names.

    Raises:
        GlassworkError: there are none, or one is missing.
    """
    found = re.fullmatch(r"(.*)\{(\d+)\.\.(\d+)\}([^{}]*)", place)
    if found is None and Path(place).expanduser().is_dir():
        paths = sorted(path for path in Path(place).expanduser().glob("*.tar") if not path.name.startswith("."))
        if not paths:
            raise GlassworkError("there is no tar archive in this folder", where=place, todo="Name DIR/NAME.tar.")
        return paths[:MOST_SHARDS]
    if found is None:
        return [existing(place, folder=False)]
    before, first, last, after = found.groups()
    if not 0 <= int(last) - int(first) < MOST_SHARDS:
        raise GlassworkError("these are no archives", where=place, why=f"{first} to {last}: at most {MOST_SHARDS:,}")
    return [existing(f"{before}{i:0{len(first)}d}{after}", folder=False) for i in range(int(first), int(last) + 1)]


def read_shards(spec: str, opener: Opener = _open) -> ShardFiles:
    """Find the pictures of some archives; of each only its header is read.

    Args:
        spec: shards:DIR/name-{000..127}.tar, shards:DIR or shards:FILE.tar.
        opener: opens an archive.

    Raises:
        GlassworkError: one of them is missing, or is no tar archive.
    """
    paths = shard_paths(spec.partition(":")[2])
    problems: list[Problem] = []
    found: list[tuple[int, int, int, str, int, int]] = []  # shard, offset, size, class, hash, part
    for number, path in enumerate(paths):
        part = SPLITS.index(PARTS.get(re.split(r"[-_.]", path.stem.lower())[0], ""))
        with opener(path) as file:
            for name, offset, size, kind in _pictures(file, path, problems):
                key = int.from_bytes(hashlib.sha256(f"{path.stem}/{name}".encode()).digest()[:8])
                found.append((number, offset, size, kind, key, part))
    names = sorted({row[3] for row in found}, key=_rank)
    places = {name: i for i, name in enumerate(names)}
    return ShardFiles(
        spec=spec,
        shards=tuple(paths),
        shard=np.array([row[0] for row in found], np.int32),
        offset=np.array([row[1] for row in found], np.int64),
        size=np.array([row[2] for row in found], np.int64),
        labels=np.array([places[row[3]] for row in found], np.int64),
        hashes=np.array([row[4] for row in found], np.uint64),
        part=np.array([row[5] for row in found], np.int8),
        classes=tuple(names),
        problems=tuple(problems),
        opener=opener,
    )


def _pictures(file: BinaryIO, path: Path, problems: list[Problem]) -> Iterator[tuple[str, int, int, str]]:
    """Name, offset, size and class of each picture; files of one key stand side by side."""
    waiting: tuple[str, str, int, int] | None = None  # key, name, offset, size
    told: tuple[str, str] = ("", "")  # key, class
    for member in members(file, path.name, problems):
        folder, _, base = member.name.rpartition("/")
        stem, _, suffix = base.partition(".")
        key = f"{folder}/{stem}"
        if waiting and waiting[0] != key:
            yield *waiting[1:], _class_of(waiting[1], path, told[1] if told[0] == waiting[0] else "")
            waiting = None
        if suffix.lower() == "cls":
            file.seek(member.offset)
            told = (key, file.read(min(member.size, MOST_CLASS)).decode(errors="replace").strip())
        elif f".{suffix.lower().rpartition('.')[2]}" not in SUFFIXES:
            problems.append(Problem(f"{path.name}: {member.name[:200]}", "no picture, by its name"))
        elif member.size > MOST_BYTES:
            problems.append(Problem(f"{path.name}: {member.name[:200]}", f"it has {member.size:,} bytes"))
        else:
            waiting = (key, member.name, member.offset, member.size)
    if waiting:
        yield *waiting[1:], _class_of(waiting[1], path, told[1] if told[0] == waiting[0] else "")


def _class_of(name: str, path: Path, told: str) -> str:
    parts = [part for part in name.split("/") if part != "."]
    synset = SYNSET.match(parts[-1])
    return told or (parts[-2] if len(parts) > 1 else synset.group(1) if synset else path.stem)


def _rank(name: str) -> tuple[bool, int, str]:
    """Classes that are numbers in the numbers' order."""
    return (False, int(name), name) if name.isdecimal() else (True, 0, name)
