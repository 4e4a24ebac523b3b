"""Weights that somebody hands us: safetensors as they are, pickles only through a guarded import.

A pickle is code. It is opened by torch.load(weights_only=True), which builds tensors and plain containers and refuses
the rest, in a process of its own with bounds on time and memory; what comes back is a safetensors file. There is no
second try without the guard.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
from safetensors import SafetensorError
from torch import Tensor, nn

from glasswork import networks
from glasswork.errors import GlassworkError
from glasswork.zoo.storing import fill

PICKLES = (".pt", ".pth", ".ckpt", ".bin")
MOST_BYTES = 16 << 30
MOST_TENSORS = 100_000
SECONDS = 600
_WORKER = Path(__file__).with_name("unpickling.py")
_PREFIXES = ("module.", "_orig_mod.", "model.")


def load_weights(module: nn.Module, path: Path) -> None:
    """Put the weights of a file into a module: all of them, or none.

    Args:
        module: where to.
        path: a .safetensors file, or a checkpoint of PyTorch (.pt, .pth, .ckpt, .bin).

    Raises:
        GlassworkError: it can't be read, is refused, or does not fit; then `why` is a table: key, wanted, found.
    """
    weights = read_checkpoint(path)
    fill(module, _renamed(networks.ours(module, weights), set(module.state_dict())), str(path))


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name.

    Raises:
        GlassworkError: it can't be read, is too large, or holds what is no tensor.
    """
    try:
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise GlassworkError("these weights can't be read", where=str(path), why=why, todo="Name a file.") from error
    if size > MOST_BYTES:
        raise _refused(path, f"it has {size:,} bytes; {MOST_BYTES:,} are read")
    if path.suffix == ".safetensors":
        return _safetensors(path)
    if path.suffix in PICKLES:
        return _guarded(path)
    raise _refused(path, f"its name ends in {path.suffix!r}; expected .safetensors or {', '.join(PICKLES)}")


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            names = list(file.keys())
            if len(names) > MOST_TENSORS:
                raise _refused(path, f"it names {len(names):,} tensors; {MOST_TENSORS:,} are read")
            return {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise _refused(path, f"it is no whole safetensors file: {error}") from error


def _guarded(path: Path) -> dict[str, Tensor]:
    """A pickle, turned into safetensors by a process that may use so much memory and so much time."""
    _check_size(path)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "weights.safetensors"
        limits = (str(2 * MOST_BYTES), str(MOST_TENSORS))
        command = [sys.executable, "-I", str(_WORKER), str(path.resolve()), str(made), *limits]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS)
        except subprocess.TimeoutExpired as error:
            raise _refused(path, f"it was not read within {SECONDS} seconds") from error
        if done.returncode or not made.is_file():
            said = done.stderr.strip().splitlines()
            raise _refused(path, said[-1][:500] if said else f"the reading process ended with {done.returncode}")
        return _safetensors(made)


def _check_size(path: Path) -> None:
    """A zip that claims to become much larger than it is does not come to be unpacked."""
    with contextlib.suppress(OSError, zipfile.BadZipFile), zipfile.ZipFile(path) as archive:
        claimed = sum(member.file_size for member in archive.infolist())
        if claimed > max(MOST_BYTES, 0) or claimed > 2 * path.stat().st_size + (1 << 20):
            raise _refused(path, f"unpacked it would have {claimed:,} bytes, far more than the file")


def _renamed(weights: Mapping[str, Tensor], wanted: set[str]) -> dict[str, Tensor]:
    """Names without the prefix of a wrapper (DataParallel, torch.compile, Lightning), where that is what differs."""
    names = dict(weights)
    for prefix in _PREFIXES:
        if names and not wanted & set(names) and all(name.startswith(prefix) for name in names):
            names = {name.removeprefix(prefix): value for name, value in names.items()}
    return names


def _refused(path: Path, why: Any) -> GlassworkError:
    todo = "Save the state_dict alone, best as safetensors, where it was trained."
    return GlassworkError(f"{path.name} is refused", where=str(path), why=str(why), todo=todo)
