"""`glasswork eval`: measured scores on held-out data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from glasswork.cli.command import Report
from glasswork.cli.printing import say, show_table


@dataclass(kw_only=True)
class Eval(Report):
    """Measure a trained network on examples that its training never saw."""

    target: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="TARGET")]
    """A trained network that ships (its recipe's name), a run folder, or any other TARGET."""
    data: Annotated[str, tyro.conf.arg(metavar="NAME", help_behavior_hint="")] = ""
    """The data set, if not the one that it was trained for."""

    def result(self) -> dict[str, Any]:
        """The contract's evaluation."""
        from glasswork import recipes

        return {**recipes.evaluate(self.target, self.data or None)}

    def show(self, result: dict[str, Any]) -> None:
        """A table."""
        say(f"{result['recipe']} on {result['n']:,} held-out {result['of']} of {result['data']}")
        show_table(("score", "value"), [(name, f"{value:.4f}") for name, value in result["scores"].items()], ("value",))
