"""What all requests have."""

from __future__ import annotations

from msgspec import Struct


class Request(Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Something that a page asks for."""

    request: int
    """The page's own number for this request; every answer to it carries it."""

    @property
    def slot(self) -> str:
        """Requests in one slot replace each other: a new one cancels an older one of the same page."""
        return type(self).__name__
