"""The command line: one file for each command.

A command's file, and what it needs, is imported when that command is run, so that help is instant. Exit codes: 0 done,
1 failed, 2 bad usage, 130 interrupted. An error is one line on standard error; --debug shows its traceback.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

from glasswork.cli.printing import error_text, printable
from glasswork.cli.usage import UsageError, complaint
from glasswork.errors import GlassworkError
from glasswork.version import __version__

if TYPE_CHECKING:
    from glasswork.cli.command import Command

COMMANDS = {
    "open": "Open the app; on a network's own page when TARGET is given.",
    "networks": "List the trained networks that ship: size, cost, data, measured scores; and the reference networks.",
    "trace": "Run a network once and list every op: its cost, its line in the source, how its numbers are explained.",
    "explain": "Explain one number of a network: its formula, its largest terms, the rest, and the error of their sum.",
    "train": "Train a recipe; weights, their card and the course of the run are left in a folder.",
    "eval": "Measure a trained network on examples that its training never saw.",
    "export": "Write a trained network for other programs: ONNX, safetensors, a script; each is compared first.",
    "imagine": "Make a picture from words; with --from, from words and a picture, or every picture of a folder.",
    "sample": "Draw samples: what a trained generator makes, or what a distribution of the plane holds.",
    "generate": "Write a text on with a language model, or into another language, one token after another.",
    "race": "Set the architectures against each other: claimed, published, and measured on this machine.",
    "data": "List data sets and weights: where from, licence, size; get what is missing; look at your own data.",
    "doctor": "Look at versions, devices, memory and disk; at what is missing, and how to get it.",
}
DONE, FAILED, BAD_USAGE, INTERRUPTED = 0, 1, 2, 130
HELP = """usage: glasswork [COMMAND] [TARGET] [OPTIONS]

Trains, runs and shows the inside of deep networks. Without a command the app is opened.

commands:
{commands}

options:
  --version  Print the version.
  --debug    Show the traceback of an error.
  --help     Print this; after a command, its own arguments.

TARGET is a network of ours (glasswork networks), torchvision:NAME, timm:NAME, hf:FOLDER, file.py:factory,
package.module:factory, the folder of a run, or a trace file (trace, explain)."""


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
    elif given[:1] in (["-h"], ["--help"]):
        print(HELP.format(commands="\n".join(f"  {name:<10} {what}" for name, what in COMMANDS.items())))
    else:
        name, rest = (given[0], given[1:]) if given and given[0] in COMMANDS else ("open", given)
        command = parsed(name, rest)
        if command is not None:
            return command.run() or DONE
    return DONE


def parsed(name: str, arguments: Sequence[str]) -> Command | None:
    """A command with its arguments; None when its help was asked for, and printed.

    Raises:
        UsageError: the arguments are not understood.
    """
    import tyro

    kind: type[Command] = getattr(importlib.import_module(f"glasswork.cli.{name}"), name.capitalize())
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(
                kind, prog=f"glasswork {name}", args=list(arguments), config=(tyro.conf.FlagCreatePairsOff,)
            )
    except SystemExit as end:
        if not end.code:
            return None
        todo = f"glasswork {name} --help says what there is."
        raise UsageError(printable(complaint(said.getvalue())), where=f"glasswork {name}", todo=todo) from None
