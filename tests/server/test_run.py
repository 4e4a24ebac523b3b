"""Starting and ending (CHECKS C12, C13, C48; a port in use; Ctrl-C)."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import live
import pytest

from glasswork.errors import GlassworkError
from glasswork.server import run
from glasswork.server.run import LocalServer, has_browser, listen
from glasswork.server.settings import Settings
from glasswork.server.store import open_store

PROGRAM = """if True:
    import sys
    sys.path.insert(0, {tests!r})
    import live
    from glasswork.errors import GlassworkError
    from glasswork.server.run import serve
    from glasswork.server.settings import Settings
    try:
        serve(Settings(**{settings!r}), lambda: live.respond, browser=False, verbose=True)
    except GlassworkError as error:
        sys.exit(str(error))
"""
SECRETS = {"HF_TOKEN": "hf_secretsecretsecret", "WANDB_API_KEY": "wandb-secretsecretsecret"}


class Started:
    """A server in a process of its own."""

    def __init__(self, environment: dict[str, str] | None = None, home: Path | None = None, **settings: object) -> None:
        code = PROGRAM.format(tests=str(Path(__file__).parent), settings={"port": 0, **settings})
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GLASSWORK")}
        kept |= {"GLASSWORK_HOME": str(home)} if home else {}
        environment = {**kept, **SECRETS, "PYTHONUNBUFFERED": "1", **(environment or {})}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self.lines: list[str] = []
        self.arriving: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def listen(self) -> None:
        assert self.process.stdout
        with self.process.stdout as lines:
            for line in lines:
                self.arriving.put(line)
        self.arriving.put("")

    def address(self) -> str:
        """The opening address that it prints, once it answers: a signal before that would find no handler yet."""
        while not (found := re.search(r"http://\S+", "".join(self.lines))):
            line = self.arriving.get(timeout=20)
            assert line, self.lines
            self.lines.append(line)
        assert httpx.get(found[0].partition("?")[0], timeout=20, trust_env=False).status_code == 401
        return found[0]

    def end(self, how: int = signal.SIGINT) -> tuple[int, str]:
        """Stop it; its exit code and all that it printed."""
        self.process.send_signal(how)
        try:
            code = self.process.wait(10)
        finally:
            self.process.kill()
        while line := self.arriving.get(timeout=5):
            self.lines.append(line)
        return code, "".join(self.lines)


@contextlib.contextmanager
def started(
    environment: dict[str, str] | None = None, home: Path | None = None, **settings: object
) -> Iterator[Started]:
    one = Started(environment, home, **settings)
    try:
        yield one
    finally:
        one.process.kill()
        one.process.wait()
        one.listener.join()


def test_it_serves_until_ctrl_c_and_ends_quietly(tmp_path: Path) -> None:
    with started(home=tmp_path) as one:
        address = one.address()
        assert httpx.get(address, trust_env=False).status_code == 303
        code, printed = one.end()
    assert code == 0
    assert printed.splitlines()[-1] == "Glasswork has ended."
    assert "Traceback" not in printed


def test_it_ends_with_pages_open_and_work_under_way(tmp_path: Path) -> None:
    with started(home=tmp_path) as one:
        address = one.address()
        with httpx.Client(trust_env=False) as browser:
            crumb = browser.get(address).headers["set-cookie"].partition(";")[0]
        port = int(re.search(r":(\d+)/", address)[1])  # type: ignore[index]
        origin = f"http://127.0.0.1:{port}"
        from websockets.sync.client import connect

        with connect(
            f"ws://127.0.0.1:{port}/socket", additional_headers={"Origin": origin, "Cookie": crumb}, proxy=None
        ) as page:
            page.send('{"type": "open_scene", "request": 1, "network": "slow", "input": "x"}')
            page.recv(5)
            begun = time.monotonic()
            code, printed = one.end()
    assert code == 0
    assert time.monotonic() - begun < 8
    assert "Traceback" not in printed


def test_c10_c13_neither_code_nor_token_nor_other_secrets_are_printed(tmp_path: Path) -> None:
    with started({"GLASSWORK_TOKEN": live.TOKEN}, home=tmp_path) as one:
        address = one.address()
        code = address.partition("code=")[2]
        origin = address.partition("/?")[0]
        with httpx.Client(base_url=origin, trust_env=False) as browser:
            assert browser.get(f"/?code={code}", follow_redirects=True).status_code in (200, 503)
            crumb = browser.cookies[f"glasswork-{origin.rpartition(':')[2]}"]
            bearer = {"Authorization": f"Bearer {live.TOKEN}"}
            assert browser.get(f"/cnn?token={live.TOKEN}", headers=bearer).status_code in (200, 503)
            browser.get(f"/none/%1b[31m{live.TOKEN}")
            browser.post("/inputs", content=b"x", headers={"Content-Type": "image/png", "Origin": origin})
        _, printed = one.end()
    assert printed.count(code) == 1  # in the address that it is for
    printed = printed.replace(address, "")
    assert "GET /none/" in printed, "requests are logged"
    assert "\x1b" not in printed
    for secret in (live.TOKEN, crumb, *SECRETS.values()):
        assert secret not in printed
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or live.TOKEN.encode() not in path.read_bytes()


def test_c13_secrets_are_left_out_of_tracebacks() -> None:
    import logging

    from glasswork.server.journal import PlainFormatter

    try:
        raise RuntimeError(f"cannot reach http://127.0.0.1/?token={live.TOKEN}\x1b[2J")
    except RuntimeError:
        record = logging.LogRecord("x", logging.ERROR, "x", 1, "failed: %s", (live.TOKEN,), sys.exc_info())
    printed = PlainFormatter([live.TOKEN]).format(record)
    assert "RuntimeError: cannot reach" in printed
    assert live.TOKEN not in printed
    assert "\x1b" not in printed
    assert r"\x1b[2J" in printed


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.invalid", "127.0.0.1.evil.test", ""])
def test_c12_listening_to_others_needs_a_token(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLASSWORK_TOKEN", raising=False)
    with pytest.raises(GlassworkError, match="GLASSWORK_TOKEN") as refused:
        run.with_token(Settings(host=host))
    assert "16" in refused.value.todo
    monkeypatch.setenv("GLASSWORK_TOKEN", "fifteen-letters")
    with pytest.raises(GlassworkError, match="too short"):
        run.with_token(Settings(host=host))
    monkeypatch.setenv("GLASSWORK_TOKEN", live.TOKEN)
    assert run.with_token(Settings(host=host)).token == live.TOKEN


def test_c12_the_refusal_is_one_line_and_the_process_ends() -> None:
    with started(host="0.0.0.0") as one:
        assert one.process.wait(20) == 1
        _, printed = one.end()
    assert "GLASSWORK_TOKEN" in printed
    assert "Traceback" not in printed


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's tables")
def test_c12_by_default_only_this_machine_can_reach_it(server: LocalServer) -> None:
    port = server.settings.port
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            address, state = line.split()[1], line.split()[3]
            if state == "0A" and int(address.rpartition(":")[2], 16) == port:
                listening.append(address.rpartition(":")[0])
    assert "0100007F" in listening  # 127.0.0.1
    assert set(listening) <= {"0100007F", "00000000000000000000000001000000"}  # and ::1


def test_c12_with_a_token_others_are_let_to_the_address_they_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLASSWORK_TOKEN", live.TOKEN)
    server = live.start(tmp_path, host="0.0.0.0")
    port = server.settings.port
    bearer = {"Authorization": f"Bearer {live.TOKEN}"}
    try:
        for host, status in (("127.0.0.1", 200), ("0.0.0.0", 403), ("192.0.2.7", 403), ("evil.test", 403)):
            answer = httpx.get(
                f"http://127.0.0.1:{port}/", headers={"Host": f"{host}:{port}", **bearer}, trust_env=False
            )
            assert answer.status_code == status, host
        assert httpx.get(f"http://127.0.0.2:{port}/", headers=bearer, trust_env=False).status_code == 200
        assert httpx.get(f"http://127.0.0.2:{port}/", trust_env=False).status_code == 401
    finally:
        server.stop()


def test_a_port_in_use_is_told_and_the_next_one_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        with started(port=taken, home=tmp_path) as one:
            address = one.address()
            _, printed = one.end()
    assert f"Port {taken} is taken" in printed
    assert int(re.search(r":(\d+)/", address)[1]) > taken  # type: ignore[index]


def test_a_port_in_use_on_one_loopback_address_is_in_use() -> None:
    """Or `localhost` would lead to us or to the other, as the browser likes."""
    try:
        other = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no ::1")
    with other:
        opened = listen("127.0.0.1", other.getsockname()[1])
        assert opened[0].getsockname()[1] != other.getsockname()[1]
    for one in opened:
        one.close()


def test_no_free_port_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        monkeypatch.setattr(run, "TRIED", 1)
        with pytest.raises(GlassworkError, match="no port is free"):
            listen("127.0.0.1", other.getsockname()[1])


def test_a_host_that_is_not_here_is_told() -> None:
    with pytest.raises(GlassworkError, match=r"cannot listen on '192\.0\.2\.1'"):
        listen("192.0.2.1", 0)


def test_answers_leave_at_once(server: LocalServer) -> None:
    """Nagle's algorithm would hold each one back for some 40 ms."""
    waits = []
    with live.client(server) as browser:
        for _ in range(30):
            begun = time.perf_counter()
            browser.get("/")
            waits.append(time.perf_counter() - begun)
    assert sorted(waits)[len(waits) // 2] < 0.02


def test_c48_files_are_for_this_user_only(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store, notice = open_store(tmp_path / "a home with spaces, ünd möre")
        name = store.add(live.picture())
    finally:
        os.umask(old)
    assert notice == ""
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.path(name).stat().st_mode) == 0o600
    assert store.read(name) == live.picture()
    store.folder.chmod(0o755)  # by another program
    open_store(tmp_path / "a home with spaces, ünd möre")
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


def test_c48_a_home_that_cannot_be_written_is_told_and_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for home in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")):
        store, notice = open_store(home)
        assert str(home) in notice
        assert "GLASSWORK_HOME" in notice
        assert "\n" not in notice
        assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
        assert store.read(store.add(live.picture()))


def test_c48_it_starts_without_a_home_and_without_a_network(tmp_path: Path) -> None:
    """HOME is a file; every proxy and name server that it might ask is a closed port."""
    (tmp_path / "file").write_text("not a folder")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    homeless = {"HOME": str(tmp_path / "file"), "XDG_CACHE_HOME": str(tmp_path / "file"), **nowhere}
    with started(homeless) as one:
        address = one.address()
        with httpx.Client(trust_env=False) as browser:
            assert browser.get(address).status_code == 303
            page = browser.get(address.partition("?")[0])
        _, printed = one.end()
    assert page.status_code in (200, 503)
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page.text), "all of the page is local"
    assert "GLASSWORK_HOME" in printed
    assert "Traceback" not in printed


