"""The gate (CHECKS C01-C11): every route is listed and attacked; nothing is exempt."""

from __future__ import annotations

import asyncio
import hashlib
import re
import statistics
import time
from pathlib import Path
from typing import Any

import httpx
import live
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from glasswork.server.app import App, create_app
from glasswork.server.run import LocalServer
from glasswork.server.settings import Settings

EXEMPT: set[str] = set()  # routes that answer anybody: at most three, and there are none
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
PROTECTIVE = {
    "content-security-policy": re.compile(r"default-src 'none'; script-src 'self'; .*frame-ancestors 'none'"),
    "x-content-type-options": re.compile("nosniff"),
    "cross-origin-resource-policy": re.compile("same-origin"),
    "cross-origin-opener-policy": re.compile("same-origin"),
    "referrer-policy": re.compile("no-referrer"),
    "cache-control": re.compile("no-store"),
}
EVIL = "http://evil.example"


def app_in(tmp: Path) -> App:
    return create_app(Settings(port=7860, token=live.TOKEN, home=tmp / "home", built=tmp / "app"), live.respond)


def filled(path: str) -> str:
    """A path with something in the place of each of its parameters."""
    return re.sub(r"\{\w+(:\w+)?\}", "0" * 32, path)


def http_paths(app: Any) -> list[str]:
    return [filled(route.path) for route in app.routes if isinstance(route, Route)]


def socket_paths(app: Any) -> list[str]:
    return [filled(route.path) for route in app.routes if isinstance(route, WebSocketRoute)]


async def ask(app: Any, method: str, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860") as client:
        return await client.request(method, path, headers=headers)


async def first_answer(app: Any, path: str, headers: dict[str, str], denial: bool = True) -> dict[str, Any]:
    """The first thing that the app says to one who would open a socket."""
    said: list[dict[str, Any]] = []
    given = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1001}]

    async def receive() -> Any:
        return given.pop(0) if given else await asyncio.sleep(3600)

    async def send(message: Any) -> None:
        said.append(message)

    scope = {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "scheme": "ws",
        "server": ("127.0.0.1", 7860),
        "client": ("127.0.0.1", 5),
        "subprotocols": [],
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "extensions": {"websocket.http.response": {}} if denial else {},
    }
    await app(scope, receive, send)
    return said[0]


async def holes(app: Any) -> list[str]:
    """The routes that answer one who has no token."""
    found = []
    for path in http_paths(app):
        for method in METHODS:
            if (await ask(app, method, path)).status_code not in (401, 403):
                found.append(f"{method} {path}")
    for path in socket_paths(app):
        said = await first_answer(app, path, {"host": "127.0.0.1:7860", "origin": "http://127.0.0.1:7860"})
        if said["type"] != "websocket.http.response.start" or said["status"] not in (401, 403):
            found.append(f"WS {path}")
    return found


def test_c01_every_route_refuses_one_without_a_token(tmp_path: Path) -> None:
    app = app_in(tmp_path)
    assert len(EXEMPT) <= 3
    assert {"/", "/cnn", "/inputs", "/inputs/" + "0" * 32} <= set(http_paths(app))
    assert socket_paths(app) == ["/socket"]
    assert all(isinstance(route, Route | WebSocketRoute) for route in app.routes), "a kind of route not attacked here"
    assert set(asyncio.run(holes(app))) == EXEMPT


def test_c01_a_route_added_later_is_behind_the_gate_too(tmp_path: Path) -> None:
    app = app_in(tmp_path)
    app.add_route("/forgotten", lambda request: PlainTextResponse("secret"))
    assert "/forgotten" in http_paths(app)
    assert asyncio.run(holes(app)) == []


