"""C16, C17 for archives: whatever is in one, nothing is unpacked, and each member that is refused is named."""

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glasswork.data import given
from glasswork.errors import GlassworkError


def png(value: int = 0) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.full((4, 4), value, np.uint8)).save(content, "PNG")
    return content.getvalue()


def put(
    archive: tarfile.TarFile, name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.type, entry.linkname = len(content), kind, link
    archive.addfile(entry, io.BytesIO(content))


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_the_layouts_and_formats_are_read(form: int, tmp_path: Path) -> None:
    long = "long" * 40
    with tarfile.open(tmp_path / "n01440764.tar", "w", format=form) as archive:
        put(archive, "n01440764_10026.JPEG", png(1))
        put(archive, "plain.png", png(2))
    with tarfile.open(tmp_path / "folders.tar", "w", format=form) as archive:
        if form != tarfile.USTAR_FORMAT:
            put(archive, f"owl/{long}.png", png(3))
        put(archive, "owl/a.b.png", png(4))
        put(archive, "hen/a.png", png(5))
        put(archive, "hen/a.cls", b"duck\n")
    files = given.read_pictures(f"shards:{tmp_path}")
    found = {int(np.asarray(files.open(i))[0, 0]): files.classes[files.labels[i]] for i in range(len(files))}
    wanted = {1: "n01440764", 2: "n01440764", 4: "owl", 5: "duck"}
    assert found == (wanted if form == tarfile.USTAR_FORMAT else wanted | {3: "owl"})


def test_what_leads_elsewhere_is_refused_and_named(tmp_path: Path) -> None:
    before = sorted(tmp_path.parent.rglob("*"))
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:
        put(archive, "a/good.png", png())
        for name in ("../up.png", "/etc/root.png", "a/../../b.png", "C:/x.png", "..\\w.png"):
            put(archive, name, png())
        put(archive, "soft.png", kind=tarfile.SYMTYPE, link="/etc/passwd")
        put(archive, "hard.png", kind=tarfile.LNKTYPE, link="a/good.png")
        put(archive, "pipe.png", kind=tarfile.FIFOTYPE)
        put(archive, "device.png", kind=tarfile.CHRTYPE)
        put(archive, "a/program.exe", b"MZ")
    files = given.read_pictures(f"shards:{tmp_path / 'evil.tar'}")
    assert len(files) == 1
    assert len(files.problems) == 10
    for name in ("../up.png", "/etc/root.png", "soft.png", "hard.png", "pipe.png", "device.png", "a/program.exe"):
        assert any(name in problem.path for problem in files.problems)
    assert sorted(p for p in tmp_path.parent.rglob("*") if p.name != "evil.tar") == before


def harmed(kind: str) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as archive:
        put(archive, "a/x.png", png())
    content = bytearray(plain.getvalue())
    if kind == "compressed":
        return gzip.compress(bytes(content))
    if kind == "empty":
        return b""
    if kind == "cut":
        return bytes(content[:550])
    if kind == "altered":
        content[3] ^= 1
        return bytes(content)
    entry = tarfile.TarInfo("a/x.png")
    entry.size = {"huge": 10 << 30, "name": 1 << 20}[kind]
    entry.type = b"L" if kind == "name" else tarfile.REGTYPE
    return entry.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 21)


@pytest.mark.parametrize("kind", ["compressed", "empty", "cut", "altered", "huge", "name"])
def test_what_is_no_whole_archive_is_refused_with_its_place(kind: str, tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(harmed(kind))
    with pytest.raises(GlassworkError, match=r"no whole tar archive \(x.tar, byte [\d,]+\)"):
        given.read_pictures(f"shards:{tmp_path / 'x.tar'}")


def test_a_picture_that_is_broken_is_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        put(archive, "a/x.png", png()[:40])
    files = given.read_pictures(f"shards:{tmp_path / 'x.tar'}")
    with pytest.raises(given.BrokenPictureError, match=r"x.tar/a/x.png"):
        files.open(0)


def test_archives_that_are_missing_are_named(tmp_path: Path) -> None:
    (tmp_path / "a-00.tar").write_bytes(b"")
    with pytest.raises(GlassworkError, match=r"a-01\.tar"):
        given.read_pictures(f"shards:{tmp_path}/a-{{00..03}}.tar")
    with pytest.raises(GlassworkError, match="at most"):
        given.read_pictures(f"shards:{tmp_path}/a-{{0..999999999}}.tar")
    (tmp_path / "empty").mkdir()
    with pytest.raises(GlassworkError, match="no tar archive"):
        given.read_pictures(f"shards:{tmp_path / 'empty'}")
