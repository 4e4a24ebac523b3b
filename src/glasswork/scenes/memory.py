"""How much memory this machine has for what is to be loaded."""

from __future__ import annotations

from pathlib import Path

from glasswork.errors import GlassworkError

COPIES = 3
"""While a file of weights is read, there are so many copies of them."""


def free_memory() -> int | None:
    """Bytes that a new program could have; None where the system doesn't say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration, ValueError, IndexError):
        return None


def check_room(name: str, weights: int) -> None:
    """Say beforehand that something is too large.

    Args:
        name: of what is to be loaded.
        weights: its bytes.

    Raises:
        GlassworkError: there is less free memory than loading it takes.
    """
    free, needed = free_memory(), COPIES * weights
    if free is not None and needed > free:
        raise GlassworkError(
            f"{name} does not fit into this machine's memory",
            where=name,
            why=f"it takes about {needed / 1e9:.1f} GB while it is loaded; {free / 1e9:.1f} GB are free",
            todo="Close other programs, or open a smaller one.",
        )
