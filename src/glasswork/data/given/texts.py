"""A text file, to learn from: its beginning to train on, its end held out."""

from __future__ import annotations

from dataclasses import dataclass

from glasswork.data.given.files import existing
from glasswork.errors import GlassworkError

MOST_BYTES = 1 << 30
LEAST = 1_000  # characters


@dataclass(frozen=True)
class Text:
    """A text in three stretches, so that none of them was seen before.

    Attributes:
        spec: what was asked for.
        train: its first 90 %.
        validation: the next 5 %.
        test: the last 5 %.
    """

    spec: str
    train: str
    validation: str
    test: str

    @property
    def letters(self) -> tuple[str, ...]:
        """Every character that occurs, sorted."""
        return tuple(sorted({*self.train, *self.validation, *self.test}))


def read_text(spec: str) -> Text:
    """Read text:FILE, which is UTF-8.

    Raises:
        GlassworkError: it isn't, is too large, or too short to learn from.
    """
    path = existing(spec.partition(":")[2], folder=False)
    if (size := path.stat().st_size) > MOST_BYTES:
        raise GlassworkError(
            "this text is too large", where=str(path), why=f"it has {size:,} bytes; {MOST_BYTES:,} are read"
        )
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise GlassworkError(
            "this is no text in UTF-8",
            where=str(path),
            why=f"byte {error.start:,} is 0x{error.object[error.start]:02x}",
            todo="Save it as UTF-8.",
        ) from error
    if "\0" in content or len(content) < LEAST:
        why = "it holds zero bytes" if "\0" in content else f"it has {len(content):,} characters; {LEAST:,} are needed"
        raise GlassworkError("there is nothing to learn from", where=str(path), why=why)
    first, second = len(content) * 90 // 100, len(content) * 95 // 100
    return Text(spec, content[:first], content[first:second], content[second:])
