"""`glasswork networks`: what ships."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glasswork.cli.command import Report
from glasswork.cli.printing import count, say, show_table, size


@dataclass(kw_only=True)
class Networks(Report):
    """List the trained networks that ship: size, cost, data, measured scores."""

    def result(self) -> list[dict[str, Any]]:
        """One row for each."""
        import msgspec

        from glasswork import zoo

        return [msgspec.to_builtins(row) for row in zoo.shipped()]

    def show(self, result: list[dict[str, Any]]) -> None:
        """A table."""
        if not result:
            say("No trained network ships with this version. `glasswork train RECIPE` makes one.")
            return
        rows = [
            (
                row["name"],
                f"{row['parameters']:,}",
                count(row["macs"]),
                row["data"],
                ", ".join(f"{name} {value:.4g}" for name, value in row["scores"].items()),
                size(row["bytes"]),
                row["licence"],
            )
            for row in result
        ]
        header = ("name", "parameters", "multiply-adds", "data", "scores on held-out data", "size", "licence")
        show_table(header, rows, right=("parameters", "multiply-adds", "size"))
