"""Bad usage: an error of its own, and what the parser says of it as one line."""

from __future__ import annotations

import re

from glasswork.errors import GlassworkError

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
DEEP = 8  # columns of indentation, the frame among them; what stands deeper is help
FRAME = " │"
RULE = frozenset("-─")


class UsageError(GlassworkError):
    """The command was called in a way that means nothing; exit code 2."""


def complaint(text: str) -> str:
    """The first paragraph below the title of what tyro prints, and the options that it would suggest."""
    said: list[str] = []
    for line in COLOUR.sub("", text).splitlines()[1:]:
        words = line.strip(FRAME)
        if not words or RULE.issuperset(words):
            if said:
                break
        elif len(line) - len(line.lstrip(FRAME)) < DEEP:
            said.append(words)
    _, perhaps, rest = text.partition("Perhaps you meant")
    near = dict.fromkeys(re.findall(r"^[ │]{5,7}(--[\w-]+)", rest, re.MULTILINE)) if perhaps else ()
    joined = " ".join(said) or "the arguments are not understood"
    return joined + (f" (perhaps {' or '.join(near)}?)" if near else "")
