"""`glasswork race`: the architectures against each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from glasswork.cli.command import Report
from glasswork.cli.printing import count, say, show_table, size


@dataclass(kw_only=True)
class Race(Report):
    """Set the architectures against each other: claimed, published, and measured on this machine."""

    names: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = ()
    """Which to measure; the lecture's if none is named."""

    def result(self) -> dict[str, Any]:
        """The contract's race."""
        from glasswork.measuring import race

        rows = race.measured(self.names or race.RUNNERS)
        return {"claimed": race.claimed(), "published": race.published(), "measured": rows}

    def show(self, result: dict[str, Any]) -> None:
        """Three tables."""
        say("Claimed: a lecture's table. Beside each figure the variant that comes closest to it, by counting.")
        rows = []
        for row in result["claimed"]:
            cells = [row["name"], str(row["year"]), f"{row['top5']:.2f} %"]
            for figure in ("parameters", "operations"):
                found = row[f"{figure}_from"]
                matched = f"{found['verdict']}: {found['variant']}, {count(found['value'])} {found['as']}"
                cells += [count(row[figure]), matched]
            rows.append(cells)
        show_table(("network", "year", "top-5", "parameters", "matched", "operations", "matched to"), rows)
        print()
        say("Published: torchvision's weight cards, on ImageNet.")
        rows = [
            (r["name"], f"{r['top1']:.2f} %", f"{r['top5']:.2f} %", f"{r['parameters']:,}", f"{r['gmacs']:.2f} G")
            for r in result["published"]
        ]
        show_table(("network", "top-1", "top-5", "parameters", "multiply-adds"), rows, ("parameters", "multiply-adds"))
        print()
        say("Measured here: one picture, random weights; a multiply-add is two operations.")
        header = (
            "network",
            "parameters",
            "multiply-adds",
            "operations",
            "forward",
            "with backward",
            "peak",
            "training",
        )
        rows = [
            (
                r["name"],
                f"{r['parameters']:,}",
                count(r["macs"]),
                count(r["flops"]),
                f"{r['milliseconds']:.0f} ms",
                f"{r['training_milliseconds']:.0f} ms",
                "unknown" if r["peak_bytes"] is None else size(r["peak_bytes"]),
                "unknown" if r["training_peak_bytes"] is None else size(r["training_peak_bytes"]),
            )
            for r in result["measured"]
        ]
        show_table(header, rows, right=header[1:])
