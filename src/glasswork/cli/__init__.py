"""The command line: one file for each command.

Nothing here loads torch until a command runs, so that help is instant. Exit codes: 0 done, 1 failed, 2 bad usage,
130 interrupted. An error is one line on standard error, its traceback is shown only with --debug.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Union, cast

import tyro

from glasswork.cli.command import Command, UsageError
from glasswork.cli.data import Data
from glasswork.cli.doctor import Doctor
from glasswork.cli.eval import Eval
from glasswork.cli.explain import Explain
from glasswork.cli.networks import Networks
from glasswork.cli.open import Open
from glasswork.cli.printing import error_text, printable
from glasswork.cli.trace import Trace
from glasswork.cli.train import Train
from glasswork.cli.usage import complaint
from glasswork.errors import GlassworkError
from glasswork.version import __version__

COMMANDS: dict[str, type[Command]] = {
    "open": Open,
    "networks": Networks,
    "trace": Trace,
    "explain": Explain,
    "train": Train,
    "eval": Eval,
    "data": Data,
    "doctor": Doctor,
}
DONE, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130
OPTIONS = (tyro.conf.FlagCreatePairsOff,)
ABOUT = """Trains, runs and shows the inside of deep networks.

glasswork alone opens the app; glasswork TARGET opens it on that network. glasswork COMMAND --help says more.
TARGET = a network that ships | torchvision:NAME | file.py:factory | package.module:factory | a run folder"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows no "×" still gets the rest
    try:
        code = _run(given)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read our output has seen enough
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter's last flush would complain
        return FAILED
    except Exception as error:
        if "--debug" in given:
            traceback.print_exc()
        if not isinstance(error, GlassworkError):
            why = f"{type(error).__name__}: {error}"
            error = GlassworkError("something failed that nobody foresaw", why=why, todo="--debug shows where.")
        print(f"glasswork: {error_text(error)}", file=sys.stderr)
        return BAD_USAGE if isinstance(error, UsageError) else FAILED


def _run(given: list[str]) -> int:
    while given[:1] == ["--debug"]:  # also where it stands before the command
        given = [*given[1:], "--debug"]
    if given[:1] == ["--version"]:
        print(f"glasswork {__version__}")
        return DONE
    if given[:1] in (["-h"], ["--help"]):
        return _listed(given)
    name, rest = (given[0], given[1:]) if given and given[0] in COMMANDS else ("open", given)
    command = _parsed(lambda: tyro.cli(COMMANDS[name], prog=f"glasswork {name}", args=rest, config=OPTIONS), name)
    if command is not None:
        command.run()
    return DONE


def _listed(given: list[str]) -> int:
    """Help on all commands; a class for each stands in the union, so that tyro lists them."""
    commands = [
        Annotated[command, tyro.conf.subcommand(name, is_default=name == "open")] for name, command in COMMANDS.items()
    ]
    every = cast(Any, Union)[tuple(commands)]
    _parsed(lambda: tyro.cli(every, prog="glasswork", description=ABOUT, args=given[:1], config=OPTIONS), "")
    return DONE


def _parsed(parse: Callable[[], Command], name: str) -> Command | None:
    """What was parsed; None when help was asked for and printed.

    Raises:
        UsageError: the arguments are not understood.
    """
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return parse()
    except SystemExit as end:
        if not end.code:
            return None
        todo = f"glasswork {name} --help says what there is."
        raise UsageError(printable(complaint(said.getvalue())), where=f"glasswork {name}", todo=todo) from None