def test_c01_the_attack_finds_a_route_beside_the_gate(tmp_path: Path) -> None:
    """The planted fault: a path, and a socket, that don't pass the gate."""

    class Leaky(App):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "websocket" and scope["path"] == "/leak":
                await send({"type": "websocket.accept"})
            elif scope["type"] == "http" and scope["path"] == "/leak" and scope["method"] == "GET":
                await PlainTextResponse("secret")(scope, receive, send)
            else:
                await super().__call__(scope, receive, send)

    app = Leaky(Settings(port=7860, home=tmp_path), [])
    app.add_route("/leak", lambda request: PlainTextResponse("secret"))
    app.router.routes.append(WebSocketRoute("/leak", lambda socket: socket.accept()))
    assert asyncio.run(holes(app)) == ["GET /leak", "WS /leak"]


def test_c01_the_refusal_says_in_one_line_how_to_open_the_app(server: LocalServer) -> None:
    answer = httpx.get(server.origin, trust_env=False)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.count("\n") == 1
    assert "?code=" in answer.text


def state(server: LocalServer) -> str:
    """A hash over everything that the server keeps."""
    folder = server.app.state.store.folder
    found = sorted((path.name, path.read_bytes()) for path in folder.iterdir())
    return hashlib.sha256(repr((found, sorted(server.app.gate.unused))).encode()).hexdigest()


def test_c02_another_page_can_do_nothing_by_any_method(server: LocalServer) -> None:
    before = state(server)
    with live.client(server, Origin=EVIL) as browser:
        for path in [*http_paths(server.app), "/socket", "/none"]:
            for method in METHODS:
                content = live.picture() if method == "POST" else None
                answer = browser.request(method, path, content=content, headers={"content-type": "image/png"})
                assert answer.status_code == 403, (method, path)
    assert state(server) == before


def foreign_origins(port: int) -> list[str]:
    return [
        "null",
        "",
        EVIL,
        f"http://127.0.0.1:{port}.evil.example",
        "http://localhost.evil.example",
        f"http://localhost.evil.example:{port}",
        f"http://127.0.0.1:{port + 1}",
        "http://127.0.0.1",
        f"http://localhost:{port}",  # ours, but not the one that this request is for
        f"https://127.0.0.1:{port}",
        f"ws://127.0.0.1:{port}",
        f"HTTP://127.0.0.1:{port}",
        f"http://127.0.0.1.:{port}",
        f"http://127.0.0.1:{port}@evil.example",
        f"http://user@127.0.0.1:{port}",
        f"http://127.0.0.1:{port}/",
        f"http://127.0.0.1:{port} http://evil.example",
        f"http://127.0.0.1:0{port}",
        f"http://127.1:{port}",
        f"http://2130706433:{port}",
        "file://",
        f"http://[::1]:{port}",
    ]


def test_c03_an_origin_is_ours_or_refused(server: LocalServer) -> None:
    with live.client(server) as browser:
        for origin in foreign_origins(server.settings.port):
            assert browser.get("/", headers={"Origin": origin}).status_code == 403, origin
        twice = [("Origin", server.origin), ("Origin", server.origin)]
        assert browser.get("/", headers=twice).status_code == 403
        assert browser.get("/", headers={"Origin": server.origin}).status_code == 200


def test_c03_capitals_and_dots_in_a_name_are_not_ours(server: LocalServer) -> None:
    host = f"localhost:{server.settings.port}"
    with live.client(server, Host=host) as browser:
        for origin in (f"http://LOCALHOST:{server.settings.port}", f"http://localhost.:{server.settings.port}"):
            assert browser.get("/", headers={"Origin": origin}).status_code == 403, origin
        assert browser.get("/", headers={"Origin": f"http://{host}"}).status_code == 200


def foreign_hosts(port: int) -> list[bytes]:
    names = [
        "evil.test",
        f"evil.test:{port}",
        f"127.0.0.1.nip.io:{port}",
        f"0.0.0.0:{port}",
        f"[::]:{port}",
        "",
        " ",
        ":",
        f":{port}",
        "127.0.0.1",
        f"127.0.0.1:{port + 1}",
        f"127.0.0.2:{port}",
        f"127.1:{port}",
        f"localhost.:{port}",
        f"LOCALHOST:{port}",
        f"localhost:{port}.evil.test",
        f"localhost:{port}@evil.test",
        f"user@localhost:{port}",
        f"localhost:{port}/",
        f"localhost:{port}?",
        f"localhost:{port},evil.test",
        "[::1",
        f"[::1]{port}",
        f"[::1%25lo]:{port}",
        "a" * 10_000,
        "a." * 5_000 + f":{port}",
        f"löcalhost:{port}",
        f"localhost:{port}\x00",
        f"localhost:\t{port}",
    ]
    return [name.encode() for name in names]


