"""One's own data: what is found, what is refused, and what is told of it."""

import json
import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glasswork import data
from glasswork.data import given
from glasswork.errors import GlassworkError


def put(path: Path, pixels: np.ndarray, **how: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **how)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Emoji as files: 3 classes, 12 of each, in several formats; and beside them all that can go wrong."""
    emoji, root = data.load("emoji", "test"), tmp_path_factory.mktemp("given") / "photos"
    for k in (0, 3, 6):
        for number, i in enumerate(np.flatnonzero(emoji.labels == k)[:12]):
            suffix = (".png", ".webp", ".jpg", ".bmp")[number % 4]
            pixels = data.on_white(emoji.pictures[i]) if suffix in (".jpg", ".bmp") else emoji.pictures[i]
            put(root / emoji.classes[k] / f"{number}{suffix}", pixels)
    (root / "face/empty.png").write_bytes(b"")
    (root / "face/program.png").write_bytes(b"MZ" + bytes(500))
    whole = (root / "animal/0.png").read_bytes()
    (root / "animal/cut.png").write_bytes(whole[: len(whole) // 2])
    (root / "animal/notes.txt").write_text("no picture")
    (root / "loose.png").write_bytes(whole)
    (root / ".hidden.png").write_bytes(whole)
    (root / "vehicle/out.png").symlink_to("/etc/hostname")
    (root / "vehicle/nowhere.png").symlink_to("gone.png")
    (root / "vehicle/within.png").symlink_to("../animal/0.png")
    (root / "elsewhere").symlink_to("/etc")
    shutil.copy(root / "face/0.png", root / "face/copy.png")
    shutil.copy(root / "face/4.png", root / "animal/leak.png")
    png = bytearray(whole)
    png[16:24] = (50_000).to_bytes(4) + (50_000).to_bytes(4)
    png[29:33] = zlib.crc32(png[12:29]).to_bytes(4)
    (root / "face/huge.png").write_bytes(png)
    return root


def test_a_folder_for_each_class(original: Path) -> None:
    files = given.read_pictures(f"folder:{original}")
    assert files.classes == ("animal", "face", "vehicle")
    assert len(files) == 36 + 4 + 3  # those that are broken show it when they are opened
    assert set(files.splits) == {""}
    refused = {problem.path: problem.why for problem in files.problems}
    assert refused == {
        "animal/notes.txt": "no picture, by its name",
        "loose.png": "in no class's folder",
        "vehicle/out.png": "a link that leads out of the folder",
        "vehicle/nowhere.png": "a link that leads nowhere",
        "elsewhere": "a linked folder is not followed",
    }
    first = files.paths.index("face/1.webp")
    assert files.classes[files.labels[first]] == "face"
    assert files.open(first).size == (64, 64)


def test_a_look_finds_what_is_wrong(original: Path) -> None:
    found = given.look(f"folder:{original}")
    json.dumps(found)
    assert found["count"] == 36 + 3
    assert found["classes"] == {"animal": 13, "face": 13, "vehicle": 13}
    assert found["balance"] == 1
    assert found["sizes"] == {"64x64": 39}
    why = {problem["path"]: problem["why"] for problem in found["problems"]}
    assert set(why) >= {"face/empty.png", "face/program.png", "animal/cut.png", "face/huge.png", "loose.png"}
    assert "2500000000 pixels" in why["face/huge.png"]
    assert str(original) not in json.dumps(found["problems"])
    duplicates = {frozenset(group) for group in found["duplicates"]}
    assert frozenset({"face/0.png", "face/copy.png"}) in duplicates
    leaks = {frozenset(group) for group in found["leaks"]}
    assert leaks == {frozenset({"face/4.png", "animal/leak.png"}), frozenset({"animal/0.png", "vehicle/within.png"})}


def test_parts_of_the_folder_are_taken_and_leaks_between_them_told(original: Path, tmp_path: Path) -> None:
    for part, numbers in (("train", range(8)), ("val", range(8, 10)), ("test", [*range(10, 12), 0])):
        for kind in ("face", "animal"):
            for path in (original / kind).iterdir():
                if path.stem.isdecimal() and int(path.stem) in numbers:
                    place = tmp_path / part / kind / path.name
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, place)
    files = given.read_pictures(f"folder:{tmp_path}")
    counts = {part: files.splits.count(part) for part in ("train", "validation", "test")}
    assert counts == {"train": 16, "validation": 4, "test": 6}
    leaks = {frozenset(group) for group in given.look(f"folder:{tmp_path}")["leaks"]}
    assert frozenset({"train/face/0.png", "test/face/0.png"}) in leaks


def test_imagenets_own_folders_and_names(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    for part in ("train", "val"):
        for name in ("n02119789", "n01440764"):
            put(tmp_path / part / name / "a.JPEG", pixels, format="JPEG")
    (tmp_path / "LOC_synset_mapping.txt").write_text("n01440764 tench, Tinca tinca\nn02119789 kit fox\n")
    files = given.read_pictures(f"imagenet:{tmp_path}")
    assert files.classes == ("tench", "kit fox")
    assert sorted(files.splits) == ["test", "test", "train", "train"]
    assert files.problems == ()


def test_a_table_of_pictures(original: Path) -> None:
    table = original / "table.csv"
    lines = ["file;label;split", "face/1.webp;face;train", "../../etc/passwd;face;", "animal/1.webp;animal;test", ";x;"]
    table.write_text("\n".join(lines))
    files = given.read_pictures(f"csv:{table}")
    table.unlink()
    assert files.paths == ("face/1.webp", "animal/1.webp")
    assert (files.classes, files.splits) == (("animal", "face"), ("train", "test"))
    assert len(files.problems) == 2
    assert "line 3" in files.problems[0].path


def test_a_table_of_numbers_and_words(tmp_path: Path) -> None:
    path = tmp_path / "flowers.csv"
    lines = ["5.1,3.5,red,f1,setosa", "7.0,3.2,,f2,versicolor", ",1,red,f3,setosa", "5.1,3.5,red,f1,setosa", "1,1,a,b,"]
    lines += [f"{i},{i},blue,f{i + 6},setosa" for i in range(30)]
    path.write_text("\n".join(["\ufefflength, width ,colour,id,species", *lines]))
    table = given.read_table(f"csv:{path}")
    assert (tuple(table.columns), table.label) == (("length", "width", "colour", "species"), "species")
    np.testing.assert_allclose(table.columns["length"][:4], [5.1, 7.0, np.nan, 5.1])
    assert table.columns["colour"][:4].tolist() == ["red", "", "red", "red"]
    assert {problem.path: problem.why for problem in table.problems} == {
        "line 6": "it has no value for species",
        "column length": "1 of 34 values are missing or no numbers",
        "column colour": "1 of 34 values are missing",
        "column id": "it holds 33 different words: names rather than kinds",
    }
    found = given.look(f"csv:{path}")
    assert found["classes"] == {"setosa": 33, "versicolor": 1}
    assert found["duplicates"] == [["example 0", "example 3"]]
    assert found["columns"]["colour"] == {"words": {"blue": 30, "red": 3}, "distinct": 2, "missing": 1}
    assert found["columns"]["length"]["missing"] == 1
    with pytest.raises(GlassworkError, match="no column called 'x'"):
        given.read_table(f"csv:{path}", "x")


def test_a_text_is_cut_into_three(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("0123456789" * 300, encoding="utf-8")
    text = given.read_text(f"text:{path}")
    assert [len(part) for part in (text.train, text.validation, text.test)] == [2700, 150, 150]
    assert text.letters == tuple("0123456789")
    assert given.look(f"text:{path}")["letters"] == 10


@pytest.mark.parametrize(
    ("spec", "content", "said"),
    [
        ("folder:nothing", None, "no such folder"),
        ("csv:nothing.csv", None, "no such file"),
        ("csv:a.csv", b"one\n1\n", "two columns"),
        ("csv:a.csv", b"a,a\n1,2\n", "each once"),
        ("csv:a.csv", b"a,label,class\n1,2,3\n", "label or class"),
        ("csv:a.csv", b"\xff\xfe\x00", "can't be read"),
        ("csv:a.csv", b"a,b\nx,\n", "none of its 1 lines"),
        ("csv:a.csv", b"a,b\nx,y\n", "no column can be used but 'b'"),
        ("text:a.txt", b"\xff" * 2000, "no text in UTF-8.*byte 0 is 0xff"),
        ("text:a.txt", b"\0" * 2000, "zero bytes"),
        ("text:a.txt", b"short", "5 characters"),
        ("oracle:x", None, "no kind of data"),
    ],
)
def test_what_can_not_be_learned_from_says_why(spec: str, content: bytes | None, said: str, tmp_path: Path) -> None:
    kind, _, place = spec.partition(":")
    if content is not None:
        (tmp_path / place).write_bytes(content)
    with pytest.raises(GlassworkError, match=said):
        given.look(f"{kind}:{tmp_path / place}")


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(GlassworkError, match=r"nothing to learn from.*a folder for each class"):
        given.read_pictures(f"folder:{tmp_path}")
