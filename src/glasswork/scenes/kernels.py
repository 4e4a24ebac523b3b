"""The kernels that the workshop offers, and those that are typed or taken from a trained network."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import nn

from glasswork.errors import GlassworkError, unknown
from glasswork.scenes.messages.workshop import KernelChoice
from glasswork.zoo import Network

PATTERNS = {
    "identity": (0, 0, 0, 0, 1, 0, 0, 0, 0),
    "sharpen": (0, -1, 0, -1, 5, -1, 0, -1, 0),
    "edges": (-1, -1, -1, -1, 8, -1, -1, -1, -1),
    "upright": (-1, 0, 1, -2, 0, 2, -1, 0, 1),
    "level": (-1, -2, -1, 0, 0, 0, 1, 2, 1),
    "emboss": (-2, -1, 0, -1, 1, 1, 0, 1, 2),
}
"""Of 3x3; upright and level are Sobel's, the edges a Laplacian's."""
NAMES = ("blur", *PATTERNS)
TRAINED = ("tiny-vgg-emoji", "tiny-vgg-fashion")
"""Whose first layer's kernels can be taken: of three colours, and of grey."""
LARGEST = 1e6

Load = Callable[[str], Network]


def planes_of(kernel: str, size: int, channels: int, load: Load) -> tuple[list[list[float]], float]:
    """The planes of a kernel, size x size each, row by row: one for all colours or one for each; and its own bias.

    Raises:
        GlassworkError: there is no such kernel, or it has not this size or so many planes.
    """
    name, slash, channel = kernel.partition("/")
    if slash:
        return _trained(name, channel, size, channels, load)
    if kernel[:1].isalpha():
        return [_named(kernel, size)], 0.0
    planes = [_numbers(part, size) for part in kernel.split("|")]
    if len(planes) not in (1, channels):
        raise GlassworkError(
            "the kernel does not fit the picture",
            where="the kernel",
            why=f"it has {len(planes)} planes, the picture {channels} {'colours' if channels > 1 else 'colour'}",
            todo="Give one plane for all colours, or one for each.",
        )
    return planes, 0.0


def choices(channels: int, load: Load) -> list[KernelChoice]:
    """All kernels that can be chosen, the workshop's own first."""
    found = [KernelChoice(name, "", 0, fits=True) for name in NAMES]
    for name in TRAINED:
        network = load(name)
        weight = _first(network).weight
        found += [
            KernelChoice(f"{name}/{k}", network.title, k, fits=weight.shape[1] == channels) for k in range(len(weight))
        ]
    return found


def _named(name: str, size: int) -> list[float]:
    if name == "blur":
        return [1 / size**2] * size**2
    if name not in PATTERNS:
        raise unknown("kernel", name, list(NAMES))
    if size < 3:
        raise GlassworkError(
            f"{name} needs more room", where="the kernel", why=f"it is 3x3, the size {size}", todo="Make it 3 or more."
        )
    planes = [0.0] * size**2
    begin = (size - 3) // 2
    for place, value in enumerate(PATTERNS[name]):
        planes[(begin + place // 3) * size + begin + place % 3] = float(value)
    return planes


def _numbers(words: str, size: int) -> list[float]:
    try:
        found = [float(word) for word in words.split(",")]
    except ValueError:
        found = []
    if len(found) != size**2 or not all(math.isfinite(one) and abs(one) <= LARGEST for one in found):
        raise GlassworkError(
            "this is no kernel",
            where="the kernel",
            why=f"a kernel of size {size} has {size**2} numbers, none larger than a million",
            todo="Give so many, or choose one of the kernels.",
        )
    return found


def _trained(name: str, channel: str, size: int, channels: int, load: Load) -> tuple[list[list[float]], float]:
    if name not in TRAINED:
        raise unknown("network with kernels to take", name, list(TRAINED))
    layer = _first(load(name))
    if not channel.isdecimal() or int(channel) >= len(layer.weight):
        raise GlassworkError(
            f"{name} has no such kernel", where=f"{name}/{channel}", todo=f"Choose 0 to {len(layer.weight) - 1}."
        )
    weight = layer.weight.detach()[int(channel)]
    if tuple(weight.shape) != (channels, size, size):
        needs = f"{weight.shape[0]} colours" if weight.shape[0] > 1 else "a grey picture"
        raise GlassworkError(
            f"a kernel of {name} does not fit",
            where=f"{name}/{channel}",
            why=f"it is {weight.shape[1]}x{weight.shape[2]} and reads {needs}",
            todo=f"Make the size {weight.shape[1]}, and switch colour {'on' if weight.shape[0] > 1 else 'off'}.",
        )
    bias = 0.0 if layer.bias is None else float(layer.bias.detach()[int(channel)])
    return [plane.flatten().tolist() for plane in weight], bias


def _first(network: Network) -> nn.Conv2d:
    return next(part for part in network.module.modules() if isinstance(part, nn.Conv2d))
