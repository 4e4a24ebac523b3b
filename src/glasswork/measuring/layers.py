"""What a reference network is made of, layer by layer, and what learning keeps of it: counted, nothing is computed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from glasswork import networks


@dataclass(frozen=True)
class Layer:
    """One convolution or linear layer, as it runs on one picture.

    Attributes:
        path: its module's.
        kind: "conv" or "linear".
        kernel: side of the kernel; 1 for a linear layer.
        channels: that it makes.
        side: rows of each map; 1 for a linear layer.
        macs: multiply-adds.
        parameters: that it learns.
    """

    path: str
    kind: str
    kernel: int
    channels: int
    side: int
    macs: int
    parameters: int


def bare(name: str) -> nn.Module:
    """A reference network without memory for its numbers, in evaluation; GoogLeNet without what only training uses."""
    with torch.device("meta"):
        sizes = {"auxiliary": 0} if networks.named().get(name, name) == "inception" else {}
        return networks.build(name, **sizes).eval()


@cache
def layers(name: str) -> tuple[Layer, ...]:
    """The convolutions and linear layers of a reference network, in the order in which they run on one picture."""
    module = bare(name)
    found: list[Layer] = []

    def see(path: str) -> Any:
        def hook(part: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
            weight = part.get_parameter("weight")
            per_output = weight[0].numel()  # C/groups * kernel * kernel, or the features read
            conv = isinstance(part, nn.Conv2d)
            learned = sum(one.numel() for one in part.parameters())
            kernel, side = (weight.shape[-1], made.shape[-1]) if conv else (1, 1)
            kind = "conv" if conv else "linear"
            found.append(Layer(path, kind, kernel, made.shape[1], side, made.numel() * per_output, learned))

        return hook

    for path, part in module.named_modules():
        if isinstance(part, (nn.Conv2d, nn.Linear)):
            part.register_forward_hook(see(path))
    with torch.device("meta"):
        module(*networks.example(module))
    return tuple(found)


@cache
def kept_bytes(name: str) -> int:
    """What autograd keeps of one picture's forward pass until the backward pass has used it; no weights among it."""
    module = bare(name).train()
    weights = {parameter.untyped_storage()._cdata for parameter in module.parameters()}
    kept: dict[int, int] = {}
    alive: list[Tensor] = []  # an address is its own only while the tensor lives

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            alive.append(tensor)
            kept[storage._cdata] = storage.nbytes()
        return tensor

    with torch.device("meta"), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        module(*networks.example(module))
    return sum(kept.values())
