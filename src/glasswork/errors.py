"""The error that a reader is meant to see: what went wrong, where, why, and what to do about it."""

import difflib

MANY = 32


class GlassworkError(Exception):
    """A failure with an explanation; the command line and the app print its parts, never a traceback.

    Args:
        what: what failed, in one clause ("the weights of tiny-vgg-emoji can't be read").
        where: the file, target or setting that it is about.
        why: the cause, with expected and actual values.
        todo: what the reader can do now.
    """

    def __init__(self, what: str, *, where: str = "", why: str = "", todo: str = "") -> None:
        super().__init__(what, where, why, todo)
        self.what = what
        self.where = where
        self.why = why
        self.todo = todo

    def __str__(self) -> str:
        head = f"{self.what} ({self.where})" if self.where else self.what
        return ". ".join(part.rstrip(".") for part in (": ".join(filter(None, (head, self.why))), self.todo) if part)


def unknown(kind: str, name: str, known: list[str]) -> GlassworkError:
    """The error for a name that isn't one of ours, with the names that are; of many, those most like it.

    Args:
        kind: what the name should have named ("data set").
        name: what was asked for.
        known: every name that would have worked.
    """
    alike = sorted(known) if len(known) <= MANY else difflib.get_close_matches(name, known, n=5, cutoff=0.0)
    why = f"{'known' if len(known) <= MANY else f'of {len(known)}, the most alike'}: {', '.join(alike)}"
    return GlassworkError(f"there is no {kind} called {name[:80]!r}", why=why, todo="Use one of these names.")
