"""Chromium, for tests, benchmarks and screenshots: where it is, how it is started; run as a script it gets it.

Debian's `chromium-headless-shell` is Chromium without windows: the tests take a third less of the processor with it.
Standard library only: the script runs before .venv.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

SHELL = "chromium-headless-shell"
NAMES = (SHELL, "chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find_browser() -> str:
    """Where Chromium is.

    Raises:
        RuntimeError: it isn't here.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise RuntimeError("this needs Chromium: `make chromium` says how to get it")
    return found


def install() -> None:
    """By Debian's own packages, where one may."""
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", SHELL]):
            subprocess.run(["apt-get", *command], check=False, env=environment)


def main() -> int:
    if not shutil.which(SHELL):
        install()
    if any(map(shutil.which, NAMES)):
        return 0
    print(
        "The browser tests need Chromium, and none is installed.\n"
        f"Install it (Debian: sudo apt-get install {SHELL}), then run this again.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
