"""Where a network's first weights come from: drawn at random, or those of another network (fine-tuning)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from glasswork import networks, zoo
from glasswork.errors import GlassworkError
from glasswork.zoo import Preprocessing


@dataclass(frozen=True)
class Start:
    """A trained network to begin from.

    Attributes:
        network: its architecture: a name of glasswork.networks, or torchvision:NAME or timm:NAME.
        sizes: the architecture's sizes.
        weights: by name.
    """

    network: str
    sizes: Mapping[str, int | float | str]
    weights: dict[str, Tensor]


@dataclass(frozen=True)
class ClassifierStart(Start):
    """A trained classifier to begin from.

    Attributes:
        prepare: what it expects of a picture.
    """

    prepare: Preprocessing


def classifier_from(target: str) -> ClassifierStart:
    """Read the classifier to begin from.

    Args:
        target: a network that ships, a run folder, a reference network with published weights, torchvision:NAME or
            timm:NAME.

    Raises:
        GlassworkError: there is none, or it classifies no pictures.
    """
    source = zoo.load(target)
    if source.preprocess is None:
        raise GlassworkError(
            f"{target} can't be the beginning", why="nothing says what pictures it expects", todo="Take another one."
        )
    if source.detects:
        why = "it looks for boxes, and tells no whole pictures apart"
        raise GlassworkError(f"{target} can't be the beginning", why=why, todo="Take another one.")
    library = target.startswith(("torchvision:", "timm:"))
    reference = zoo.is_reference(target)
    if reference and source.weights == "random":
        raise GlassworkError(
            f"{target} can't be the beginning",
            why="its trained weights are not on this machine",
            todo=f"glasswork data fetch {target} gets them, where they are published.",
        )
    if source.card is None and not (library or reference):
        todo = "Take a network that ships, a run folder, a reference network, torchvision:NAME or timm:NAME."
        raise GlassworkError(f"{target} can't be the beginning", why="nothing says how to build it again", todo=todo)
    if source.card is not None:
        network, sizes = source.card.network, dict(source.card.sizes)
    elif reference:
        network, sizes = target, {**networks.sizes(target), "classes": len(source.labels)}
    else:
        network = target
        sizes = {"channels": source.preprocess.channels, "size": source.preprocess.size, "classes": len(source.labels)}
    prepare = replace(source.preprocess, guessed=False)
    return ClassifierStart(network, sizes, source.module.state_dict(), prepare)


def denoiser_from(target: str) -> Start:
    """Read the denoiser to begin from.

    Args:
        target: one that ships, or a run folder.

    Raises:
        GlassworkError: there is none, or it is another network.
    """
    source = zoo.load(target)
    card = source.card
    if card is None or card.diffusion.get("part") != "denoiser":
        todo = "Take emoji-diffusion, or the folder of a run of it."
        raise GlassworkError(f"{target} can't be the beginning", why="it is no trained denoiser", todo=todo)
    return Start(card.network, dict(card.sizes), source.module.state_dict())


def take_all(module: nn.Module, weights: dict[str, Tensor], target: str) -> None:
    """Copy all weights of the network to begin from.

    Raises:
        GlassworkError: one of them has another shape: the networks it stands on have other widths than it had then.
    """
    present = module.state_dict()
    other = [name for name, value in present.items() if name not in weights or weights[name].shape != value.shape]
    if other:
        why = f"{other[0]} has another shape: it stood on other encoders, or on another autoencoder"
        raise GlassworkError(f"{target} can't be the beginning", why=why)
    with torch.no_grad():
        for name, value in present.items():
            value.copy_(weights[name])


def take_over(module: nn.Module, weights: dict[str, Tensor], freeze: bool) -> list[str]:
    """Copy what fits into a network, which is all but its last layer when only the classes differ.

    Args:
        module: the new network.
        weights: of the old one.
        freeze: whether what was copied stays as it is.

    Returns:
        The names of the weights that stay as they were drawn.

    Raises:
        GlassworkError: nothing fits.
    """
    present = module.state_dict()
    taken = {name for name, value in weights.items() if name in present and present[name].shape == value.shape}
    if not taken:
        raise GlassworkError("none of the weights to begin from fits the network")
    learned = {name for name, _ in module.named_parameters()}
    left = [name for name in present if name not in taken and name in learned]
    if freeze and not left:  # as many classes as before: the last layer is what learns
        last = [name for name, part in module.named_modules() if isinstance(part, (nn.Linear, nn.Conv2d))][-1]
        left = [name for name in present if name.startswith(f"{last}.")]
    with torch.no_grad():
        for name in taken:
            present[name].copy_(weights[name])
    if freeze:
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(name in left)
    return left


def hold_frozen(module: nn.Module) -> None:
    """Keep the running statistics of normalisations whose weights are frozen."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and not any(p.requires_grad for p in part.parameters()):
            part.eval()
