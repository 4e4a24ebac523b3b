"""The command line. Each command imports what it needs, so that help is instant and loads no torch."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from typing import Annotated, Any

import tyro

from glasswork.errors import GlassworkError
from glasswork.version import __version__


@dataclass
class Common:
    """What every command takes."""

    debug: bool = False
    """Show the traceback of an error."""


@dataclass
class Open(Common):
    """Open the app; on a network's own page when TARGET is given."""

    target: tyro.conf.Positional[str] = ""
    """A network of ours, torchvision:NAME, file.py:factory, package.module:factory or a run folder."""
    input: str = ""
    """A picture to begin with: a file, or sample:NAME."""
    port: int = 7860
    """Where to listen; the next free port is taken if this one is not."""
    host: str = "127.0.0.1"
    """Other machines are let in only with a token in GLASSWORK_TOKEN."""
    browser: bool = True
    """Open a browser, where there is one."""

    def run(self) -> int:
        """Serve until Ctrl-C."""
        from urllib.parse import urlencode

        from glasswork.server.run import serve
        from glasswork.server.settings import Settings

        def load() -> Any:
            from glasswork.scenes.respond import Respondent

            return Respondent(targets=(self.target,) if self.target else ())

        query = urlencode({"network": self.target, **({"input": self.input} if self.input else {})}, safe=":/")
        path = f"/cnn?{query}" if self.target else "/"
        serve(Settings(host=self.host, port=self.port), load, path, self.browser)
        return 0


COMMANDS: dict[str, type[Common]] = {"open": Open}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 failed, 2 bad usage."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["--version"]:
        print(f"glasswork {__version__}")
        return 0
    if not given or (given[0] not in COMMANDS and given[0] not in ("-h", "--help")):
        given = ["open", *given]
    command: Any = tyro.extras.subcommand_cli_from_dict(COMMANDS, args=given, prog="glasswork")
    try:
        return command.run()
    except GlassworkError as error:
        if command.debug:
            traceback.print_exc()
        print(f"glasswork: {error}", file=sys.stderr)
        return 1
