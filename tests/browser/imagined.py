"""What a record of text to image names: its picture, its model, what that is told of a text, and the size of numbers.

Of Glasswork only the model's modules and its tokens are taken.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from claims import NoNumberError, Number, picked
from torch import Tensor, nn

from glasswork.generation import open_model

BYTE = 1.1e6  # of this size one more or less is rounding: a byte may fall to either side of a half


def read(folder: Path, id: str) -> dict[str, Any]:
    """A record, held to its hash."""
    if not re.fullmatch(r"[0-9a-f]{16}", id):
        raise NoNumberError(f"{id!r} is no run's id")
    try:
        written = (folder / f"{id}.json").read_bytes()
    except FileNotFoundError as error:
        raise NoNumberError(f"{id} has no record") from error
    if hashlib.sha256(written).hexdigest()[:16] != id:
        raise NoNumberError(f"the record of {id} is not the one that its id is the hash of")
    return json.loads(written)


def kept_picture(folder: Path, name: str) -> Tensor:
    packed = (folder / f"{name}.safetensors").read_bytes()
    if hashlib.sha256(packed).hexdigest() != name:
        raise NoNumberError("this picture is not the one that was recorded")
    return safetensors.torch.load(packed)["0"]


@cache
def model_of(target: str) -> Any:
    return open_model(target)


def told(model: Any, text: str, conditional: bool = True) -> tuple[Tensor, ...]:
    """What the denoiser is told of a text: the text encoder's answer, or zeros where a model is told no words so."""
    ids = [torch.tensor([reader.read(text).ids]) for reader in (model.tokens, *model.others)]
    said = model.text(*ids)
    said = said if isinstance(said, tuple) else (said,)
    return tuple(0 * one for one in said) if model.silent and not conditional and not text else said


def hooked(module: nn.Module, run: Any) -> dict[str, Tensor]:
    made: dict[str, Tensor] = {}

    def see(name: str) -> Any:
        return lambda _module, _given, output: made.__setitem__(name, output[0] if type(output) is tuple else output)

    hooks = [part.register_forward_hook(see(name)) for name, part in module.named_modules() if name]
    try:
        with torch.inference_mode():
            run()
    finally:
        for hook in hooks:
            hook.remove()
    return made


def sized(tensor: Tensor, index: tuple[int, ...]) -> Number:
    """A number of a tensor; float32 rounds relative to the tensor's largest, after some steps ten times as much."""
    return Number(picked(tensor, index), 10 * tensor.abs().max().item())


def byte(picture: Tensor, index: tuple[int, ...]) -> Number:
    """A colour of a picture 0 to 1, (3, H, W), as a byte; index is row, column, colour."""
    row, column, colour = index
    return Number(round(255 * picked(picture, (colour, row, column))), BYTE)
