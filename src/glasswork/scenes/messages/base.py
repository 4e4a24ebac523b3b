"""What all messages are made of."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class Request(Struct, tag_field="type", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Something that a page asks for."""

    request: int
    """The page's own number for this request; every answer to it carries it."""

    @property
    def slot(self) -> str:
        """Requests in one slot replace each other: a new one cancels an older one of the same page."""
        return type(self).__name__


class Number(Struct, frozen=True):
    """A number and where it can be asked for."""

    ref: str
    value: float


class Array(Struct, frozen=True):
    """One tensor of a binary frame. `ref` is `SOURCE#path@what`; the reference of an element adds its index."""

    ref: str
    shape: list[int]
    dtype: Literal["float32", "float64", "uint8"]
