"""What all commands share."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from glasswork.cli.printing import as_json

Score = Annotated[int | None, tyro.conf.arg(metavar="K", help_behavior_hint="(default: the strongest)")]
Flag = Annotated[bool, tyro.conf.arg(help_behavior_hint="")]


@dataclass(kw_only=True)
class Command:
    """One command; its fields are its arguments."""

    debug: Flag = False
    """Show the traceback of an error."""

    def run(self) -> int | None:
        """Do it, or raise; an exit code other than 0 where there is one."""
        raise NotImplementedError


@dataclass(kw_only=True)
class Report(Command):
    """A command that finds something out: the same result is printed as JSON, or shown to people."""

    json: Flag = False
    """Print JSON, on one line."""

    def run(self) -> int | None:
        """Print the result. What a reader's own code prints meanwhile goes to standard error."""
        with contextlib.redirect_stdout(sys.stderr):
            result = self.result()
        if self.json:
            print(as_json(result))
        else:
            self.show(result)

    def result(self) -> Any:
        """What --json prints: dicts, lists, texts and numbers."""
        raise NotImplementedError

    def show(self, result: Any) -> None:
        """Print the result for people."""
        raise NotImplementedError
