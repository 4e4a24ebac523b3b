"""What comes in as a name never becomes a path or an address (CHECKS C14, C15, C31)."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import live
import pytest
from websockets.exceptions import ConnectionClosed

from glasswork.errors import GlassworkError
from glasswork.server.journal import plain
from glasswork.server.run import LocalServer
from glasswork.server.store import InputStore

CANARY = "the canary sings"
UPS = [
    "..",
    "%2e%2e",
    "%252e%252e",
    ".%2e",
    "%2e.",
    "..%00",
    "%c0%ae%c0%ae",
    "%uff0e%uff0e",
    "....",
    "..;",
    ". .",
    "․․",
]
SLASHES = ["/", "%2f", "%252f", "\\", "%5c", "//", "/./", "%c0%af"]
TARGETS = ["canary.txt", "etc/passwd", "inputs2/canary.txt", "index.html"]
ODD = [
    *(
        "/etc/passwd",
        "//etc/passwd",
        "\\\\127.0.0.1\\share\\canary.txt",
        "//127.0.0.1/share",
        "C:/canary.txt",
        "C:canary.txt",
    ),
    *(
        "C:\\canary.txt",
        "file:///etc/passwd",
        "~/.ssh/id_rsa",
        "~root",
        "$HOME/canary.txt",
        "%HOME%",
        "CON",
        "NUL",
        "aux.js",
    ),
    *(
        "canary.txt\0.js",
        "index-a1.js\0",
        "index-a1.js%00.png",
        ".",
        "",
        " ",
        "index-a1.js/",
        "index-a1.js/.",
        "./index-a1.js",
    ),
    *(
        "INDEX-A1.JS",
        "index-a1.js::$DATA",
        "index-a1.js.",
        "index-a1.js ",
        "link.js",
        "linked/canary.txt",
        "*",
        "?",
        "%",
        "%zz",
    ),
]
CORPUS = [
    f"{up}{slash}" * depth + target for up in UPS for slash in SLASHES for depth in (1, 4) for target in TARGETS[:2]
]
CORPUS += [f"{up}/{target}" for up in UPS for target in TARGETS[2:]] + ODD


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalServer, list[Path]]]:
    """A server among files that it must not read: beside, above, and linked into what it serves."""
    tmp = tmp_path_factory.mktemp("guarded")
    running = live.start(tmp)
    outside = [tmp / "canary.txt", tmp / "home" / "inputs2" / "canary.txt", tmp / "app" / "assets2" / "canary.txt"]
    for path in outside:
        path.parent.mkdir(exist_ok=True)
        path.write_text(CANARY)
        os.utime(path, (1, 2**31 - 1))  # a read would move the first on
    (tmp / "app" / "assets" / "link.js").symlink_to(tmp / "canary.txt")
    (tmp / "app" / "assets" / "linked").symlink_to(tmp, target_is_directory=True)
    (tmp / "home" / "inputs" / ("0" * 31 + "1.png")).symlink_to(tmp / "canary.txt")
    yield running, outside
    running.stop()


def test_c14_no_name_leads_out_of_what_is_served(guarded: tuple[LocalServer, list[Path]]) -> None:
    server, outside = guarded
    assert len(CORPUS) > 200
    host = f"Host: 127.0.0.1:{server.settings.port}\r\n"
    fields = host + "".join(f"{name}: {value}\r\n" for name, value in live.cookie(server).items())
    with socket.create_connection(("127.0.0.1", server.settings.port), timeout=5) as wire:
        answers = wire.makefile("rb")
        for before in ("/assets/", "/inputs/", "/"):
            for name in CORPUS:
                # As it stands where HTTP allows it, so that no client tidies it up first.
                target = quote(before + name, safe="/%:;?*\\.~$")
                if before == "/" and target.lstrip("/.") in ("", "*", "?", " "):
                    continue  # the front page itself
                wire.sendall(f"GET {target} HTTP/1.1\r\n{fields}\r\n".encode())
                status = int(answers.readline().split()[1])
                length = 0
                while (line := answers.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                body = answers.read(length)
                assert status in (400, 404) or (body.startswith(b"<!doctype") and before == "/"), (target, status)
                assert CANARY.encode() not in body
                assert b"root:" not in body
    assert [path.stat().st_atime for path in outside] == [1, 1, 1]


def test_c14_a_picture_id_is_hexadecimal_and_what_lies_there_is_checked(
    guarded: tuple[LocalServer, list[Path]],
) -> None:
    server, _ = guarded
    with live.client(server) as browser:
        answer = browser.get("/inputs/" + "0" * 31 + "1")  # a link to the canary
        assert answer.status_code == 404
        assert CANARY not in answer.text
    store: InputStore = server.app.state.store
    for name in [*CORPUS, "0" * 31, "0" * 33, "0" * 31 + "G", "A" * 32, "0" * 31 + "\n", "0" * 32 + "\n"]:
        with pytest.raises(GlassworkError):
            store.read(name)


def test_c15_an_address_in_a_field_is_never_fetched(server: LocalServer) -> None:
    called = []
    with socket.create_server(("127.0.0.1", 0)) as canary:
        at = f"127.0.0.1:{canary.getsockname()[1]}"
        canary.settimeout(0.1)
        listening = threading.Event()

        def listen() -> None:
            while not listening.is_set():
                with contextlib.suppress(TimeoutError):
                    called.append(canary.accept()[1])

        listener = threading.Thread(target=listen)
        listener.start()
        urls = [f"{kind}://{at}/x.png" for kind in ("http", "https", "ftp", "gopher", "ws", "file", "smb")]
        urls += [f"//{at}/x.png", f"\\\\{at}\\x.png", f"url:http://{at}/", f"http://user@{at}/"]
        with live.client(server, Origin=server.origin) as browser:
            for url in urls:
                for path in ("/", "/cnn", "/inputs/" + "0" * 32):
                    browser.get(path, params={"input": url, "url": url, "network": url}, headers={"X-Url": url})
                browser.get(f"/inputs/{quote(url, safe='')}")
                browser.get(f"/assets/{url}")
                svg = f"<svg xmlns='http://www.w3.org/2000/svg'><image href='{url}'/></svg>"
                for body in (url, svg, f"<!DOCTYPE x SYSTEM '{url}'>"):
                    browser.post("/inputs", content=body, headers={"Content-Type": "image/png", "Referer": url})
                with live.page_socket(server) as page, contextlib.suppress(ConnectionClosed):
                    page.send(json.dumps({"type": "open_scene", "request": 1, "network": url, "input": url}))
                    page.recv(2)
        listening.set()
        listener.join()
    assert called == []


HOSTILE = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]8;;http://127.0.0.1/\x07link\x1b]8;;\x07",
    "\x1b[2J\x1b[H",
    "\x9b31m",
    "\x1bP+q544e\x1b\\",
    "a\rb",
    "a\x08\x08b",
    "\x00",
    "\x7f",
    "\u202egnp.exe",
    "\u2066x\u2069",
    "\u200b",
    "\u2028",
    "\ufeff",
    "\udc80",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}}",
    "${7*7}",
    "'; DROP TABLE x; --",
    "__proto__",
    "%s%n%d",
    "{0.__class__}",
    "😀" * 50,
    "a\u0301" * 50,
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_c31_a_hostile_name_reaches_no_terminal_as_it_is(name: str) -> None:
    shown = plain(f"before {name} after")
    assert shown.replace("\n", "").replace("\t", "").isprintable()
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    visible = "".join(letter for letter in name if letter.isprintable())
    assert all(letter in shown for letter in visible)


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "\udc80"], ids=ascii)
def test_c31_a_hostile_name_stands_in_answers_as_it_is(server: LocalServer, name: str) -> None:
    with live.page_socket(server) as page:
        page.send(json.dumps({"type": "open_scene", "request": 1, "network": name, "input": "x"}))
        answer = str(page.recv(5))
        assert json.loads(answer)["arrays"][0]["ref"] == name
        assert "\x1b" not in answer
    with live.client(server) as browser:
        answer = browser.get("/assets/" + quote(name))
        assert answer.headers["content-type"].startswith("text/plain")
        assert name not in answer.text