@pytest.mark.parametrize("upgrade", [False, True], ids=["http", "websocket"])
def test_c04_a_host_is_ours_or_refused(server: LocalServer, upgrade: bool) -> None:
    """Raw bytes, since no client would send these; after each of them the server still answers."""
    crumbs = "".join(f"{name}: {value}\r\n" for name, value in live.cookie(server).items()).encode()
    extra = crumbs + b"Connection: close\r\n"
    if upgrade:
        extra = crumbs + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        extra += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    start = b"GET /%s HTTP/1.1\r\n" % (b"socket" if upgrade else b"")
    ours = f"127.0.0.1:{server.settings.port}".encode()
    heads = [b"Host: " + host + b"\r\n" for host in foreign_hosts(server.settings.port)]
    heads += [b"", b"Host: %s\r\nHost: %s\r\n" % (ours, ours), b"Host: %s\r\nHost: evil.test\r\n" % ours]
    heads += [b"Host:%s\r\n evil.test\r\n" % ours, b"X-Forwarded-Host: %s\r\nHost: evil.test\r\n" % ours]
    for head in heads:
        answer = live.raw(server, start + head + extra + b"\r\n")
        assert live.status(answer) in (400, 403), (head[:80], answer[:80])
        assert b"content-security-policy" in answer.lower(), head[:80]
    good = live.raw(server, start + b"Host: " + ours + b"\r\nOrigin: http://" + ours + b"\r\n" + extra + b"\r\n", 1)
    assert live.status(good) == (101 if upgrade else 200)


def test_c04_a_target_that_names_another_host_is_refused(server: LocalServer) -> None:
    ours = f"127.0.0.1:{server.settings.port}".encode()
    for target in (b"http://evil.test/", b"evil.test:80", b"*", b"socket"):
        answer = live.raw(server, b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (target, ours))
        assert live.status(answer) in (400, 403), target


def refused_socket(server: LocalServer, headers: dict[str, str]) -> int:
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{server.settings.port}/socket", additional_headers=headers, proxy=None)
    return refused.value.response.status_code


def test_c05_a_socket_from_another_page_is_refused_before_it_is_accepted(server: LocalServer) -> None:
    for origin in foreign_origins(server.settings.port):
        assert refused_socket(server, {**live.cookie(server), "Origin": origin}) == 403, origin
    host, origin = f"127.0.0.1:{server.settings.port}", EVIL
    said = asyncio.run(first_answer(server.app, "/socket", {"host": host, "origin": origin}, denial=False))
    assert said == {"type": "websocket.close", "code": 1008}


