"""`glasswork doctor`: versions, devices, disk, what is missing and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import warnings
from dataclasses import dataclass
from typing import Any

from glasswork.cli.command import Report
from glasswork.cli.printing import say, show_table, size
from glasswork.errors import GlassworkError
from glasswork.version import __version__

PACKAGES = ("torch", "torchvision", "numpy", "safetensors", "pillow", "starlette", "uvicorn", "websockets", "msgspec")


@dataclass(kw_only=True)
class Doctor(Report):
    """Look at versions, devices, memory and disk; at what is missing, and how to get it."""

    def result(self) -> dict[str, Any]:
        """What was found; `missing` is empty when all is well."""
        from glasswork.server.settings import BUILT_PAGES
        from glasswork.server.store import open_home

        missing: list[dict[str, str]] = []
        devices, threads = _devices(missing)
        home, notice = open_home()
        if notice:
            missing.append({"what": "a folder that can be written", "todo": notice})
        built = (BUILT_PAGES / "index.html").is_file()
        if not built:
            todo = "In a checkout: make frontend. Otherwise install Glasswork again."
            missing.append({"what": "the built front end", "todo": todo})
        return {
            "glasswork": __version__,
            "python": platform.python_version(),
            "executable": sys.executable,
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "packages": {name: _version(name) for name in PACKAGES},
            "devices": devices,
            "cores": _cores(),
            "threads": threads,
            "memory_bytes": _memory(),
            "home": str(home),
            "disk_free_bytes": shutil.disk_usage(home).free,
            "front_end_built": built,
            "data": _data(missing),
            "networks": _networks(missing),
            "missing": missing,
        }

    def show(self, result: dict[str, Any]) -> None:
        """A table, then what is missing."""
        memory = result["memory_bytes"]
        rows = [
            ("glasswork", result["glasswork"]),
            ("python", f"{result['python']} ({result['executable']})"),
            ("system", result["system"]),
            *((name, version or "missing") for name, version in result["packages"].items()),
            ("devices", ", ".join(result["devices"]) or "none"),
            ("cores", f"{result['cores']}, torch uses {result['threads']}"),
            ("memory", "unknown" if memory is None else size(memory)),
            ("home", f"{result['home']} ({size(result['disk_free_bytes'])} free)"),
            ("front end", "built" if result["front_end_built"] else "not built"),
            ("data", ", ".join(result["data"])),
            ("networks", ", ".join(result["networks"]) or "none ship"),
        ]
        show_table(("", ""), rows)
        for row in result["missing"]:
            say(f"Missing: {row['what']}. {row['todo']}")
        if not result["missing"]:
            say("Nothing is missing.")


def _version(package: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _devices(missing: list[dict[str, str]]) -> tuple[list[str], int]:
    """What torch can compute on, and with how many threads on the processor."""
    try:
        with warnings.catch_warnings(record=True) as said:  # an old driver only warns
            warnings.simplefilter("always")
            import torch

            found = ["cpu"]
            if torch.cuda.is_available():
                found += [f"cuda:{i} {torch.cuda.get_device_name(i)}" for i in range(torch.cuda.device_count())]
            if torch.backends.mps.is_available():
                found.append("mps")
        missing += [{"what": "a usable accelerator", "todo": str(one.message)} for one in said]
        return found, torch.get_num_threads()
    except (ImportError, OSError) as error:
        missing.append({"what": "PyTorch", "todo": f"It can't be loaded ({error}). Install torch again."})
        return [], 0


def _cores() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> int | None:
    """Bytes of memory in this machine; None where it doesn't say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None


def _data(missing: list[dict[str, str]]) -> list[str]:
    """The splits that are here."""
    from glasswork import data

    here = []
    for entry in data.catalogue():
        if entry.available:
            here.append(f"{entry.name} {entry.split}")
            continue
        try:
            data.load(entry.name, entry.split)
        except GlassworkError as error:
            missing.append({"what": f"{entry.name} {entry.split}", "todo": error.todo})
    return here


def _networks(missing: list[dict[str, str]]) -> list[str]:
    """The trained networks that ship whole."""
    try:
        from glasswork import zoo
    except (ImportError, OSError):  # without torch; said above
        return []
    whole = []
    for row in zoo.shipped():
        try:
            zoo.load(row.name)
            whole.append(row.name)
        except GlassworkError as error:
            missing.append({"what": f"the weights of {row.name}", "todo": str(error)})
    return whole
