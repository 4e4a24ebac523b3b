"""Trace files from a page (CHECKS C07, C14-C17, C21-C31): what is taken, and how the rest is refused."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import socket
import struct
import sys
import tarfile
import threading
import time
import zipfile
from pathlib import Path
from typing import Any

import httpx
import live
import numpy as np
import pytest
import torch
from test_paths import CORPUS, HOSTILE
from torch import nn

from glasswork.errors import GlassworkError
from glasswork.server import given, traces
from glasswork.server.given import TraceFileStore
from glasswork.server.run import LocalServer
from glasswork.tracing import trace

ERROR = {"what", "where", "why", "todo"}
TYPE = "application/octet-stream"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("trace") / "one.trace"
    torch.manual_seed(0)
    trace(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)), torch.rand(1, 3), backward=True).save(path)
    return path.read_bytes()


def post(server: LocalServer, body: Any, name: str = "one.trace", kind: str = TYPE, **headers: str) -> httpx.Response:
    with live.client(server, Origin=server.origin) as browser:
        sent = {"Content-Type": kind, **headers}
        return browser.post("/traces", params={"name": name}, content=body, headers=sent, timeout=30)


def refused(answer: httpx.Response, *statuses: int) -> dict[str, str]:
    """The four parts of a refusal."""
    assert answer.status_code in statuses, answer.text
    told = answer.json()
    assert set(told) == ERROR
    assert all(told.values())
    return told


def nameless() -> int:
    """How many files without a name this process holds open."""
    found = 0
    for one in Path("/proc/self/fd").iterdir():
        try:
            found += os.readlink(one).endswith("(deleted)")
        except OSError:  # closed meanwhile
            continue
    return found


def left(server: LocalServer) -> tuple[list[Path], list[str], int]:
    """All that an upload could leave behind: files with names, traces that can be opened, files without names."""
    store: TraceFileStore = server.app.state.files
    named = sorted(path for path in server.settings.home.rglob("*") if path.is_file()) if server.settings.home else []
    return named, [one.id for one in store.all()], nameless()


def test_a_trace_file_is_taken_and_has_no_name_on_the_disk(fresh: LocalServer, file: bytes) -> None:
    named, _, _ = left(fresh)
    answer = post(fresh, file)
    assert answer.status_code == 201
    told = answer.json()
    assert told == {"id": told["id"], "name": "one.trace", "operations": 3}
    assert post(fresh, file, "again.trace").json()["id"] == told["id"]
    store: TraceFileStore = fresh.app.state.files
    held = store.get(told["id"]).trace
    assert held["2"].output.tensor.shape == (1, 2)
    assert left(fresh)[0] == named
    fresh.stop()
    assert left(fresh)[0] == named


def test_the_last_few_are_held_and_their_bytes_go_with_them(tmp_path: Path, file: bytes) -> None:
    store = TraceFileStore(tmp_path, most=10 * len(file), count=3)
    before = nameless()

    def add(id: str, size: int, store: TraceFileStore = store) -> None:
        held = store.file()
        held.write(file)
        held.flush()
        store.add(id, id, held, size)

    for number in range(5):
        add(f"{number:016x}", len(file))
    assert [one.name[-1] for one in store.all()] == ["4", "3", "2"]
    assert nameless() == before + 3
    store.get(f"{2:016x}")
    add("a" * 16, 9 * len(file))
    assert [one.name[-1] for one in store.all()] == ["a", "2"], "what was looked at last stays longest"
    add("b" * 16, 20 * len(file))
    assert [one.name[-1] for one in store.all()] == ["b"], "one is held, however large"
    with pytest.raises(GlassworkError, match="not held any more"):
        store.get(f"{4:016x}")
    for name in CORPUS:
        with pytest.raises(GlassworkError):
            store.get(name)
    del store, add
    assert nameless() == before, "as when the program ends"


@pytest.mark.parametrize("kind", ["", "text/plain", "application/json", "multipart/form-data; boundary=x", "image/png"])
def test_c07_what_is_not_sent_as_a_trace_file_has_no_effect(server: LocalServer, file: bytes, kind: str) -> None:
    before = left(server)[:2]
    refused(post(server, file, kind=kind), 415)
    with live.client(server) as browser:  # as a form of another page would
        assert browser.post("/traces", content=file, headers={"Content-Type": TYPE}).status_code == 403
    assert left(server)[:2] == before


def test_c14_a_name_is_only_shown(fresh: LocalServer, file: bytes) -> None:
    named, _, _ = left(fresh)
    for number, name in enumerate([*CORPUS[::29], *HOSTILE, "x" * 100_000]):
        name = name.encode("utf-8", "replace").decode()
        body = file if number % 10 == 0 else file[:-1]
        answer = post(fresh, body, name[:8000])
        told = answer.json()["name"] if body is file else refused(answer, 422)["where"]
        assert 0 < len(told) <= traces.NAME
        assert told.isprintable()
        assert not {"/", "\\"} & set(told)
    assert left(fresh)[0] == named


def archives() -> dict[str, bytes]:
    """What other programs would unpack: climbing names, links, devices, bombs."""
    found: dict[str, bytes] = {}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("../../canary.txt", "x")
        made.writestr("bomb", bytes(10 << 20))
    found["zip"] = packed.getvalue()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, kind, link in (("../canary", tarfile.REGTYPE, ""), ("link", tarfile.SYMTYPE, "/etc/passwd")):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            tar.addfile(member)
    found["tar"] = packed.getvalue()
    found["gzip"] = gzip.compress(bytes(10 << 20))
    packed = io.BytesIO()
    torch.save({"weight": torch.ones(3)}, packed)
    found["torch.save"] = packed.getvalue()
    packed = io.BytesIO()
    np.save(packed, np.ones(3))
    found["npy"] = packed.getvalue()
    found["7z"] = b"7z\xbc\xaf\x27\x1c" + bytes(30)
    found["html"] = b"<!doctype html><script>alert(1)</script>"
    found["json"] = b'{"format": "glasswork-trace"}'
    found["png"] = live.picture()
    found["text"] = b"hello, this is a text"
    return found


@pytest.mark.parametrize("kind", archives())
def test_c16_archives_and_other_files_are_named_and_not_opened(server: LocalServer, kind: str) -> None:
    before = left(server)[:2]
    told = refused(post(server, archives()[kind]), 413, 415)
    if kind in ("zip", "gzip", "torch.save", "npy", "png", "html", "json"):
        assert "by its content it is" in told["why"]
    assert left(server)[:2] == before


class Evil:
    """What a pickle would do."""

    def __reduce__(self) -> Any:
        return os.system, ("touch canary-of-the-pickle",)


def test_c25_a_pickle_is_not_loaded(server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = set(sys.modules)
    packed = io.BytesIO()
    torch.save(Evil(), packed)
    for body in (*(pickle.dumps(Evil(), protocol) for protocol in range(1, 6)), packed.getvalue()):
        refused(post(server, body), 413, 415)
    assert list(tmp_path.iterdir()) == []
    assert set(sys.modules) == loaded


def header(text: str, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode() + data


def entry(shape: list[Any], begin: int, end: int, dtype: Any = "U8") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


HEADERS = {
    "short": b"\x02\0\0",
    "2^63": struct.pack("<Q", 1 << 63) + b"{}",
    "101 MB": struct.pack("<Q", 101 << 20) + b"{}",
    "beyond the end": struct.pack("<Q", 5000) + b"{}",
    "no JSON": header("x" * 5000),
    "deep": header("[" * 100_000 + "]" * 100_000),
    "many lists": header("[" + "[]," * (1 << 21) + "[]]"),
    "many tensors": header(json.dumps({f"t{i}": entry([0], 0, 0) for i in range(110_000)})),
    "overlap": header(json.dumps({"a": entry([2], 0, 2), "b": entry([2], 1, 3)}), b"xyz"),
    "hole": header(json.dumps({"a": entry([1], 0, 1), "b": entry([1], 2, 3)}), b"xyz"),
    "polyglot": header(json.dumps({"a": entry([1], 0, 1)}), b"xPK\x03\x04"),
    "overflow": header(json.dumps({"a": entry([1 << 40, 1 << 40], 0, 0)})),
    "10^12 elements": header(json.dumps({"a": entry([10**12], 0, 10**12)}), b"x"),
    "a key twice": header('{"__metadata__": {}, "__metadata__": {}}'),
    "NaN": header('{"__metadata__": NaN}'),
    "weights": header(json.dumps({"a": entry([1], 0, 1)}), b"x"),
    "another version": header(json.dumps({"__metadata__": {"format": "glasswork-trace", "version": "99"}})),
    "no description": header(json.dumps({"__metadata__": {"format": "glasswork-trace", "version": "1"}})),
}


@pytest.mark.parametrize("case", HEADERS)
def test_c28_a_hostile_header_is_refused(server: LocalServer, case: str) -> None:
    before = left(server)
    begun = time.monotonic()
    refused(post(server, HEADERS[case]), 400, 413, 422)
    assert time.monotonic() - begun < 20
    assert left(server) == before, "and its file is gone"


def document(file: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    length = int.from_bytes(file[:8], "little")
    head = json.loads(file[8 : 8 + length])
    return head, json.loads(head["__metadata__"]["trace"]), file[8 + length :]


def test_c27_a_name_of_somebodys_function_is_never_looked_up(server: LocalServer, file: bytes) -> None:
    head, told, data = document(file)
    for op in told["ops"]:
        op["function"] = "os.system"
    head["__metadata__"]["trace"] = json.dumps(told)
    loaded = set(sys.modules)
    answer = post(server, header(json.dumps(head), data))
    assert answer.status_code == 201
    store: TraceFileStore = server.app.state.files
    with pytest.raises(GlassworkError, match="can't be run"):
        store.get(answer.json()["id"]).trace.ops[0].function("echo")
    assert set(sys.modules) == loaded


def test_damaged_anywhere_it_gets_a_message(server: LocalServer, file: bytes) -> None:
    length = 8 + int.from_bytes(file[:8], "little")
    seen = set()
    for at in range(0, length, length // 12):
        for body in (file[:at], file[:at] + b"\xff\0\xff" + file[at + 3 :]):
            answer = post(server, body)
            seen.add(answer.status_code)
            if answer.status_code != 201:
                refused(answer, 400, 413, 415, 422)
    assert {400, 422} <= seen


def head(server: LocalServer, *lines: str) -> bytes:
    fields = {
        "Host": f"127.0.0.1:{server.settings.port}",
        "Origin": server.origin,
        "Content-Type": TYPE,
        **live.cookie(server),
    }
    return "\r\n".join(
        ["POST /traces?name=a HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), *lines, "", ""]
    ).encode()


def send(server: LocalServer, sent: bytes, part: bytes, pause: float, most: int) -> tuple[int, int]:
    """Send a body in parts for as long as the server lets us; the status, and how many bytes were sent."""
    count, answer = 0, b""
    with socket.create_connection(("127.0.0.1", server.settings.port), timeout=5) as wire:
        wire.sendall(sent)
        wire.settimeout(max(pause, 0.001))
        while count < most:
            try:
                wire.sendall(part)
                count += len(part)
            except (TimeoutError, ConnectionError):
                break
            try:
                if not (more := wire.recv(4096)):
                    break
                answer += more
            except TimeoutError:
                continue
            except ConnectionError:
                break
    return live.status(answer), count


GOOD = struct.pack("<Q", 100) + b" " * 65_528


def test_c21_a_body_is_cut_at_the_cap_whatever_was_promised(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = left(server)[:2]
    monkeypatch.setattr(traces, "BYTES", 1 << 20)
    assert send(server, head(server, f"Content-Length: {2 << 20}"), GOOD, 0, 4 << 20)[0] == 413
    chunk = f"{len(GOOD):x}\r\n".encode() + GOOD + b"\r\n"
    status, sent = send(server, head(server, "Transfer-Encoding: chunked"), chunk, 0, 64 << 20)
    assert status == 413
    assert sent < 32 << 20
    for lie in ("-1", "1e3", "0x10", "1, 2", "99999999999999999999", " ", "1_000"):
        assert live.status(live.raw(server, head(server, f"Content-Length: {lie}") + b"x" * 9)) in (400, 413), lie
    bad = f"{1 << 16:x}\r\n".encode() + b"PK\x03\x04" + bytes((1 << 16) - 4) + b"\r\n"
    status, sent = send(server, head(server, "Transfer-Encoding: chunked"), bad, 0, 64 << 20)
    assert status == 415, "by its first bytes"
    assert sent < 8 << 20
    assert left(server)[:2] == before


def test_c21_a_slow_body_is_dropped_and_one_is_taken_at_a_time(
    server: LocalServer, file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "SECONDS", 1.5)
    found: list[int] = []
    sent = head(server, f"Content-Length: {1 << 20}")
    slow = threading.Thread(target=lambda: found.append(send(server, sent + GOOD[:8], b" ", 0.1, 300)[0]))
    slow.start()
    store: TraceFileStore = server.app.state.files
    live.until(store._turn.locked)
    assert "one is read at a time" in refused(post(server, file), 409)["why"]
    with live.client(server) as browser:
        assert browser.get("/").status_code == 200
    slow.join()
    assert found == [408]
    assert post(server, file).status_code == 201


def test_c21_who_leaves_in_the_middle_leaves_nothing(server: LocalServer, file: bytes) -> None:
    before = left(server)
    with socket.create_connection(("127.0.0.1", server.settings.port)) as wire:
        wire.sendall(head(server, f"Content-Length: {len(file)}") + file[:5000])
    store: TraceFileStore = server.app.state.files
    live.until(lambda: not store._turn.locked() and left(server) == before)


def test_c22_forms_with_files_are_not_read_at_all(server: LocalServer) -> None:
    declared = head(server, f"Content-Length: {1 << 30}").replace(TYPE.encode(), b"multipart/form-data; boundary=x")
    assert send(server, declared, b"x" * (1 << 16), 0, 1 << 30)[0] == 415


def test_a_full_disk_is_told_before_anything_is_sent(
    server: LocalServer, file: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "SPARE", 1 << 60)
    assert "are free" in refused(post(server, file), 507)["why"]
    monkeypatch.undo()

    def full(self: TraceFileStore) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(given.TraceFileStore, "file", full)
    assert "No space" in refused(post(server, file), 507)["why"]
