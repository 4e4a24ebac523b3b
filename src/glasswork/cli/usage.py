"""What the parser says of bad arguments, as one line."""

from __future__ import annotations

import re

FRAME = re.compile(r"[╭╮╰╯│|+]")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
DEEP = 6  # columns of indentation; what stands deeper is help


def complaint(text: str) -> str:
    """The first paragraph of what tyro prints in a frame, and the options that it would suggest."""
    lines = [COLOUR.sub("", line) for line in text.splitlines()]
    lines = [FRAME.sub("", line, count=1).removesuffix("│").rstrip() for line in lines]
    said: list[str] = []
    for line in lines[1:]:
        if not line.strip() or "────" in line:
            break
        if len(line) - len(line.lstrip()) < DEEP:
            said.append(line.strip())
    rest = lines[len(said) + 1 :]
    suggested = re.findall(r"^ {4,6}(--[\w-]+)", "\n".join(rest), re.MULTILINE) if "Perhaps" in text else []
    joined = " ".join(said) or "the arguments are not understood"
    return joined + (f" (perhaps {' or '.join(dict.fromkeys(suggested))}?)" if suggested else "")