def test_c06_a_socket_without_an_origin_needs_the_bearer(server: LocalServer) -> None:
    assert refused_socket(server, live.cookie(server)) == 403
    assert refused_socket(server, {}) == 401
    assert refused_socket(server, {"Origin": server.origin}) == 401
    assert refused_socket(server, {"Authorization": "Bearer wrong"}) == 401
    bearer = {"Authorization": f"Bearer {live.TOKEN}"}
    with connect(f"ws://127.0.0.1:{server.settings.port}/socket", additional_headers=bearer, proxy=None) as socket:
        socket.send('{"type": "list_networks", "request": 7}')
        assert '"request":7' in str(socket.recv(5))


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/json", "application/x-www-form-urlencoded", "image/svg+xml", "image/*"]
)
def test_c07_what_is_not_sent_as_a_picture_has_no_effect(server: LocalServer, kind: str | None) -> None:
    before = state(server)
    headers = {"Origin": server.origin} | ({"Content-Type": kind} if kind else {})
    with live.client(server) as browser:
        assert browser.post("/inputs", content=live.picture(), headers=headers).status_code == 415
        del headers["Origin"]  # as a form of another page would
        assert browser.post("/inputs", content=live.picture(), headers=headers).status_code == 403
    assert state(server) == before


def test_c08_reading_changes_nothing(server: LocalServer) -> None:
    before = state(server)
    with live.client(server) as browser:
        for path in http_paths(server.app):
            for query in ("", "?code=", "?delete=1&method=DELETE"):
                browser.get(path + query, headers={"X-HTTP-Method-Override": "DELETE"})
                browser.head(path + query)
    assert state(server) == before


def test_c09_every_answer_carries_the_protective_headers(server: LocalServer) -> None:
    asked = [
        (method, path)
        for path in [*http_paths(server.app), "/none", "/socket"]
        for method in ("GET", "POST", "OPTIONS", "TRACE")
    ]
    with httpx.Client(base_url=server.origin, trust_env=False) as stranger, live.client(server) as browser:
        answers = [stranger.request(*one) for one in asked]
        answers += [browser.request(*one, headers={"Origin": EVIL}) for one in asked]
        answers += [browser.request(*one, headers={"Origin": server.origin}) for one in asked]
        answers += [browser.request(*one, headers={"Host": "evil.test"}) for one in asked[:1]]
    assert {answer.status_code for answer in answers} >= {200, 401, 403, 404, 405, 415}
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert "server" not in answer.headers
        for name, wanted in PROTECTIVE.items():
            assert wanted.search(answer.headers[name]), (answer.request.method, answer.url, name)


def test_c09_an_error_inside_carries_them_too(tmp_path: Path) -> None:
    app = app_in(tmp_path)

    async def breaks(request: object) -> PlainTextResponse:
        raise RuntimeError(live.SECRET)

    app.add_route("/breaks", breaks)
    crumb = {"Cookie": f"{app.gate.cookie}={app.gate.session}"}
    answer = asyncio.run(ask(app, "GET", "/breaks", crumb))
    assert answer.status_code == 500
    assert set(answer.json()) == {"what", "where", "why", "todo"}
    assert live.SECRET not in answer.text
    assert all(wanted.search(answer.headers[name]) for name, wanted in PROTECTIVE.items())


def test_c09_another_page_can_link_here_but_not_build_on_it(server: LocalServer) -> None:
    """A page of another port is of the same site: the browser sends our cookie with what it asks for."""
    with live.client(server) as browser:
        for kind in ("image", "script", "iframe", "empty", "object"):
            elsewhere = {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": kind}
            assert browser.get("/inputs/" + "0" * 32, headers=elsewhere).status_code == 403
        linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
        assert browser.get("/", headers=linked).status_code == 200
        assert browser.get("/", headers={"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}).status_code == 200


def test_c10_a_start_code_works_once(fresh: LocalServer, capfd: pytest.CaptureFixture[str]) -> None:
    address = fresh.opening_address("/cnn?network=tiny&layer=2")
    code = address.partition("code=")[2]
    with httpx.Client(trust_env=False) as browser:
        answer = browser.get(address)
        assert answer.status_code == 303
        assert answer.headers["location"] == "/cnn?network=tiny&layer=2"
        assert answer.headers["referrer-policy"] == "no-referrer"
        crumb = answer.headers["set-cookie"]
        assert crumb.startswith(f"glasswork-{fresh.settings.port}=")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(crumb.split("; "))
        assert browser.get(fresh.origin + answer.headers["location"]).status_code == 200
    for again in ({}, live.cookie(fresh)):
        assert httpx.get(address, headers=again, trust_env=False).status_code == 403
    fresh.stop()
    printed = "".join(capfd.readouterr())
    assert code not in printed
    assert live.TOKEN not in printed


def test_c10_a_start_code_is_only_taken_by_opening_a_page(fresh: LocalServer) -> None:
    code = fresh.opening_address().partition("code=")[2]
    target = f"GET //evil.example/?code={code} HTTP/1.1\r\nHost: 127.0.0.1:{fresh.settings.port}\r\n\r\n"
    assert live.status(live.raw(fresh, target.encode())) == 401  # a redirect would lead to evil.example
    with httpx.Client(base_url=fresh.origin, trust_env=False) as stranger:
        assert stranger.head(f"/?code={code}").status_code == 401
        assert stranger.get(f"/assets/index-a1.js?code={code}").status_code == 401
        assert stranger.get(f"/?code={code}", headers={"Origin": EVIL}).status_code == 403
        assert stranger.get(f"/?code={code}&code={code}").status_code == 403
        assert stranger.get(f"/?code={code}").status_code == 303


def test_c10_a_link_in_another_sites_page_lets_its_reader_in(fresh: LocalServer) -> None:
    """A terminal in the browser is such a page. A redirect from there would come without the strict cookie."""
    linked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
    address = fresh.opening_address("/cnn?a=%22%3E%3Cscript%3E&b=2")
    answer = httpx.get(address, headers=linked, trust_env=False)
    assert answer.status_code == 200
    assert 'content="0; url=/cnn?a=%22%3E%3Cscript%3E&amp;b=2"' in answer.text
    assert "SameSite=Strict" in answer.headers["set-cookie"]
    assert "script>" not in answer.text
    assert httpx.get(address, headers=linked, trust_env=False).status_code == 403


def test_c10_two_servers_on_one_host_have_two_cookies(tmp_path: Path) -> None:
    one, other = (create_app(Settings(port=port, home=tmp_path), live.respond).gate for port in (7860, 7861))
    assert one.cookie != other.cookie
    assert one.session != other.session


def test_c11_a_thousand_wrong_tokens_lock_out_nobody_who_has_the_cookie(tmp_path: Path) -> None:
    app = app_in(tmp_path)
    now = [0.0]
    for bucket in app.gate.wrong.values():
        bucket.clock, bucket.filled = (lambda: now[0]), 0.0

    def status(headers: dict[str, str], query: str = "") -> int:
        named = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        host, refusal = (b"host", b"127.0.0.1:7860"), None
        scope = {"type": "http", "method": "GET", "path": "/", "query_string": query.encode()}
        refusal = app.gate.judge({**scope, "headers": [host, *named]}, "127.0.0.1:7860")
        return refusal.status_code if refusal else 200

    owner = {"Cookie": f"{app.gate.cookie}={app.gate.session}"}
    for kind in ("bearer", "cookie", "code"):
        found = []
        for number in range(1000):
            given = {"Authorization": f"Bearer {number:043}"} if kind == "bearer" else {}
            given |= {"Cookie": f"{app.gate.cookie}={number:064}"} if kind == "cookie" else {}
            found.append(status(given, f"code={number}" if kind == "code" else ""))
            assert status(owner) == 200
        assert found == [403 if kind == "code" else 401] * 20 + [429] * 980, kind
    # While too many are wrong, not even the right token is looked at: guessing gets nowhere. Then it works again.
    program = {"Authorization": f"Bearer {live.TOKEN}"}
    assert status(program) == 429
    now[0] += 5
    assert status(program) == 200
    assert status({}, f"code={app.gate.mint()}") == 303


@pytest.mark.slow
def test_c11_the_time_of_a_refusal_tells_nothing(tmp_path: Path) -> None:
    gate = app_in(tmp_path).gate
    near, far = gate.session[:-1] + "x", "x" * len(gate.session)

    def spent(guess: str) -> float:
        scope = {"headers": [(b"cookie", f"{gate.cookie}={guess}".encode())]}
        begun = time.perf_counter()
        for _ in range(2000):
            gate.recognise(scope)
        return time.perf_counter() - begun

    ratios = [spent(near) / spent(far) for _ in range(25)]
    assert 0.9 < statistics.median(ratios) < 1.1
