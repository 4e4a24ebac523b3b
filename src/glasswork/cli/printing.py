"""From results to the terminal. Names come from files and labels: none of them reaches the terminal as it is."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from glasswork.errors import GlassworkError

GAP = "  "


def printable(text: str) -> str:
    """`text` with each character that a terminal would act on (ESC, line ends, right-to-left marks) as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def say(text: str) -> None:
    """Print one line."""
    print(printable(text))


def error_text(error: GlassworkError) -> str:
    """An error on one line; only its cause may have more (a table of what differs), each of them indented."""
    causes = [printable(line) for line in error.why.strip().splitlines()]
    what, where, todo = (printable(part) for part in (error.what, error.where, error.todo))
    return str(GlassworkError(what, where=where, why="\n  ".join(causes), todo=todo))


def as_json(result: Any) -> str:
    """One line of strict JSON in ASCII: NaN and infinities, which it has no words for, become null."""
    return json.dumps(_finite(result), allow_nan=False).replace("\x7f", "\\u007f")


def _finite(tree: Any) -> Any:
    if isinstance(tree, float):
        return tree if math.isfinite(tree) else None
    if isinstance(tree, Mapping):
        return {key: _finite(item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_finite(item) for item in tree]
    return tree


def show_table(header: Sequence[str], rows: Sequence[Sequence[object]], right: Collection[str] = ()) -> None:
    """Print a table: framed on a terminal, in plain aligned columns elsewhere.

    Args:
        header: the columns' names.
        rows: what stands in them.
        right: the names of the columns that are aligned to the right.
    """
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _framed(header, cells, right)
        return
    lines = [header, *cells] if any(header) else cells
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for row in lines:
        aligned = [
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(header, row, widths, strict=True)
        ]
        print(GAP.join(aligned).rstrip())


def _framed(header: Sequence[str], cells: Sequence[Sequence[str]], right: Collection[str]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", show_header=any(header))
    for name in header:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))  # Text: square brackets in a name are no markup
    Console().print(table)


@contextlib.contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Say on standard error how far something has come: a bar on a terminal, elsewhere a line at each tenth.

    Yields:
        What is to be told how much is done, and of how much.
    """
    if not sys.stderr.isatty():
        said = -1

        def line(done: int, total: int) -> None:
            nonlocal said
            tenth = 10 * done // max(total, 1)
            if tenth > said:
                said = tenth
                print(printable(f"{what}: {size(done)} of {size(total)}"), file=sys.stderr)

        yield line
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def count(number: float) -> str:
    """A count in words: 19,920 as it is, 11,513,627,000 as 11.51 G."""
    for size, unit in ((1e9, "G"), (1e6, "M")):
        if number >= size:
            return f"{number / size:.4g} {unit}"
    return f"{number:,.0f}"


def size(number: float) -> str:
    """Bytes in words, in powers of 1024."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"
