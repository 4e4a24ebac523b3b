"""`glasswork networks`: what ships, and what can be built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from glasswork.cli.command import Flag, Report
from glasswork.cli.printing import count, say, show_table, size


@dataclass(kw_only=True)
class Networks(Report):
    """List the trained networks that ship: size, cost, data, measured scores; and the reference networks."""

    reference: Flag = False
    """Count the reference networks' parameters and multiply-adds, at every size that has a name."""

    def result(self) -> list[dict[str, Any]]:
        """One row for each."""
        import msgspec

        from glasswork import zoo

        return [msgspec.to_builtins(row) for row in (zoo.counted() if self.reference else zoo.shipped())]

    def show(self, result: list[dict[str, Any]]) -> None:
        """Tables."""
        if self.reference:
            rows = [(row["name"], row["network"], f"{row['parameters']:,}", count(row["macs"])) for row in result]
            show_table(("name", "network", "parameters", "multiply-adds"), rows, right=("parameters", "multiply-adds"))
            return
        _show_shipped(result)
        _show_references()


def _show_shipped(result: list[dict[str, Any]]) -> None:
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


def _show_references() -> None:
    from glasswork import networks

    print()
    say("Reference networks, at the sizes that have a name; others so: resnet:depth=20,size=28.")
    rows = [(name, ", ".join(networks.reference(name).named)) for name in networks.names()]
    show_table(("network", "names"), rows)
