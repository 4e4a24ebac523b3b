"""How much memory this machine has for what is to be loaded."""

from __future__ import annotations

from pathlib import Path

COPIES = 3
"""While a file of weights is read, there are so many copies of them."""


def free_memory() -> int | None:
    """Bytes that a new program could have; None where the system doesn't say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None
