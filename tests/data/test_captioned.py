"""A folder of captioned pictures as people have them, and as nobody should."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from glasswork.data.given import read_captioned
from glasswork.errors import GlassworkError


def picture(path: Path, text: str | bytes | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (len(path.name), 0, 0)).save(path)
    if isinstance(text, bytes):
        path.with_suffix(".txt").write_bytes(text)
    elif text is not None:
        path.with_suffix(".txt").write_text(text, encoding="utf-8")


def test_each_line_is_a_way_to_say_it_in_any_depth_of_folders(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", "\ufeffa red  heart\n\n ein rotes Herz \n")
    picture(tmp_path / "deep" / "er" / "b.jpg", "日本語")
    files = read_captioned(f"captioned:{tmp_path}")
    assert files.paths == ("a.png", "deep/er/b.jpg")
    assert files.texts == (("a red heart", "ein rotes Herz"), ("日本語",))
    assert files.problems == ()


def test_what_is_held_out_depends_on_the_names_alone(tmp_path: Path) -> None:
    for i in range(40):
        picture(tmp_path / f"{i}.png", f"number {i}")
    files = read_captioned(f"captioned:{tmp_path}")
    assert sum(files.held_out) == 4
    (tmp_path / "0.txt").write_text("something else")
    assert read_captioned(f"captioned:{tmp_path}").held_out == files.held_out


def test_what_can_not_be_used_is_told_with_its_reason(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    picture(folder / "a.png", "a")
    picture(folder / "b.png", "b")
    picture(folder / "bytes.png", b"\xff\xfe\x00")
    picture(folder / "empty.png", " \n")
    picture(folder / "huge.png", "word " * 50_000)
    picture(folder / "silent.png", None)
    (folder / "program.exe").write_bytes(b"MZ")
    picture(tmp_path / "outside.png", "secret")
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    picture(folder / "linked.png", None)
    (folder / "linked.txt").symlink_to(tmp_path / "outside.txt")
    files = read_captioned(f"captioned:{folder}")
    assert files.paths == ("a.png", "b.png")
    why = {one.path: one.why for one in files.problems}
    assert set(why) >= {"bytes.png", "empty.png", "huge.png", "silent.png", "program.exe", "link.png", "linked.png"}
    assert "UTF-8" in why["bytes.png"]
    assert "empty" in why["empty.png"]
    assert "100,000 bytes" in why["huge.png"]
    assert "no silent.txt" in why["silent.png"]
    assert not any("secret" in text for texts in files.texts for text in texts)


def test_a_caption_of_endless_length_is_cut(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", "x" * 50_000)
    picture(tmp_path / "b.png", "b")
    assert len(read_captioned(f"captioned:{tmp_path}").texts[0][0]) == 1_000


def test_one_picture_is_not_enough(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", "a")
    with pytest.raises(GlassworkError, match=r"1 of its pictures have captions.*NAME\.txt beside NAME\.png"):
        read_captioned(f"captioned:{tmp_path}")
