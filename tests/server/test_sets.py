"""Pictures that a page sends with their classes: what is kept where, what is refused, and that nothing leads out."""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import live
import pytest
from PIL import Image

from glasswork.errors import GlassworkError
from glasswork.scenes import sets
from glasswork.scenes.sets import OwnPictures, PictureSets
from glasswork.server.run import LocalServer

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)
MP4 = b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(40)


def huge() -> bytes:
    """A PNG that declares 10,000 x 10,000 pixels."""
    png = bytearray(live.picture())
    png[16:24] = (10_000).to_bytes(4) + (10_000).to_bytes(4)
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4)
    return bytes(png)


class Sender:
    """A page that sends a set."""

    def __init__(self, server: LocalServer) -> None:
        self.client = live.client(server, Origin=server.origin)
        self.sets: PictureSets = server.app.state.sets
        begun = self.client.post("/sets")
        assert begun.status_code == 201
        self.id: str = begun.json()["id"]

    def send(self, body: bytes, kind: str, name: str, type: str = "image/png") -> httpx.Response:
        params = {"class": kind, "name": name}
        return self.client.post(f"/sets/{self.id}", params=params, content=body, headers={"Content-Type": type})


@pytest.fixture
def page(server: LocalServer) -> Iterator[Sender]:
    """A set that was just begun."""
    sender = Sender(server)
    yield sender
    sender.client.close()


def test_a_picture_is_kept_under_its_class_as_it_was(page: Sender) -> None:
    pixels = Image.effect_noise((40, 30), 80)
    out = io.BytesIO()
    pixels.save(out, "PNG")
    answer = page.send(out.getvalue(), "maple leaf", "DSC 1.JPG")
    assert answer.json()["path"] == "maple leaf/DSC 1.png"
    again = page.send(out.getvalue(), "maple leaf", "DSC 1.JPG")
    assert again.json()["path"] == "maple leaf/DSC 1 2.png"
    with Image.open(page.sets.path(page.id) / "maple leaf/DSC 1.png") as kept:
        assert kept.convert("L").tobytes() == pixels.tobytes()


def test_a_large_photo_is_kept_small(page: Sender) -> None:
    path = page.send(live.picture(3000, 1500, "JPEG"), "sky", "a.jpg", "image/jpeg").json()["path"]
    with Image.open(page.sets.path(page.id) / path) as kept:
        assert kept.size == (512, 256)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("../..", "x.png"),
        ("..", "../../../etc/x.png"),
        ("a/../../b", "..\\..\\x.png"),
        ("/etc", "/passwd"),
        ("con", "."),
    ],
)
def test_names_lead_nowhere_else(page: Sender, kind: str, name: str) -> None:
    before = set(page.sets.folder.parent.rglob("*"))
    page.send(live.picture(), kind, name)
    root = page.sets.path(page.id)
    new = set(page.sets.folder.parent.rglob("*")) - before
    assert all(path.resolve().is_relative_to(root.resolve()) for path in new)


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (HEIC, 415, "HEIC"),
        (MP4, 415, "a video"),
        (huge(), 413, "at most 40 million pixels"),
        (b"", 400, "empty"),
        (live.picture(30, 30)[:90], 422, "can't be decoded|cannot be decoded"),
    ],
)
def test_what_is_no_picture_is_refused_and_told_at_the_look(page: Sender, body: bytes, status: int, why: str) -> None:
    page.send(live.picture(), "cat", "good.png")
    answer = page.send(body, "cat", "IMG_0001.jpg", "image/jpeg")
    assert answer.status_code == status
    (told,) = page.sets.refused(page.id)
    assert told["path"] == "cat/IMG_0001.jpg"
    assert any(words in told["why"] for words in why.split("|"))
    assert [path.name for path in page.sets.path(page.id).rglob("*.png")] == ["good.png"]


def test_a_class_can_be_empty(page: Sender) -> None:
    assert page.client.post(f"/sets/{page.id}", params={"class": "dog"}).status_code == 201
    assert (page.sets.path(page.id) / "dog").is_dir()


def test_a_set_has_its_bounds(page: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "MOST", 2)
    found = [page.send(live.picture(8 + i, 8), "a", f"{i}.png").status_code for i in range(3)]
    assert found == [201, 201, 413]


def test_only_the_last_sets_are_kept(tmp_path: Path) -> None:
    held = PictureSets(tmp_path / "sets")
    ids = [held.begin() for _ in range(sets.HELD + 2)]
    assert len(list(held.folder.iterdir())) == sets.HELD
    assert held.path(ids[-1]).is_dir()
    with pytest.raises(GlassworkError, match="gone"):
        held.path(ids[0])
    for wrong in ("../runs", "0" * 15, "", "." * 16):
        with pytest.raises(GlassworkError, match="gone"):
            held.path(wrong)


def test_a_run_takes_its_set_along(tmp_path: Path) -> None:
    held = PictureSets(tmp_path / "sets")
    id = held.begin()
    held.add(id, "cat", "1", live.picture())
    held.refuse(id, "cat", "bad.jpg", "broken")
    own = OwnPictures(held, folders=True)
    kept = own.kept(f"set:{id}", tmp_path / "run")
    assert [path.relative_to(kept).as_posix() for path in kept.rglob("*") if path.is_file()] == ["cat/1.png"]
    assert own.kept(f"folder:{kept}", tmp_path / "other") == kept
    assert own.refused(f"set:{id}") == [{"path": "cat/bad.jpg", "why": "broken"}]


def test_a_page_of_another_machine_names_no_folder(tmp_path: Path) -> None:
    own = OwnPictures(PictureSets(tmp_path), folders=False)
    with pytest.raises(GlassworkError, match="may not name a folder"):
        own.place(f"folder:{tmp_path}")
    for wrong in ("", "set:", "file:/etc", "data:fashion-mnist"):
        with pytest.raises(GlassworkError):
            OwnPictures(PictureSets(tmp_path), folders=True).place(wrong)
