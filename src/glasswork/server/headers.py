"""The headers that every answer of this server carries, whoever writes it."""

from __future__ import annotations

RULES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; "
    "connect-src 'self'{sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FIXED = {
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


def protective(host: str | None) -> dict[str, str]:
    """The headers of an answer to a request for `host`; None when the request named no host of ours.

    Not every browser counts ws: under 'self', so the socket's origin is named beside it.
    """
    rules = RULES.format(sockets=f" ws://{host}" if host else "")
    return {"content-security-policy": rules, **FIXED}
