"""A recorded run of a U-Net on a picture: its numbers, and its skip connections, which can be shut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.networks.unet import UNet
from glasswork.scenes import messages as m
from glasswork.scenes.messages.base import Number
from glasswork.tracing import Trace, Value
from glasswork.zoo import Network, softmax_of_maps

# K classes, H rows, W columns


@dataclass(frozen=True)
class UnetRun:
    """A recorded run of a U-Net on a picture."""

    id: str
    trace: Trace
    network: Network

    @property
    def logits(self) -> Tensor:
        """(K, H, W)."""
        return self.trace.value("output").tensor[0].detach()

    @property
    def probabilities(self) -> Tensor:
        """(K, H, W)."""
        return self.trace.value(":softmax").tensor[0].detach()

    def number(self, path: str, *index: int) -> Number:
        """One number of the run."""
        at = ",".join(map(str, (0, *index)))
        return Number(f"trace:{self.id}#{path}[{at}]@value", self.trace.value(path).tensor[(0, *index)].item())


def unet_of(network: Network) -> Any:
    """The module of a U-Net.

    Raises:
        GlassworkError: it is none.
    """
    if not isinstance(network.module, UNet) or network.after is not softmax_of_maps or network.preprocess is None:
        raise GlassworkError(
            f"{network.title} can't be shown on this page",
            where=network.target,
            why="it is no U-Net that reads pictures into classes with names",
            todo="Open it as a graph.",
        )
    return network.module


def across(depth: int, level: int) -> str:
    """The operation that cuts what a skip connection brings to the size of what grew."""
    return f"up.{depth - 1 - level}:getitem"


def shut_skip(depth: int, level: int) -> m.Edit:
    """A skip connection that gives nothing: all maps of the first example are 0."""
    return m.Edit(at=across(depth, level), index=[0, 0, 0, 0], axis=0, action="off")


def largest(run: UnetRun, path: str, value: Value, backward: bool) -> Number:
    """The number of largest size of a tensor, or of its slopes."""
    tensor = value.tensor.detach() if not backward else value.grad
    tensor = torch.zeros_like(value.tensor) if tensor is None else tensor
    at = [int(one) for one in torch.unravel_index(tensor.abs().nan_to_num(0, 0, 0).argmax(), tensor.shape)]
    what = "grad" if backward else "value"
    return Number(f"trace:{run.id}#{path}[{','.join(map(str, at))}]@{what}", tensor[tuple(at)].item())
