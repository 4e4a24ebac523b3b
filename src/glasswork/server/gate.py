"""The gate: one piece of ASGI around the whole app that refuses all that is not plainly allowed.

A request passes when it names a host of ours (so that no foreign name can be pointed at this machine), comes from no
foreign page, and carries either the cookie or the bearer token. The cookie is given in exchange for a start code that
works once. Nothing is exempt. Sockets are judged by the same rules, before they are accepted.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import socket
from html import escape
from typing import Literal
from urllib.parse import parse_qsl, urlencode

from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from glasswork.server.bucket import TokenBucket
from glasswork.server.headers import protective
from glasswork.server.settings import Settings

READING = ("GET", "HEAD")
WRONG_RATE, WRONG_BURST = 1, 20  # wrong secrets a second, and at once, before they are answered by 429
DENIED = 1008  # the close code for what policy forbids

Who = Literal["cookie", "bearer"]


class Gate:
    """Lets through to `app` what is allowed, and puts the protective headers on every answer."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.hosts = own_hosts(settings)
        self.cookie = f"glasswork-{settings.port}"  # browsers keep one cookie jar for all ports of a host
        # Derived, so that a cookie that is seen doesn't give away the token, and outlives a restart with the same one.
        self.session = hmac.new(settings.token.encode(), b"glasswork session", hashlib.sha256).hexdigest()
        self.unused: set[str] = set()
        self.used: set[str] = set()
        self.wrong = {kind: TokenBucket(WRONG_RATE, WRONG_BURST) for kind in ("cookie", "bearer", "code")}

    def mint(self) -> str:
        """A start code for an opening address; it works once."""
        code = secrets.token_urlsafe(24)
        self.unused.add(digest(code))
        return code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] not in ("http", "websocket"):
            raise RuntimeError(f"the gate knows no {scope['type']!r}")
        host, refusal = self.named_host(scope)
        shielded = with_headers(send, protective(host))
        refusal = refusal or self.judge(scope, str(host))
        if refusal is None:
            await self.app(scope, receive, shielded)
        elif scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
            await refusal(scope, receive, shielded)
        else:
            await shielded({"type": "websocket.close", "code": DENIED})

    def named_host(self, scope: Scope) -> tuple[str | None, Response | None]:
        """The host that the request names, if it is one of ours, or the refusal."""
        named = values(scope, b"host")
        if len(named) != 1 or not scope["path"].startswith("/"):
            return None, refuse(400, "A request must name exactly one host, and a path that begins with a slash.")
        if named[0] in self.hosts or named[0] in served_addresses(self.settings, scope):
            return named[0], None
        return None, refuse(
            403,
            "This is not an address of this Glasswork. Use the one that it printed when it started; through a tunnel, "
            "the same port at both ends; under another name, start it with --host NAME.",
        )

    def judge(self, scope: Scope, host: str) -> Response | None:
        """The refusal of a request for one of our hosts; None lets it pass."""
        origins = values(scope, b"origin")
        if origins and origins != [f"http://{host}"]:
            return refuse(403, "Another page may not use this Glasswork; only its own page may.")
        if comes_from_elsewhere(scope):
            return refuse(403, "Another page may link to this Glasswork, not build on it.")
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] in self.settings.pages:
            query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            if codes := [value for name, value in query if name == "code"]:
                rest = urlencode([pair for pair in query if pair[0] != "code"])
                linked = values(scope, b"sec-fetch-site") == ["cross-site"]
                return self.exchange(codes, scope["path"] + (f"?{rest}" if rest else ""), linked)
        who = self.recognise(scope)
        if who is None:
            return self.unknown(scope)
        changes = scope["type"] == "websocket" or scope["method"] not in READING
        if changes and not origins and who != "bearer":
            return refuse(403, "A request that may change something must say which page it comes from (Origin).")
        return None

    def exchange(self, codes: list[str], target: str, linked: bool) -> Response:
        """Swap a start code for the cookie, and go on to `target`."""
        given = digest(codes[0])
        if len(codes) == 1 and given in self.unused:
            self.unused.discard(given)
            self.used.add(given)
            cookie = {"set-cookie": f"{self.cookie}={self.session}; Path=/; HttpOnly; SameSite=Strict"}
            if linked:
                # Opened by a link in another site's page (a terminal in the browser), whose redirects never carry a
                # strict cookie. So our own page goes on.
                return HTMLResponse(f'<meta http-equiv="refresh" content="0; url={escape(target)}">', headers=cookie)
            return Response(status_code=303, headers={"location": target, **cookie})
        if given in self.used:
            return refuse(
                403,
                "This opening address was used already; each works once. In the browser that used it, take "
                "'code=...' out of the address; for another one, start glasswork again.",
            )
        return self.slow_down("code") or refuse(403, "This opening address is not of this Glasswork, or of an old run.")

    def recognise(self, scope: Scope) -> Who | None:
        """Whose request this is. The cookie is always looked at, so that guessing can't lock its owner out."""
        cookies = [value for name, value in crumbs(scope) if name == self.cookie]
        if any(same(value, self.session) for value in cookies):
            return "cookie"
        bearers = bearer_tokens(scope)
        # A token that a person chose can be guessed in time: while too many are wrong, none is looked at.
        if len(bearers) == 1 and self.wrong["bearer"].has() and same(bearers[0], self.settings.token):
            return "bearer"
        return None

    def unknown(self, scope: Scope) -> Response:
        """The answer to a request without a secret, or with a wrong one."""
        if bearer_tokens(scope):
            wrong = self.slow_down("bearer")
        elif any(name == self.cookie for name, _ in crumbs(scope)):
            wrong = self.slow_down("cookie")
        else:
            wrong = None
        return wrong or refuse(
            401,
            "Glasswork runs here, but this browser is not let in yet: open the address that it printed in its terminal "
            "(it ends in ?code=... and works once), or start glasswork again for a new one.",
            {"www-authenticate": "Bearer"},
        )

    def slow_down(self, kind: str) -> Response | None:
        """429 when too many secrets of this kind were wrong."""
        if self.wrong[kind].take():
            return None
        return refuse(429, "Too many wrong secrets: wait a little.", {"retry-after": str(WRONG_BURST)})


