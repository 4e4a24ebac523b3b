"""A text file, to learn from: its beginning to train on, its end held out."""

from __future__ import annotations

from dataclasses import dataclass

from glasswork.data.given.files import existing
from glasswork.errors import GlassworkError

MOST_BYTES = 1 << 30
LEAST = 1_000  # characters
TRAIN, ASIDE = 90, 5  # per cent


@dataclass(frozen=True)
class Text:
    """A text in three stretches, so that none of them was seen before.

    Attributes:
        spec: what was asked for.
        train: its beginning, to learn from.
        validation: what follows, to choose by.
        test: its end.
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
    return parted(spec, content, TRAIN, ASIDE)


def parted(spec: str, content: str, train: int, aside: int, lines: bool = False) -> Text:
    """A text's first `train` per cent, the next `aside`, and the rest; with `lines`, each ends where a line does."""
    first, second = len(content) * train // 100, len(content) * (train + aside) // 100
    if lines:
        first, second = (content.index("\n", at) + 1 for at in (first, second))
    return Text(spec, content[:first], content[first:second], content[second:])
