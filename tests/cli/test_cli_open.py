"""`glasswork open`: what the server is started with, and the picture that it begins with."""

from __future__ import annotations

import io
import os
import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from PIL import Image

from glasswork.scenes import messages as m
from glasswork.scenes.messages.lecture import LectureLesson, OpenLectureLesson
from glasswork.scenes.respond import Respondent
from glasswork.server import pictures, run, uploads
from glasswork.server.given import TraceFileStore
from glasswork.server.settings import Settings
from glasswork.server.store import InputStore
from imagining import small_pipeline

Call = Callable[..., Any]
SHIPPED = "tiny-vgg-fashion"


@dataclass
class Served:
    """What a server would have been started with."""

    settings: Settings = field(default_factory=Settings)
    path: str = ""
    browser: bool = True
    load: Callable[[], Respondent] = Respondent

    @property
    def home(self) -> Path:
        assert self.settings.home
        return self.settings.home

    @property
    def query(self) -> dict[str, str]:
        return {name: value for name, (value,) in parse_qs(urlsplit(self.path).query).items()}


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Served:
    """Nothing listens: what would be served is kept instead."""
    told = Served()

    def serve(
        settings: Settings, load: Callable[[], Respondent], path: str, browser: bool, say: Callable[[str], None]
    ) -> None:
        told.settings, told.load, told.path, told.browser = settings, load, path, browser
        say("Glasswork is at \x1b.")

    monkeypatch.setenv("GLASSWORK_HOME", str(tmp_path / "a home"))
    monkeypatch.setattr(run, "serve", serve)
    return told


@dataclass
class Session:
    """A page that asks."""

    inputs: InputStore
    files: TraceFileStore = field(default_factory=lambda: TraceFileStore(Path()))
    cancelled: threading.Event = field(default_factory=threading.Event)


def test_alone_it_opens_the_gallery(call: Call, served: Served) -> None:
    for arguments in ([], ["open"]):
        said = call(*arguments)
        assert (said.code, said.err) == (0, "")
        assert served.path == "/"
        assert (served.settings.host, served.settings.port, served.browser) == ("127.0.0.1", 7860, True)
    assert said.out == "Glasswork is at \\x1b.\n"


def test_options_and_a_target_reach_the_server(call: Call, served: Served) -> None:
    said = call(SHIPPED, "--port", 0, "--host", "::1", "--no-browser", "--input", "sample:fashion-test-1")
    assert said.code == 0
    assert urlsplit(served.path).path == "/cnn"
    assert served.query == {"network": SHIPPED, "input": "sample:fashion-test-1"}
    assert (served.settings.host, served.settings.port, served.browser) == ("::1", 0, False)


def test_a_file_is_decoded_as_uploads_are_and_kept_where_they_are(call: Call, served: Served, tmp_path: Path) -> None:
    photograph = Image.new("RGBA", (50, 30), (200, 10, 30, 128))
    photograph.putpixel((0, 0), (1, 2, 3, 255))
    exif = photograph.getexif()
    exif[pictures.ORIENTATION] = 6
    path = tmp_path / "[a] \x1b[31m& photograph?.png"
    photograph.save(path, exif=exif)
    assert call(SHIPPED, "--input", path).code == 0
    kind, _, name = served.query["input"].partition(":")
    assert kind == "upload"
    kept = served.home / "inputs" / f"{name}.png"
    _, expected = pictures.normalise(path.read_bytes())
    assert kept.read_bytes() == expected
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    with Image.open(io.BytesIO(expected)) as upright:
        assert upright.size == (30, 50)
    assert call("--input", path).code == 0
    assert urlsplit(served.path).path == "/cnn"
    assert served.query == {"input": f"upload:{name}"}


def test_runs_are_recorded_in_a_folder_of_this_user(call: Call, served: Served, photograph: Path) -> None:
    assert call(SHIPPED, "--input", photograph).code == 0
    traces = served.home / "traces"
    assert stat.S_IMODE(traces.stat().st_mode) == 0o700
    respondent = served.load()
    session = Session(InputStore(served.home / "inputs"))
    answers = list(respondent(m.OpenScene(request=1, network=SHIPPED, input=served.query["input"]), session))
    scene = next(answer for answer in answers if isinstance(answer, m.Scene))
    record = traces / f"{scene.source.removeprefix('trace:')}.json"
    assert record.is_file()
    for path in traces.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_readers_own_network_is_among_those_that_the_page_may_open(call: Call, served: Served, mine: str) -> None:
    target = f"{mine}:Net"
    assert call(target).code == 0
    assert served.query["network"] == "mine.py:Net", "pages name no folder of this machine"
    assert served.query["input"].startswith("sample:"), "it has no samples of its own, and gets one of ours"
    scene = m.OpenScene(request=1, network=served.query["network"], input=served.query["input"])
    answers = list(served.load()(scene, Session(InputStore(served.home / "inputs"))))
    assert any(isinstance(answer, m.Scene) for answer in answers)


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"", "empty"),
        (b"MZ\x90\x00", "a Windows program"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 40, ""),
        (b"GIF89a" + b"\xff" * 20, ""),
        (b"\x89PNG" + b"\x00" * uploads.BYTES, "20 MB"),
    ],
)
def test_a_broken_file_is_refused_before_anything_listens(
    call: Call, served: Served, tmp_path: Path, content: bytes, names: str
) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(content)
    said = call(SHIPPED, "--input", path)
    assert (said.code, said.out, served.path) == (1, "", "")
    assert said.err.count("\n") == 1
    assert str(path) in said.err
    assert names in said.err


