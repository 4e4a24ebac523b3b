"""The files of a pipeline's parts: settings as JSON, weights as safetensors, whole or in shards; no other is opened.

Their names are those that diffusers and transformers write: https://huggingface.co/docs/diffusers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from glasswork.errors import GlassworkError

LARGEST = 1_000_000  # bytes of a config
STEMS = ("diffusion_pytorch_model", "model", "diffusion_pytorch_model.fp16", "model.fp16")
SHARD = re.compile(r"-(\d{5})-of-(\d{5})\.safetensors")


def config(path: Path) -> dict[str, Any]:
    """The settings in a file.

    Raises:
        GlassworkError: it is missing, too large, or holds none.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError(f"it has more than {LARGEST:,} bytes")
        told = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(told, dict):
            raise ValueError("it holds no settings")
    except (OSError, ValueError, RecursionError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise GlassworkError("a part of the pipeline can't be read", where=str(path), why=why) from error
    return told


def weight_files(folder: Path) -> list[Path]:
    """The files that hold a part's weights: one, or all of its shards.

    Raises:
        GlassworkError: there are none in safetensors, or a shard is missing.
    """
    there = sorted(path.name for path in folder.glob("*")) if folder.is_dir() else []
    for stem in STEMS:
        if f"{stem}.safetensors" in there:
            return [folder / f"{stem}.safetensors"]
        shards = {
            name: int(found[2])
            for name in there
            if name.startswith(stem) and (found := SHARD.fullmatch(name, len(stem)))
        }
        if shards:
            if set(shards.values()) != {len(shards)}:
                why = f"there is {', '.join(shards)}"
                raise GlassworkError("a part of the pipeline lacks some of its weights", where=str(folder), why=why)
            return [folder / name for name in shards]
    looked = f"{STEMS[0]}.safetensors or {STEMS[1]}.safetensors"
    why = f"looked for {looked}; there is {', '.join(there) or 'nothing'}"
    todo = "Weights as safetensors are read; others are programs as well, and are not opened."
    raise GlassworkError("a part of the pipeline has no weights", where=str(folder), why=why, todo=todo)


def bytes_needed(folder: Path) -> int:
    """How many bytes a part's weights take in memory, in single precision, by their files' headers.

    Raises:
        GlassworkError: there are none, or they can't be read.
    """
    total = 0
    for file in weight_files(folder):
        try:
            with safetensors.safe_open(str(file), "np") as held:  # as torch's it would ask for all the memory at once
                for name in held.keys():  # noqa: SIM118  it is no dict
                    count = 4
                    for side in held.get_slice(name).get_shape():
                        count *= side
                    total += count
        except (OSError, safetensors.SafetensorError) as error:
            raise _unreadable(file, error) from error
    return total


def filled(folder: Path, build: Callable[[], nn.Module]) -> nn.Module:
    """A network with a part's weights, in single precision, ready to run.

    Args:
        folder: the part's.
        build: makes the bare network; sizes that can't be are a ValueError, RuntimeError or TypeError.

    Raises:
        GlassworkError: the weights can't be read, are not the network's, or some are not finite.
    """
    values: dict[str, Tensor] = {}
    files = weight_files(folder)
    for file in files:
        try:
            read = safetensors.torch.load_file(str(file))
        except (OSError, RuntimeError, safetensors.SafetensorError) as error:  # RuntimeError: no memory for it
            raise _unreadable(file, error) from error
        values |= {name: _finite(name, value, file) for name, value in read.items()}
    try:
        with torch.device("meta"):  # a config may ask for any size: nothing is made before the weights fit
            module = build()
        module.load_state_dict(values, assign=True)
    except (RuntimeError, ValueError, TypeError, ArithmeticError) as error:
        why = str(error).replace("\n\t", " ")[:400]
        raise GlassworkError("weights don't fit their config", where=str(files[0]), why=why) from error
    return module.requires_grad_(False).eval()


def _finite(name: str, value: Tensor, file: Path) -> Tensor:
    """A weight in single precision; one number in it that is none would make every picture black."""
    if value.is_floating_point() and (bad := value.numel() - int(value.isfinite().sum())):
        why = f"{name} holds {bad:,} of {value.numel():,} numbers that are not finite"
        todo = "Get or save the file again; from training that diverged, take an earlier checkpoint."
        raise GlassworkError("weights are damaged", where=str(file), why=why, todo=todo)
    return value.float()


def _unreadable(file: Path, error: Exception) -> GlassworkError:
    return GlassworkError("weights can't be read", where=str(file), why=str(error))
