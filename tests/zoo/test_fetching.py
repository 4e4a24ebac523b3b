"""Downloads that break off, are altered, or never come; from a server of the test's own."""

import hashlib
import http.server
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from glasswork.errors import GlassworkError
from glasswork.zoo import fetching, packages

CONTENT = bytes(range(256)) * 4_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT; `breaks` says after how many bytes each of the next answers ends."""

    breaks: ClassVar[list[int]] = []
    asked: ClassVar[list[str | None]] = []
    ranges = True

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.asked.append(asked)
        start = int(asked[6:-1]) if asked and self.ranges else 0
        if self.path == "/gone":
            self.send_error(404)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        end = start + self.breaks.pop(0) if self.breaks else len(CONTENT)
        self.wfile.write(CONTENT[start:end])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(fetching.time, "sleep", lambda seconds: None)
    Server.breaks, Server.asked, Server.ranges = [], [], True
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/file"
    server.shutdown()
    thread.join()
    server.server_close()


def get(address: str, path: Path, **more: object) -> None:
    fetching.download(address, path, **{"sha256": DIGEST, "size": len(CONTENT), **more})


def test_a_download_goes_on_where_it_broke_off(address: str, tmp_path: Path) -> None:
    Server.breaks = [300_000, 200_000]
    seen: list[int] = []
    get(address, tmp_path / "file", progress=lambda done, total: seen.append(done))
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert Server.asked == [None, "bytes=300000-", "bytes=500000-"]
    assert seen == sorted(seen)
    assert seen[-1] == len(CONTENT)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_later_command_goes_on_too_and_a_server_without_ranges_begins_anew(address: str, tmp_path: Path) -> None:
    Server.breaks = [100_000, 0, 0, 0, 0]
    with pytest.raises(GlassworkError, match=r"100,000 of 1,024,000 bytes are here; the same command goes on"):
        get(address, tmp_path / "file")
    Server.ranges = False
    get(address, tmp_path / "file")
    assert Server.asked[-1] == "bytes=100000-"
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_an_altered_file_is_not_kept(address: str, tmp_path: Path) -> None:
    with pytest.raises(GlassworkError, match="not the file that it should be"):
        get(address, tmp_path / "file", sha256="0" * 64)
    assert not list(tmp_path.iterdir())


def test_more_than_what_was_promised_is_not_read(address: str, tmp_path: Path) -> None:
    with pytest.raises(GlassworkError, match="not the file that it should be"):
        get(address, tmp_path / "file", size=1_000)


def test_what_is_gone_is_not_asked_for_again(address: str, tmp_path: Path) -> None:
    with pytest.raises(GlassworkError, match=r"can't be fetched.*404|Not Found"):
        get(address.replace("/file", "/gone"), tmp_path / "file")
    assert len(Server.asked) == 1


@pytest.fixture
def packaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> packages.Packaged:
    """A package of our own, whose wheel is named by what the tests put into it."""
    monkeypatch.setenv("GLASSWORK_HOME", str(tmp_path))
    wheel = tmp_path / "made.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("inside/weights.bin", CONTENT)
    one = packages.Packaged(
        name="own",
        package="no-such-package-of-ours",
        version="0",
        wheel="own.whl",
        wheel_sha256=fetching.file_hash(wheel),
        wheel_bytes=wheel.stat().st_size,
        member="inside/weights.bin",
        sha256=DIGEST,
        bytes=len(CONTENT),
        data="",
        licence="",
    )
    monkeypatch.setitem(packages.PACKAGED, "own", one)
    return one


def put(one: packages.Packaged, made: Path) -> None:
    packages.kept_at(one).parent.mkdir(parents=True)
    made.replace(packages.kept_at(one).with_name(one.wheel))


def test_an_archive_that_was_brought_by_hand_is_unpacked(packaged: packages.Packaged, tmp_path: Path) -> None:
    put(packaged, tmp_path / "made.whl")
    path = packages.fetch("own")
    assert path.read_bytes() == CONTENT
    assert packages.verified(packaged) == path
    assert [each.name for each in path.parent.iterdir()] == ["weights.bin"]


def test_an_archive_without_the_file_is_refused(packaged: packages.Packaged, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(packages.PACKAGED, "own", replace(packaged, member="inside/other.bin"))
    put(packaged, tmp_path / "made.whl")
    with pytest.raises(GlassworkError, match="can't be unpacked"):
        packages.fetch("own")


def test_off_line_it_says_what_is_missing_and_how_to_bring_it(packaged: packages.Packaged, monkeypatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(GlassworkError, match=r"pip download --no-deps --only-binary :all: no-such-package-of-ours==0"):
        packages.fetch("own")