def test_a_lesson_opens_at_its_first_step_and_a_broken_one_says_which_line(
    call: Call, served: Served, tmp_path: Path
) -> None:
    lesson = tmp_path / "Filters.md"
    head = "---\ntitle: Filters\ngoal: See one\nminutes: 5\n---\n"
    lesson.write_text(f"{head}## One\nopen: /cnn?network={SHIPPED}&at=block1.conv1[0,1,2,3]\n")
    said = call("open", lesson)
    assert (said.code, said.err) == (0, "")
    assert urlsplit(served.path).path == "/cnn"
    assert served.query == {"network": SHIPPED, "at": "block1.conv1[0,1,2,3]", "lesson": "own-filters.1"}
    asked = OpenLectureLesson(request=1, name="own-filters")
    (answer,) = served.load()(asked, Session(InputStore(tmp_path)))
    assert isinstance(answer, LectureLesson)
    assert answer.card.title == "Filters"

    served.path = ""
    lesson.write_text(f"{head}## One\nopen: https://example.org\n")
    said = call("open", lesson)
    assert said.code == 1
    assert f"{lesson}:7" in said.err
    assert "Traceback" not in said.err
    assert call("open", tmp_path / "none.md").code == 1
    assert call("open", lesson, "--input", "sample:fashion-test-1").code == 2
    assert not served.path


def test_no_file_a_folder_or_an_unknown_sample_is_told(call: Call, served: Served, tmp_path: Path) -> None:
    for wanted in (tmp_path, tmp_path / "none.png", "a\x00b", "sample:none", "http://127.0.0.1:9/cat.png"):
        said = call(SHIPPED, "--input", wanted)
        assert (said.code, said.out, served.path) == (1, "", "")
        assert said.err.count("\n") == 1


def test_a_home_that_cannot_be_written_is_told_in_one_line(
    call: Call, served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, photograph: Path
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("GLASSWORK_HOME", str(tmp_path / "file"))
    said = call("--input", photograph)
    assert said.code == 0
    notice, _ = said.out.splitlines()
    assert str(tmp_path / "file") in notice
    assert "GLASSWORK_HOME" in notice
    name = served.query["input"].partition(":")[2]
    assert InputStore(served.home / "inputs").read(name)
    assert stat.S_IMODE((served.home / "traces").stat().st_mode) == 0o700


def test_c48_the_real_command_shows_the_file(tmp_path: Path, photograph: Path) -> None:
    line = [sys.executable, "-m", "glasswork", SHIPPED, "--input", str(photograph), "--port", "0", "--no-browser"]
    (tmp_path / "file").write_text("no folder: nothing can be written below it")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    elsewhere = {"HOME": str(tmp_path / "file"), "GLASSWORK_HOME": str(tmp_path / "höme with spaces")}
    environment = {**os.environ, **nowhere, **elsewhere}
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout
        assert process.stderr
        try:
            while not (found := re.search(r"http://\S+", said := process.stdout.readline())):
                assert said, process.stderr.read()
            name = parse_qs(urlsplit(found[0]).query)["input"][0].removeprefix("upload:")
            origin = "{0.scheme}://{0.netloc}".format(urlsplit(found[0]))
            with httpx.Client(trust_env=False) as browser:
                browser.get(found[0])
                answer = browser.get(f"{origin}/inputs/{name}")
            with Image.open(io.BytesIO(answer.content)) as shown, Image.open(photograph) as given:
                assert shown.convert("RGB").tobytes() == given.tobytes()
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
            assert process.stderr.read() == ""
        finally:
            process.kill()


def test_a_folder_in_the_layout_of_diffusers_opens_on_the_page_of_text_to_image(
    call: Call, served: Served, tmp_path: Path
) -> None:
    small_pipeline(tmp_path / "tiny")
    assert call("open", str(tmp_path / "tiny")).code == 0
    assert urlsplit(served.path).path == "/diffusion"
    assert served.query == {"network": "tiny"}
    assert served.load().text_to_image.open("tiny").model.latent == (4, 4, 4)
    refused = call("open", f"hf:{tmp_path / 'tiny'}", "--input", "picture.png")
    assert refused.code == 2
    assert "without --input" in refused.err
    (tmp_path / "tiny" / "unet" / "config.json").write_text("{}")
    broken = call("open", str(tmp_path / "tiny"))
    assert broken.code == 1
    assert "unet" in broken.err
