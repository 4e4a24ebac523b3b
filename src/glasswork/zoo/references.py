"""The reference networks by name: with the weights that were published for them, where these are on this machine.

    resnet152                          a name of the field
    resnet:depth=20,size=28            an architecture, or a name, with other sizes

Weights are looked for among fetched packages, in Hugging Face's cache and in PyTorch's (torchvision's files, under
torchvision's names); otherwise they are random, and the same ones each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import torch
from torch import nn
from torchvision import models

from glasswork import networks
from glasswork.errors import GlassworkError, unknown
from glasswork.randomness import seeded
from glasswork.zoo import hub, torchvision_files
from glasswork.zoo.checkpoints import load_weights
from glasswork.zoo.gguf import llama_weights, read_gguf
from glasswork.zoo.network import Network, count_macs, softmax
from glasswork.zoo.onnx_weights import read_onnx
from glasswork.zoo.packages import PACKAGED, Packaged, is_here, verified
from glasswork.zoo.preprocessing import Preprocessing
from glasswork.zoo.storing import fill

IMAGENET = 1000
# Chosen after seeing how both did on twenty photos, which is no proof of it: on the largest square they were told a
# little better than with 16 more pixels cut off on each side, as its authors do. ImageNet's 50,000 have not been tried.
_MEANS: dict[str, Any] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
_EFFICIENTNET: dict[str, Any] = {"mean": (127 / 255,) * 3, "std": (128 / 255,) * 3, "filter": "bicubic"}


def is_reference(target: str) -> bool:
    """Whether a TARGET names a reference network, with sizes of its own or without."""
    name = target.partition(":")[0]
    return name in networks.names() or name in networks.named()


def load_reference(target: str) -> Network:
    """Build a reference network, with published weights where they are here and fit.

    Args:
        target: NAME or NAME:size=value,size=value.

    Raises:
        GlassworkError: no such network or size, a value that is no number, or damaged weights.
    """
    name, _, given = target.partition(":")
    sizes = _sizes(name, given, target)
    with seeded(0):
        module = networks.build(name, **sizes).eval()
        example = networks.example(module)
    weights = "random" if sizes else _fill(name, module)
    photo = _photograph(name, sizes)
    if photo is None:
        module.example_input_array = example[0] if len(example) == 1 else example  # pyright: ignore[reportArgumentType]
    labels = tuple(models.ResNet18_Weights.DEFAULT.meta["categories"]) if photo and photo[1] == IMAGENET else ()
    return Network(
        target=target,
        name=target,
        title=f"{name} · reference",
        module=module,
        preprocess=photo[0] if photo else None,
        labels=labels,
        card=None,
        samples=(),
        after=softmax if labels else None,
        weights=weights,
    )


class Counted(msgspec.Struct, frozen=True):
    """A reference network's size and cost, for one example of its kind."""

    name: str
    network: str
    parameters: int
    macs: int


def counted(names: Sequence[str] | None = None) -> list[Counted]:
    """Count parameters and multiply-adds without making a weight.

    Args:
        names: of networks.names() or named(); None for all that have a name.
    """
    rows = []
    for name in networks.named() if names is None else names:
        with torch.device("meta"):
            module = networks.build(name).eval()
            macs = count_macs(module, *networks.example(module))
        parameters = sum(value.numel() for value in module.parameters())
        rows.append(Counted(name, networks.named().get(name, name), parameters, macs))
    return rows


def _fill(name: str, module: nn.Module) -> str:
    """Put the weights that somebody published into a network of no sizes of its own; says whose, or "random"."""
    packaged, published = PACKAGED.get(name), torchvision_files.published(name, networks.sizes(name).get("size"))
    if packaged and is_here(packaged):
        _fill_packaged(module, packaged)
        return f"{packaged.package} {packaged.version}"
    if name in hub.REPOSITORIES and (file := hub.kept_at(name)):
        load_weights(module, hub.verified(name, file))
        return f"hf:{hub.REPOSITORIES[name]}"
    if published is not None and (file := torchvision_files.kept_at(published)).is_file():
        fill(module, torchvision_files.read(name, published), str(file))
        return "cache"
    return "random"


def _fill_packaged(module: nn.Module, packaged: Packaged) -> None:
    path = verified(packaged)
    if path.suffix == ".gguf":
        about = networks.reference("llama").sizes | networks.reference("llama").named[packaged.name]
        weights = llama_weights(read_gguf(path).tensors, about["heads"], about["groups"])
    elif path.suffix == ".onnx":
        weights = read_onnx(path)
    else:
        weights = torch.load(path, map_location="cpu", weights_only=True)  # its hash is the known one
    fill(module, weights, str(path))


def _sizes(name: str, given: str, target: str) -> dict[str, networks.Size]:
    """The sizes that stand behind the name, of the types that their defaults have."""
    defaults = networks.sizes(name)
    sizes: dict[str, networks.Size] = {}
    for pair in filter(None, given.split(",")):
        size, equals, value = (part.strip() for part in pair.partition("="))
        if size not in defaults:
            raise unknown(f"size of {name}", size, list(defaults))
        try:
            if not equals:
                raise ValueError
            sizes[size] = type(defaults[size])(value)
        except ValueError as error:
            wanted = type(defaults[size]).__name__
            why = f"expected {size}=VALUE with a value of type {wanted}, found {pair!r}"
            raise GlassworkError("this size can't be read", where=target, why=why) from error
    return sizes


def _photograph(name: str, sizes: dict[str, networks.Size]) -> tuple[Preprocessing, int] | None:
    """What picture the network takes, and how many classes it tells apart; None when it takes no pictures."""
    whole = {**networks.sizes(name), **sizes}
    if networks.named().get(name, name) == "vit_saliency" and whole["channels"] == 3:
        return Preprocessing(int(whole["size"]), 3, **_MEANS), 0
    if not {"size", "channels", "classes"} <= set(whole) or whole["channels"] not in (1, 3):
        return None
    size, channels, classes = int(whole["size"]), int(whole["channels"]), int(whole["classes"])
    if classes != IMAGENET or channels != 3:
        return Preprocessing(size, channels), classes
    if not sizes and name in hub.PREPROCESSING:
        return hub.PREPROCESSING[name], classes
    if networks.named().get(name, name) == "efficientnet_lite":
        return Preprocessing(size, 3, shorter_side=size, **_EFFICIENTNET), classes
    published = None if sizes else torchvision_files.published(name, size)
    if published is not None:
        return torchvision_files.preprocessing(published, converts=False), classes
    return Preprocessing(size, 3, shorter_side=round(size * 256 / 224), **_MEANS), classes
