"""`glasswork sample`: what a generator makes, or what a distribution of the plane holds."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from glasswork.cli.command import Report
from glasswork.cli.printing import say, show_table
from glasswork.cli.usage import UsageError

if TYPE_CHECKING:
    import numpy as np

DATA = "data:"
MOST = 10_000_000
FORMS = (".npy", ".png")
SIDE = 512  # pixels of a picture of points
ACROSS = 10  # pictures in a row
SHOWN = 5


@dataclass(kw_only=True)
class Sample(Report):
    """Draw samples: what a trained generator makes, or what a distribution of the plane holds."""

    target: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="TARGET")]
    """A trained network with a generator (its recipe's name, or a run folder), or data:NAME, such as data:ring."""
    count: Annotated[int, tyro.conf.arg(name="n", aliases=("-n",), metavar="N")] = 12_000
    """How many."""
    seed: Annotated[int, tyro.conf.arg(metavar="S")] = 0
    """The same seed gives the same samples."""
    out: Annotated[Path | None, tyro.conf.arg(aliases=("-o",), metavar="FILE", help_behavior_hint="")] = None
    """Where they go: FILE.npy holds the numbers, FILE.png shows them; without it a few are printed."""

    def result(self) -> dict[str, Any]:
        """{"target", "n", "seed", "shape", "out", "first"}."""
        where = "glasswork sample"
        if not 1 <= self.count <= MOST:
            raise UsageError(f"-n must be 1 to {MOST:,}", where=where, why=f"it is {self.count:,}")
        if self.seed < 0:
            raise UsageError("--seed must be 0 or more", where=where, why=f"it is {self.seed}")
        if self.out is not None and self.out.suffix not in FORMS:
            raise UsageError(f"{self.out.name} is no {' or '.join(FORMS)}", where=where, why="its name says the form")
        found = self._drawn()
        if self.out is not None:
            _write(self.out, found)
        return {
            "target": self.target,
            "n": len(found),
            "seed": self.seed,
            "shape": list(found.shape),
            "out": None if self.out is None else str(self.out),
            "first": found[:SHOWN].tolist() if found.ndim == 2 else [],
        }

    def show(self, result: dict[str, Any]) -> None:
        """How many, and where they are."""
        size = " x ".join(map(str, result["shape"][1:]))
        say(f"{result['n']:,} samples of {self.target}, {size} numbers each, seed {self.seed}")
        if result["out"]:
            say(f"Written to {result['out']}")
        elif result["first"]:
            show_table(("x", "y"), [(f"{x:.4f}", f"{y:.4f}") for x, y in result["first"]], ("x", "y"))

    def _drawn(self) -> np.ndarray:
        if self.target.startswith(DATA):
            from glasswork.data.distributions import distribution

            return distribution(self.target.removeprefix(DATA)).draw(self.count, self.seed)
        from glasswork import zoo
        from glasswork.generation import generators

        return generators.samples(zoo.load(self.target), self.count, self.seed)


def _write(path: Path, found: np.ndarray) -> None:
    """Whole, or not at all.

    Raises:
        GlassworkError: it can't be written.
    """
    import numpy as np
    from PIL import Image

    from glasswork import zoo
    from glasswork.errors import GlassworkError

    buffer = io.BytesIO()
    if path.suffix == ".npy":
        np.save(buffer, found)
    else:
        Image.fromarray(_density(found) if found.ndim == 2 else _sheet(found)).save(buffer, "PNG")
    try:
        zoo.write_atomically(path, buffer.getvalue())
    except OSError as error:
        raise GlassworkError("the samples can't be written", where=str(path), why=error.strerror or "") from error


def _density(points: np.ndarray) -> np.ndarray:
    """Points as a picture, dark where many lie, (SIDE, SIDE), uint8; over their own box."""
    import numpy as np

    low, high = points.min(0), points.max(0)
    span = max(float((high - low).max()), 1e-9)
    place = ((points - (low + high) / 2) / span * 0.9 + 0.5) * SIDE
    column, row = np.clip(place, 0, SIDE - 1).astype(int).T
    counts = np.zeros((SIDE, SIDE))
    np.add.at(counts, (SIDE - 1 - row, column), 1)
    return (255 * (1 - np.minimum(1, counts / max(1.0, np.quantile(counts[counts > 0], 0.9))))).astype(np.uint8)


def _sheet(pictures: np.ndarray) -> np.ndarray:
    """The first hundred pictures in rows of ten, uint8."""
    import numpy as np

    shown = pictures[: ACROSS * ACROSS]
    count, height, width, channels = shown.shape
    rows = -(-count // ACROSS)
    whole = np.full((rows * ACROSS, height, width, channels), 255, np.uint8)
    whole[:count] = shown
    sheet = whole.reshape(rows, ACROSS, height, width, channels).transpose(0, 2, 1, 3, 4)
    return sheet.reshape(rows * height, ACROSS * width, channels).squeeze()