def own_hosts(settings: Settings) -> frozenset[str]:
    """Every Host that is this server's."""
    names = {"127.0.0.1", "localhost", "[::1]"}
    names.add(f"[{settings.host}]" if ":" in settings.host else settings.host.lower())
    if is_wildcard(settings.host):
        names = names - {settings.host, f"[{settings.host}]"} | {socket.gethostname().lower()}
    # Browsers leave the port out when it is the scheme's own.
    return frozenset(names if settings.port == 80 else {f"{name}:{settings.port}" for name in names})


def served_addresses(settings: Settings, scope: Scope) -> set[str]:
    """When listening on all addresses: the one that this connection reached us on."""
    if not is_wildcard(settings.host) or not scope.get("server"):
        return set()
    address = str(scope["server"][0]).removeprefix("::ffff:")
    name = f"[{address}]" if ":" in address else address
    return {name if settings.port == 80 else f"{name}:{settings.port}"}


def is_wildcard(host: str) -> bool:
    """Whether a host stands for all addresses of the machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def comes_from_elsewhere(scope: Scope) -> bool:
    """Whether a browser says that another page asks, for anything but to be opened in a tab.

    Pages of other ports of this machine count as the same site, so our cookie comes with what they ask for.
    """
    if all(value in ("same-origin", "none") for value in values(scope, b"sec-fetch-site")):
        return False
    opens = scope["type"] == "http" and scope["method"] in READING
    return not (opens and values(scope, b"sec-fetch-dest") == ["document"])


def values(scope: Scope, name: bytes) -> list[str]:
    """Every value of a header."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def crumbs(scope: Scope) -> list[tuple[str, str]]:
    """Names and values of all cookies."""
    pairs = [pair.partition("=") for header in values(scope, b"cookie") for pair in header.split(";")]
    return [(name.strip(), value.strip()) for name, _, value in pairs]


def bearer_tokens(scope: Scope) -> list[str]:
    """Every token that the request carries."""
    parts = [value.partition(" ") for value in values(scope, b"authorization")]
    return [token.strip() for scheme, _, token in parts if scheme.lower() == "bearer"]


def same(given: str, secret: str) -> bool:
    """Whether two secrets are one, in a time that tells nothing about where they differ."""
    return hmac.compare_digest(given.encode(), secret.encode())


def digest(code: str) -> str:
    """What is kept of a start code."""
    return hashlib.sha256(code.encode()).hexdigest()


def refuse(status: int, line: str, headers: dict[str, str] | None = None) -> Response:
    """A refusal in one plain line."""
    return PlainTextResponse(line + "\n", status, headers)


def with_headers(send: Send, headers: dict[str, str]) -> Send:
    """A `send` that puts these headers on whatever is answered, in place of any of the same name."""
    extra = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    ours = {name for name, _ in extra}
    starts = ("http.response.start", "websocket.http.response.start", "websocket.accept")

    async def shielded(message: Message) -> None:
        if message["type"] in starts:
            kept = [pair for pair in message.get("headers", []) if pair[0].lower() not in ours]
            message = {**message, "headers": kept + extra}
        await send(message)

    return shielded
