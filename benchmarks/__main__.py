"""Run all benchmarks and write RESULTS.md beside this file; exit 1 when a bar is not held."""

from __future__ import annotations

import os
import platform
import sys
from datetime import date
from pathlib import Path

import torch

from benchmarks import (
    diffusion,
    explaining,
    gan,
    language,
    live_view,
    long_runs,
    open_page,
    page,
    photos,
    playground,
    tracing,
    training,
)
from benchmarks.figures import Figure

RESULTS = Path(__file__).parent / "RESULTS.md"


def row(figure: Figure) -> str:
    """One line of the table."""
    if figure.bar is None:
        return f"| {figure.what} | {figure.measured:.3g} {figure.unit} | | |"
    verdict = "holds" if figure.holds else "**not held**"
    return f"| {figure.what} | {figure.measured:.3g} {figure.unit} | {figure.bar:g} {figure.unit} | {verdict} |"


def main() -> int:
    measured = [
        page,
        photos,
        open_page,
        language,
        playground,
        gan,
        tracing,
        explaining,
        training,
        live_view,
        long_runs,
        diffusion,
    ]
    figures = [figure for part in measured for figure in part.measure()]
    lines = [
        "# Measured",
        "",
        f"By `make bench` on {date.today()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"PyTorch {torch.__version__}, headless Chromium on the same machine.",
        "",
        "| what | measured | bar | |",
        "|---|---|---|---|",
        *map(row, figures),
        "",
    ]
    RESULTS.write_text("\n".join(lines))
    print("\n".join(lines))
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
