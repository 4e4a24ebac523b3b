"""`glasswork race`: the architectures against each other."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from glasswork.cli.command import Flag, Report
from glasswork.cli.printing import count, say, show_table, size


@dataclass(kw_only=True)
class Race(Report):
    """Set the architectures against each other: claimed, published, and measured on this machine."""

    names: Annotated[tyro.conf.Positional[tuple[str, ...]], tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = ()
    """Which to measure; the lecture's if none is named."""

    recorded: Flag = False
    """Measure nothing now; the costs are those of the record that ships."""

    runs: Path | None = None
    """A folder of runs: the slim race from there, not from the record that ships."""

    def result(self) -> dict[str, Any]:
        """The contract's race."""
        import msgspec

        from glasswork.measuring import race
        from glasswork.measuring.record import read_record
        from glasswork.measuring.verdicts import verdicts
        from glasswork.recipes import slim_race

        record = read_record()
        if self.recorded:
            wanted = self.names or [cost.name for cost in record.costs]
            rows = [
                {**msgspec.to_builtins(one), "scores": {}, "data": ""} for one in record.costs if one.name in wanted
            ]
        else:
            rows = race.measured(self.names or race.RUNNERS)
        racers = slim_race(self.runs) if self.runs else record.racers
        return {
            "claimed": race.claimed(),
            "published": race.published(),
            "measured": rows,
            "slim": msgspec.to_builtins(racers),
            "baselines": msgspec.to_builtins(record.baselines),
            "verdicts": msgspec.to_builtins(verdicts(record)),
            "machine": msgspec.to_builtins(record.machine),
        }

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
            (
                r["weights"].replace("_Weights.", " "),
                f"{r['top1']:.2f} %",
                f"{r['top5']:.2f} %",
                f"{r['parameters']:,}",
                f"{r['gmacs']:.2f} G",
            )
            for r in result["published"]
        ]
        show_table(("weights", "top-1", "top-5", "parameters", "multiply-adds"), rows, ("parameters", "multiply-adds"))
        print()
        say(
            "Measured here, the fastest of several runs: one picture, random weights; a multiply-add is two operations."
        )
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
        print()
        _show_slim(result["slim"], result["baselines"])
        print()
        say("The lecture's three sentences, by what the record says that ships.")
        for one in result["verdicts"]:
            say(f"- {one['sentence']}")
            say(f"  {one['judgement']}: {one['reason']}.")


def _show_slim(racers: list[dict[str, Any]], baselines: list[dict[str, Any]]) -> None:
    """What was trained here: each racer's mean over its seeds, and what learned before deep networks."""
    say("Slim networks on Fashion-MNIST, one budget for all; 10,000 test pictures.")
    rows = []
    for racer in racers:
        scores = [100 * run["accuracy"] for run in racer["runs"] if run["accuracy"] is not None]
        spread = f" ± {statistics.stdev(scores):.2f}" if len(scores) > 1 else ""
        mean = f"{statistics.mean(scores):.2f} %{spread}" if scores else "not run yet"
        rows.append((racer["title"], str(len(scores)), mean, f"{racer['parameters']:,}", count(racer["macs"])))
    for one in baselines:
        score = f"{100 * one['accuracy']:.2f} %"
        rows.append((one["title"], "1", score, f"{one['parameters']:,}", count(one["macs"])))
    show_table(
        ("network", "runs", "test", "parameters", "multiply-adds"), rows, ("runs", "parameters", "multiply-adds")
    )
