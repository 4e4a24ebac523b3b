"""Run all benchmarks and write RESULTS.md beside this file; exit 1 when a bar is not held.

`python -m benchmarks [NAME ...]` runs some and writes nothing. Each has a process of its own: what another left in
memory would be walked by the garbage collector within what is timed.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from pathlib import Path

import torch

from benchmarks.figures import Figure, figures_of

# Tracing first: what keeps many tensors alive pays for memory that others have left in small pieces.
PARTS = (
    *("tracing", "explaining", "page", "photos", "open_page", "language", "playground", "gan", "training"),
    *("live_view", "long_runs", "diffusion"),
)
RESULTS = Path(__file__).parent / "RESULTS.md"


def row(figure: Figure) -> str:
    """One line of the table."""
    if figure.bar is None:
        return f"| {figure.what} | {figure.measured:.3g} {figure.unit} | | |"
    verdict = "holds" if figure.holds else "**not held**"
    return f"| {figure.what} | {figure.measured:.3g} {figure.unit} | {figure.bar:g} {figure.unit} | {verdict} |"


def measured(names: Sequence[str]) -> Iterator[Figure]:
    """The figures of these files, printed as they come."""
    for name in names:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            for figure in process.submit(figures_of, name).result():
                print(row(figure), flush=True)
                yield figure


def main() -> int:
    asked = sys.argv[1:]
    figures = list(measured(asked or PARTS))
    lines = [
        "# Measured",
        "",
        f"By `make bench` on {date.today()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"PyTorch {torch.__version__} with {torch.backends.cpu.get_cpu_capability()}, "
        "headless Chromium on the same machine.",
        "",
        "| what | measured | bar | |",
        "|---|---|---|---|",
        *map(row, figures),
        "",
    ]
    if not asked:
        RESULTS.write_text("\n".join(lines))
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
