"""Checkpoints that survive a crash at any moment.

runs/NAME/checkpoints/step-00000500/state-0-of-1.safetensors   tensors; with fsdp one file for each process
runs/NAME/checkpoints/step-00000500/state-0-of-1.json          what else the state holds, and which part of each tensor
runs/NAME/checkpoints/step-00000500/manifest.json              written last: size and sha256 of every file

A folder is filled under a name that begins with a dot, every file is flushed to the disk, the manifest comes last, then
the folder gets its name. Older checkpoints go only after the new one was read back and is right. Nothing here is a
pickle.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.training.processes import ALONE, Processes, local
from glasswork.training.state import State, numbers, tensors
from glasswork.zoo.storing import sync_folder

FOLDER, MANIFEST = "checkpoints", "manifest.json"
LEAST_KEPT = 2


class DamagedError(GlassworkError):
    """A checkpoint that is not what was written."""


@dataclass(frozen=True)
class Loaded:
    """What was found of a run.

    Attributes:
        tensors: as state.tensors gave them, whole.
        about: as state.numbers gave it.
        path: the checkpoint's folder.
        passed_over: for each newer one that is damaged, why; they now end in `.bad`.
    """

    tensors: dict[str, Tensor]
    about: dict[str, Any]
    path: Path
    passed_over: tuple[str, ...] = field(default=())


def save(run: Path, state: State, keep: int, processes: Processes = ALONE) -> Path:
    """Write a checkpoint, read it back, and only then let go of older ones.

    Args:
        run: the run's folder.
        state: what to save.
        keep: how many stay, at least two; 0 for all.
        processes: each of them calls this; with fsdp each writes its part.

    Returns:
        The checkpoint's folder.

    Raises:
        OSError: the disk is full, or can't be written; what was there before is still there.
        DamagedError: what can be read back is not what was written.
    """
    place = run / FOLDER / f"step-{state.step:08d}"
    if processes.any(processes.first and _is_whole(place)):
        return place  # saved before: a step has one state
    making = place.with_name(f".{place.name}.tmp")
    failed: OSError | DamagedError | None = None
    for stage in (_begin, _write_part, _finish):
        try:
            if failed is None:
                stage(making, place, state, processes)
        except (OSError, DamagedError) as error:
            failed = error
        if processes.any(failed is not None):  # all of them, or none waits for another in vain
            if processes.first:
                shutil.rmtree(making, ignore_errors=True)
            raise failed or OSError("another process could not write its part")
    if processes.first:
        _let_go(run, max(keep, LEAST_KEPT) if keep else 0)
    return place


def _begin(making: Path, place: Path, state: State, processes: Processes) -> None:
    if processes.first:
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        if place.exists():  # damaged, or it would not be written again
            place.rename(_free(place))


def _write_part(making: Path, place: Path, state: State, processes: Processes) -> None:
    """This process's file: its parts of the tensors, and where in the whole they belong."""
    if not processes.first and processes.way != "fsdp":
        return
    found: dict[str, Tensor] = {}
    parts: dict[str, dict[str, Any]] = {}
    seen: set[int] = set()
    for name, value in tensors(state).items():
        part = local(value).detach().cpu().contiguous()
        spread = hasattr(value, "device_mesh")
        if not spread and not processes.first:
            continue  # what every process has alike is written once
        if spread:
            rows = -(-value.shape[0] // processes.count)  # as torch.chunk deals them out
            parts[name] = {"shape": list(value.shape), "from": min(processes.rank * rows, value.shape[0])}
        if part.numel() and part.data_ptr() in seen:
            part = part.clone()  # tied weights: a safetensors file holds each number once
        seen.add(part.data_ptr())
        found[name] = part
    count = processes.count if processes.way == "fsdp" else 1
    stem = f"state-{processes.rank}-of-{count}"
    content = {
        f"{stem}.safetensors": safetensors.torch.save(found),
        f"{stem}.json": json.dumps({**numbers(state), "parts": parts}, indent=1).encode(),
    }
    digests = {}
    for name, data in content.items():
        write(making / name, data)
        digests[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    write(making / f"digest-{processes.rank}.json", json.dumps(digests).encode())


def _finish(making: Path, place: Path, state: State, processes: Processes) -> None:
    """The manifest, then the name; then it is read back."""
    if not processes.first:
        return
    files: dict[str, Any] = {}
    for path in sorted(making.glob("digest-*.json")):
        files |= json.loads(path.read_bytes())
        path.unlink()
    write(making / MANIFEST, json.dumps({"format": 1, "step": state.step, "files": files}, indent=1).encode())
    sync_folder(making)
    making.rename(place)
    sync_folder(place.parent)
    _check(place)


def write(path: Path, content: bytes) -> None:
    """Write a file to the disk itself, not only to the system's memory."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _check(folder: Path) -> dict[str, bytes]:
    """The files of a checkpoint, each as its manifest says.

    Raises:
        DamagedError: one of them is missing or differs.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        files = {str(name): (int(entry["bytes"]), str(entry["sha256"])) for name, entry in manifest["files"].items()}
        if not files or manifest["format"] != 1:
            raise ValueError("it names no files" if not files else "it is of a later version")
    except OSError as error:
        raise DamagedError("a checkpoint is damaged", where=str(folder), why="its manifest is missing") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError("a checkpoint is damaged", where=str(folder), why=f"its manifest: {error}") from error
    found = {}
    for name, (size, digest) in files.items():
        try:
            content = (folder / Path(name).name).read_bytes()
        except OSError as error:
            raise DamagedError("a checkpoint is damaged", where=str(folder), why=f"{name} is missing") from error
        if len(content) != size:
            why = f"{name} has {len(content):,} bytes instead of {size:,}"
            raise DamagedError("a checkpoint is damaged", where=str(folder), why=why)
        if hashlib.sha256(content).hexdigest() != digest:
            raise DamagedError("a checkpoint is damaged", where=str(folder), why=f"{name} was altered")
        found[name] = content
    return found


def _is_whole(folder: Path) -> bool:
    try:
        return folder.is_dir() and bool(_check(folder))
    except DamagedError:
        return False


def saved(run: Path) -> list[Path]:
    """The checkpoints of a run, oldest first; they are not looked into."""
    return sorted(path for path in (run / FOLDER).glob("step-*") if path.is_dir() and path.suffix != ".bad")


def _let_go(run: Path, keep: int) -> None:
    for path in saved(run)[:-keep] if keep else []:
        going = path.with_name(f".{path.name}.tmp")  # gone in one move: half a checkpoint is none
        with contextlib.suppress(OSError):
            path.rename(going)
            shutil.rmtree(going)


def sweep(run: Path) -> None:
    """Remove what a crash left half written or half removed."""
    for path in (run / FOLDER).glob(".step-*.tmp"):
        shutil.rmtree(path, ignore_errors=True)


def newest(run: Path, aside: bool = True) -> Loaded | None:
    """The newest checkpoint that is whole; None when there is none.

    Args:
        run: the run's folder.
        aside: whether to rename damaged ones to `.bad`; one process of many does.
    """
    passed = []
    for path in reversed(saved(run)):
        try:
            found, about = read(path)
        except DamagedError as error:
            passed.append(f"{path.name}: {error.why}")
            if aside:
                with contextlib.suppress(OSError):
                    path.rename(_free(path))
            continue
        return Loaded(found, about, path, tuple(passed))
    return None


def read(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of one checkpoint, whole, and what else it holds.

    Raises:
        DamagedError: it is not what was written.
    """
    files = _check(folder)
    pieces: dict[str, list[tuple[int, Tensor]]] = {}
    shapes: dict[str, list[int]] = {}
    about: dict[str, Any] = {}
    try:
        for name, content in files.items():
            if not name.endswith(".safetensors"):
                continue
            record = json.loads(files[name.removesuffix(".safetensors") + ".json"])
            parts = record.pop("parts")
            about = about or record
            for key, value in safetensors.torch.load(content).items():
                pieces.setdefault(key, []).append((parts.get(key, {}).get("from", 0), value))
                if key in parts:
                    shapes[key] = parts[key]["shape"]
        found = {}
        for key, several in pieces.items():
            ordered = [value for _, value in sorted(several, key=lambda piece: piece[0])]
            found[key] = torch.cat(ordered) if key in shapes else ordered[0]
            if key in shapes and list(found[key].shape) != shapes[key]:
                raise ValueError(f"{key} is not whole")
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise DamagedError("a checkpoint is damaged", where=str(folder), why=str(error)) from error
    return found, about


def _free(path: Path) -> Path:
    names: Iterator[Path] = (path.with_name(f"{path.name}{f'-{i}' if i else ''}.bad") for i in range(1_000_000))
    return next(name for name in names if not name.exists())
