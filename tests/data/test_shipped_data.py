"""The files that ship: recorded, small, whole, and without pickles."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from glasswork import data
from glasswork.data import _shipped
from glasswork.errors import GlassworkError

MANIFEST = json.loads((_shipped.SHIPPED / "manifest.json").read_text())


def test_every_file_is_in_the_manifest_with_its_hash_and_nothing_else_is_there() -> None:
    listed = {file["path"]: file for entry in MANIFEST["data"] for file in entry["files"]}
    present = {path.relative_to(_shipped.SHIPPED).as_posix() for path in _shipped.SHIPPED.rglob("*") if path.is_file()}
    assert present - {"manifest.json", "NOTICES.md"} == set(listed)
    for name, file in listed.items():
        content = (_shipped.SHIPPED / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])


def test_what_ships_stays_small_and_holds_no_pickle() -> None:
    files = [path for path in _shipped.SHIPPED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 14.5e6  # of the 15 MB that are planned
    assert {path.suffix for path in files} <= {".gz", ".webp", ".json", ".md"}


def test_every_data_set_has_a_licence_an_origin_and_a_notice() -> None:
    notices = (_shipped.SHIPPED / "NOTICES.md").read_text()
    for needed in (
        "Juan Cazala",
        "Zalando SE",
        "Twemoji",
        "CC-BY 4.0",
        "Noto Emoji",
        "Apache License 2.0",
        "Cal Henderson",
        "Herman Melville",
        "statsmodels",
        "JapaneseVowels",
        "Miles Johnson",
        "CC0Textures",
        "danielbuechele",
        "vultilion",
    ):
        assert needed in notices
    for entry in data.catalogue():
        assert entry.licence
        assert entry.origin
        assert entry.what


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shipped"
    (folder / "mnist").mkdir(parents=True)
    for name in ("manifest.json", "mnist/held_out.json"):
        shutil.copyfile(_shipped.SHIPPED / name, folder / name)
    monkeypatch.setattr(_shipped, "SHIPPED", folder)
    return folder


def test_a_flipped_bit_is_found_and_the_file_named(copy: Path) -> None:
    path = copy / "mnist" / "held_out.json"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    with pytest.raises(GlassworkError, match="was changed") as caught:
        _shipped.read_shipped("mnist/held_out.json")
    assert caught.value.where == str(path)
    assert "sha256" in caught.value.why


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "mnist" / "held_out.json").unlink()
    with pytest.raises(GlassworkError, match="missing") as caught:
        _shipped.read_shipped("mnist/held_out.json")
    assert caught.value.todo


@pytest.mark.parametrize("content", [b"", b"PK", b"\x1f\x8b\x08garbage"])
def test_what_is_no_idx_file_is_refused(content: bytes) -> None:
    with pytest.raises(GlassworkError, match="no IDX file"):
        _shipped.parse_idx(content, "x.gz")
