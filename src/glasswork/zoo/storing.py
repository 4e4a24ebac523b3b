"""Weights on disk: a crash leaves the old or the new ones, and only what the card vouches for is read."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import msgspec
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from glasswork import networks
from glasswork.errors import GlassworkError
from glasswork.zoo.card import Card, encode_card

AGAIN = "Install Glasswork again (in a checkout, `git checkout` brings the file back), or train the recipe again."


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that at any moment its name leads to the old content or to the new, never to a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, as a rename needs it."""
    with contextlib.suppress(OSError):  # a folder can't be opened on Windows, where a rename needs no such thing
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def save_weights(weights: dict[str, Tensor], card: Card, weights_path: Path, card_path: Path) -> Card:
    """Save weights, then the card that vouches for them; a card is never newer than its weights.

    Returns:
        The card with the hash and size of the file.
    """
    content = safetensors.torch.save({name: value.detach().cpu().contiguous() for name, value in weights.items()})
    card = msgspec.structs.replace(card, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    write_atomically(weights_path, content)
    write_atomically(card_path, encode_card(card))
    return card


def read_weights(path: Path, card: Card) -> dict[str, Tensor]:
    """Read the weights that a card vouches for.

    Raises:
        GlassworkError: the file is missing, or its hash isn't the card's, or it is no safetensors file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GlassworkError(
            f"the weights of {card.name} are missing", where=str(path), why=error.strerror or str(error), todo=AGAIN
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != card.sha256:
        raise GlassworkError(
            f"the weights of {card.name} were changed or damaged",
            where=str(path),
            why=f"the card names sha256 {card.sha256[:12]}... and {card.bytes:,} bytes; "
            f"found {found[:12]}... and {len(content):,} bytes",
            todo=AGAIN,
        )
    try:
        return safetensors.torch.load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise GlassworkError(
            f"the weights of {card.name} are no safetensors file", where=str(path), why=str(error), todo=AGAIN
        ) from error


def fill(module: nn.Module, weights: dict[str, Tensor], where: str) -> None:
    """Put weights into a module: all of them, or none; arguments and errors as in check_fit.

    A reference network takes them under their published names, too.
    """
    weights = networks.ours(module, weights)
    check_fit(module, weights, where)
    module.load_state_dict(weights)


def check_fit(module: nn.Module, weights: dict[str, Tensor], where: str) -> None:
    """Compare weights with what a module has room for.

    Args:
        module: may be on the meta device, so that sizes from a file are compared before memory is asked for.
        weights: by the names of the module's state_dict.
        where: the file they are from, for the error.

    Raises:
        GlassworkError: a name is missing or left over, a shape differs, or a number isn't finite; `why` holds a table
            with the columns key, wanted, found.
    """
    wanted = module.state_dict()
    rows = []
    for key in [*wanted, *(key for key in weights if key not in wanted)]:
        want = tuple(wanted[key].shape) if key in wanted else "nothing"
        found = tuple(weights[key].shape) if key in weights else "nothing"
        if want != found:
            rows.append((key, str(want), str(found)))
        elif weights[key].is_floating_point() and not torch.isfinite(weights[key].float()).all():
            rows.append((key, "finite numbers", "NaN or infinity"))
    if rows:
        table = "\n".join(f"  {key:<24} {want:<20} {found}" for key, want, found in [("key", "wanted", "found"), *rows])
        raise GlassworkError(
            "the weights don't fit the network",
            where=where,
            why=f"{len(rows)} of {len(wanted)} entries differ:\n{table}\n",
            todo="Build the network with the sizes that these weights were trained with.",
        )


def weights_hash(module: nn.Module) -> str:
    """sha256 over a module's names, types, shapes and values, for networks that have no weight file."""
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        if value.numel():
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
