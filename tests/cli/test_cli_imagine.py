"""`glasswork imagine`: pictures from words on the disk, the same ones again, and what is said when it can't be done."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from imagining import small_pipeline

Call = Callable[..., Any]


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Stable Diffusion in miniature with random weights, in the layout of diffusers."""
    return small_pipeline(tmp_path_factory.mktemp("model")).removeprefix("hf:")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def picture(path: Path, width: int = 16, height: int = 16, seed: int = 0) -> Path:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as opened:
        return np.asarray(opened, float)


def test_words_become_a_file_and_the_same_words_the_same_bytes(call: Call, here: Path, pipeline: str) -> None:
    first = call("imagine", "a red heart", "--network", pipeline, "--steps", "3", "--seed", "3", "--json")
    assert (first.code, first.err) == (0, "")
    told = json.loads(first.out)
    assert told["files"] == ["a-red-heart-3.png"]
    assert [token["text"] for token in told["tokens"]][:2] == ["a", "red"]
    assert (told["steps"], told["seed"], told["sampler"], told["cut"]) == (3, 3, "ddim", 1)
    with Image.open(here / "a-red-heart-3.png") as made:
        assert (made.size, made.mode) == ((16, 16), "RGB")
    again = json.loads(
        call("imagine", "a red heart", "--network", pipeline, "--steps", "3", "--seed", "3", "--json").out
    )
    assert again["files"] == ["a-red-heart-3-2.png"], "an earlier picture was overwritten"
    assert (here / again["files"][0]).read_bytes() == (here / "a-red-heart-3.png").read_bytes()
    call("imagine", "a red heart", "--network", pipeline, "--steps", "3", "--seed", "4", "-o", "out/other.png")
    assert (here / "out" / "other.png").read_bytes() != (here / "a-red-heart-3.png").read_bytes()


@pytest.mark.parametrize("prompt", ["", "word " * 500, "\x1b[31m日本語 🎈 \u202e"])
def test_any_prompt_is_read_and_what_does_not_fit_is_said(call: Call, here: Path, pipeline: str, prompt: str) -> None:
    said = call("imagine", prompt, "--network", pipeline, "--steps", "1")
    assert said.code == 0
    assert ("did not fit" in said.out) == (prompt != "")
    assert "\x1b" not in said.out
    assert len(list(here.glob("*.png"))) == 1


def test_a_picture_is_begun_from_at_any_size_and_little_strength_changes_little(
    call: Call, here: Path, pipeline: str
) -> None:
    picture(here / "wide.png", 60, 20)
    for strength in ("0.05", "1"):
        line = [
            "imagine",
            "x",
            "--network",
            pipeline,
            "--from",
            "wide.png",
            "--strength",
            strength,
            "-o",
            f"{strength}.png",
        ]
        assert call(*line, "--steps", "20").code == 0
    near, far = (pixels(here / f"{s}.png") for s in ("0.05", "1"))
    assert near.shape == (16, 16, 3)
    assert np.abs(near - far).mean() > 1


def test_every_picture_of_a_folder_is_taken_and_what_is_none_is_told(call: Call, here: Path, pipeline: str) -> None:
    folder = here / "given"
    folder.mkdir()
    picture(folder / "a.png", seed=1)
    picture(folder / "b.jpg", 30, 30, seed=2)
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("x")
    said = call("imagine", "x", "--network", pipeline, "--from", "given", "--steps", "4", "-o", "out", "--json")
    told = json.loads(said.out)
    assert said.code == 0
    assert sorted(path.name for path in (here / "out").iterdir()) == ["a.png", "b.png"]
    assert [one["file"] for one in told["skipped"]] == ["given/broken.png"]
    assert told["strength"] == 0.6


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        ("--steps 0", 1, "from 1 to 1,000"),
        ("--steps 10000", 1, "from 1 to 1,000"),
        ("--guidance 1000", 1, "guidance of 1000"),
        ("--guidance nan", 2, "--guidance"),
        ("--sampler heun", 1, "ddim"),
        ("--seed -1", 2, "--seed"),
        ("--strength 0.5", 2, "--from"),
        ("--from nothing.png --strength 2", 2, "--strength"),
        ("--from nothing.png", 1, "nothing.png"),
        ("--from empty", 1, "no pictures to begin from"),
        ("-o heart.gif", 2, "heart.gif"),
        ("-o taken/heart.png", 1, "taken"),
    ],
)
def test_what_can_not_be_done_is_one_line_and_leaves_nothing(
    call: Call, here: Path, pipeline: str, more: str, code: int, says: str
) -> None:
    (here / "empty").mkdir()
    (here / "taken").write_text("a file, no folder")
    said = call("imagine", "x", "--network", pipeline, "--steps", "2", *more.split())
    assert said.code == code
    assert says in said.err
    assert said.err.count("\n") == 1
    assert not list(here.rglob("*.png"))


def test_guidance_below_zero_is_computed_with(call: Call, here: Path, pipeline: str) -> None:
    assert call("imagine", "x", "--network", pipeline, "--steps", "2", "--guidance", "-5").code == 0


def test_what_makes_no_pictures_is_refused(call: Call, here: Path) -> None:
    said = call("imagine", "x", "--network", "tiny-vgg-emoji")
    assert said.code == 1
    assert "makes no pictures from words" in said.err


@pytest.mark.skipif(not Path("/proc/meminfo").is_file(), reason="this system doesn't say how much memory is free")
@pytest.mark.parametrize("command", [("imagine", "a red heart", "--network"), ("open",)])
def test_what_does_not_fit_into_memory_is_said_before_it_is_read(
    call: Call, here: Path, pipeline: str, command: tuple[str, ...]
) -> None:
    folder = here / "large"
    shutil.copytree(pipeline, folder)
    count = 10**11  # a file of holes: it takes no room on the disk
    header = json.dumps({"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}).encode()
    with (folder / "unet" / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + 4 * count)
    refused = call(*command, str(folder))
    assert refused.code == 1
    assert "its weights take 372.5 GiB of memory" in refused.err
    assert "does not fit into this machine's memory" in refused.err