def test_c48_the_named_home_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSWORK_HOME", str(tmp_path / "höme sweet"))
    assert open_store(None)[0].folder == tmp_path / "höme sweet" / "inputs"
    monkeypatch.delenv("GLASSWORK_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert open_store(None)[0].folder.is_relative_to(tmp_path)


def test_c48_another_user_of_the_machine_gets_nothing_without_a_token(server: LocalServer) -> None:
    for path in ("/", "/cnn", "/inputs/" + "0" * 32, "/assets/index-a1.js"):
        assert httpx.get(server.origin + path, trust_env=False).status_code == 401


def test_pages_that_are_not_built_say_how_to_build_them(tmp_path: Path) -> None:
    server = LocalServer(Settings(port=0, built=tmp_path / "nothing", home=tmp_path), lambda: live.respond)
    server.start()
    live.until(lambda: server.server.started)
    with live.client(server) as browser:
        answer = browser.get("/cnn")
        assert answer.status_code == 503
        assert "make frontend" in answer.text
        assert browser.get("/assets/x.js").status_code == 404
        live.build_front_end(tmp_path / "nothing")  # while it runs
        assert browser.get("/cnn").status_code == 200
        assert browser.get("/assets/index-a1.js").headers["content-type"] == "text/javascript; charset=utf-8"
        assert browser.get("/assets/inter.woff2").headers["content-type"] == "font/woff2"
        assert browser.get("/assets/odd.xyzzy").headers["content-type"] == "application/octet-stream"
    server.stop()


def test_what_fails_to_load_is_told_to_each_request(tmp_path: Path) -> None:
    def load() -> None:
        raise GlassworkError("the networks are missing", where="weights", why="a test", todo="Nothing.")

    server = LocalServer(Settings(port=0, home=tmp_path), load)  # type: ignore[arg-type]
    server.start()
    live.until(lambda: server.server.started)
    with live.page_socket(server) as page:
        for number in (1, 2):
            page.send(f'{{"type": "list_networks", "request": {number}}}')
            assert "the networks are missing" in str(page.recv(5))
    server.stop()


def test_a_browser_is_opened_only_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert not has_browser()


def test_an_opening_address_keeps_the_query_of_its_page(server: LocalServer) -> None:
    address = server.opening_address("/cnn?network=tiny-vgg-emoji&at=conv1%5B0%5D")
    assert address.startswith(f"{server.origin}/cnn?network=tiny-vgg-emoji&at=conv1%5B0%5D&code=")
