"""How much memory a folder of weights takes, said before any of it is read."""

from __future__ import annotations

import sys
from pathlib import Path

from glasswork.cli.printing import printable, size

LARGE = 1 << 30  # bytes of weights, from where it is said


def check_memory(target: str) -> None:
    """Say what a folder in the layout of diffusers takes, where that is much.

    Raises:
        GlassworkError: this machine has not so much, or the folder is of a kind that isn't read.
    """
    from glasswork.generation import INDEX, needed
    from glasswork.scenes.memory import check_room

    folder = Path(target.removeprefix("hf:"))
    if not (folder / INDEX).is_file():
        return
    total = needed(folder)
    if total >= LARGE:
        print(printable(f"{target}: its weights take {size(total)} of memory"), file=sys.stderr)
    check_room(target, total)
