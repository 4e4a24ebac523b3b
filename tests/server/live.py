"""A server to attack, and the tools to do it with."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from PIL import Image
from websockets.sync.client import ClientConnection, connect

from glasswork.errors import GlassworkError
from glasswork.scenes.messages import Answer, Array, FetchTensors, ListNetworks, Maps, Networks, OpenScene, Request
from glasswork.scenes.messages.training import OpenCourse
from glasswork.server.run import LocalServer
from glasswork.server.session import Session
from glasswork.server.settings import Settings

TOKEN = "a-token-that-only-the-tests-know-0123456789"
SECRET = "the-secret-in-an-exception-9876543210"
PAGE = "<!doctype html><html lang=en><title>Glasswork</title><script type=module src=./assets/index-a1.js></script>"
FRAME = bytearray(range(256)) * 4096  # 1 MB

started: list[tuple[str, Session]] = []
ended: list[str] = []
heavy_at_once: list[int] = []
_running = 0
_lock = threading.Lock()


def respond(request: Request, session: Session) -> Iterator[Answer | str | bytes]:
    """Answers like the real one, in ways that its request's network name chooses."""
    if isinstance(request, ListNetworks):
        yield Networks(request.request, [])
    elif isinstance(request, FetchTensors):
        yield b"\x02\x00\x00\x00{}"
    elif isinstance(request, OpenCourse):
        yield bytes(FRAME)
    elif isinstance(request, OpenScene):
        yield from scene(request, session)
    else:
        raise GlassworkError("no such thing", where="here", why="it is a test", todo="Do nothing.")


def said(request: OpenScene) -> Maps:
    """An answer that says the request's network name again."""
    return Maps(request.request, [Array(ref=request.network, shape=[0], dtype="uint8")])


def scene(request: OpenScene, session: Session) -> Iterator[Answer | str | bytes]:
    global _running
    started.append((request.network, session))
    with _lock:
        _running += 1
        heavy_at_once.append(_running)
    try:
        if request.network.startswith("slow"):
            for step in range(3000):
                if session.cancelled.is_set():
                    return
                if step == 0 or request.network == "slow talker":
                    yield said(request)
                time.sleep(0.01)
        elif request.network == "crashes":
            raise RuntimeError(f"inside, {SECRET}")
        elif request.network == "floods":
            for _ in range(500):
                yield bytes(FRAME)  # each in memory of its own
        yield said(request)
    finally:
        with _lock:
            _running -= 1
        ended.append(request.network)


def build_front_end(folder: Path) -> Path:
    """Something that looks like a built front end."""
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(PAGE)
    (folder / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    for name in ("index-a1.js", "index-a1.css", "inter.woff2", "odd.xyzzy"):
        (folder / "assets" / name).write_bytes(b"/* " + name.encode() + b" */")
    return folder


def start(tmp: Path, host: str = "127.0.0.1") -> LocalServer:
    """A server in a thread of this process, on a free port."""
    settings = Settings(host=host, port=0, token=TOKEN, built=build_front_end(tmp / "app"), home=tmp / "home")
    server = LocalServer(settings, lambda: respond)
    server.start()
    until(lambda: server.server.started)
    return server


def until(true, seconds: float = 10) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


def cookie(server: LocalServer) -> dict[str, str]:
    """The header that the browser sends once it was let in."""
    gate = server.app.gate
    return {"Cookie": f"{gate.cookie}={gate.session}"}


def client(server: LocalServer, **headers: str) -> httpx.Client:
    """A browser that was let in."""
    return httpx.Client(base_url=server.origin, headers={**cookie(server), **headers}, trust_env=False)


def page_socket(server: LocalServer, **headers: str) -> ClientConnection:
    """The socket of a page that was let in."""
    address = f"ws://127.0.0.1:{server.settings.port}/socket"
    return connect(
        address, additional_headers={"Origin": server.origin, **cookie(server), **headers}, max_size=None, proxy=None
    )


def text_frame(message: object) -> bytes:
    """A message as it goes over the wire, masked with zeros."""
    text = json.dumps(message).encode()
    return bytes([0x81, 0x80 | 126]) + len(text).to_bytes(2, "big") + bytes(4) + text


def raw_page_socket(server: LocalServer) -> socket.socket:
    """The wire of an open page socket, for a page that doesn't read, or leaves without a word."""
    wire = socket.create_connection(("127.0.0.1", server.settings.port), timeout=5)
    fields = {
        "Host": f"127.0.0.1:{server.settings.port}",
        "Origin": server.origin,
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        **cookie(server),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    wire.sendall(f"GET /socket HTTP/1.1\r\n{head}\r\n".encode())
    assert wire.recv(4096).startswith(b"HTTP/1.1 101 ")
    return wire


def raw(server: LocalServer, sent: bytes, seconds: float = 5) -> bytes:
    """What comes back for these very bytes, until the server closes or is silent."""
    with socket.create_connection(("127.0.0.1", server.settings.port), timeout=seconds) as wire:
        wire.sendall(sent)
        wire.settimeout(0.5)
        found = b""
        try:
            while part := wire.recv(65536):
                found += part
        except (TimeoutError, ConnectionError):
            pass
        return found


def status(answer: bytes) -> int:
    """The status of a raw answer; 0 when there was none."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def picture(width: int = 8, height: int = 6, kind: str = "PNG", mode: str = "RGB", **options: object) -> bytes:
    """A small picture whose pixels differ."""
    made = Image.linear_gradient("L").resize((width, height)).convert(mode)
    out = io.BytesIO()
    made.save(out, kind, **options)
    return out.getvalue()
