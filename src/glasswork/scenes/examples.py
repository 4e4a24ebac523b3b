"""What a network is run on when nobody gave it anything: its own example, or numbers that its layers suggest."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from glasswork.errors import GlassworkError
from glasswork.zoo import Network

SEED = 0
LENGTH = 16  # of a made-up sequence
SIDES = (224, 64, 32, 28, 16, 8)  # of a made-up picture, the first that runs


@dataclass(frozen=True)
class Example:
    """What a module can be called with.

    Attributes:
        name: "random" or "example_input_array".
        about: what there is to say of it.
        tensors: the arguments of the module.
    """

    name: str
    about: str
    tensors: tuple[Tensor, ...]


def made_up(network: Network) -> Example:
    """The first made-up input with which the module runs.

    Raises:
        GlassworkError: nothing that its layers suggest runs through it.
    """
    own = getattr(network.module, "example_input_array", None)  # the name that Lightning gave it
    if own is not None:
        tensors = (own,) if isinstance(own, Tensor) else tuple(own)
        return Example("example_input_array", "the module's own example", tensors)
    for tensor in _candidates(network.module):
        try:
            with torch.inference_mode():
                network.module(tensor)
        except Exception:  # another shape, another signature: the code is the reader's
            continue
        return Example("random", f"made-up numbers, {_shape(tensor)} (seed {SEED})", (tensor.clone(),))
    raise GlassworkError(
        f"nothing says what {network.name} takes",
        where=network.target,
        why="no input that its layers suggest runs through it",
        todo="Set example_input_array on the module, or call glasswork.trace(module, *inputs) in Python.",
    )


def first_guess(network: Network) -> Example | None:
    """The first input that its layers suggest, whether it runs or not; None where they suggest none."""
    tensor = next(_candidates(network.module), None)
    if tensor is None:
        return None
    about = f"made-up numbers, {_shape(tensor)} (seed {SEED}): a guess, and it does not run"
    return Example("random", about, (tensor,))


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape))


def _candidates(module: nn.Module) -> Iterator[Tensor]:
    """Inputs that the layers suggest, in their order."""
    for part in itertools.islice(module.modules(), 64):
        generator = torch.Generator().manual_seed(SEED)
        if isinstance(part, nn.Embedding):
            yield torch.randint(part.num_embeddings, (1, LENGTH), generator=generator)
        elif isinstance(part, nn.Linear):
            yield torch.randn(1, part.in_features, generator=generator)
            yield torch.randn(1, LENGTH, part.in_features, generator=generator)
        elif isinstance(part, nn.RNNBase):
            yield torch.randn(1, LENGTH, part.input_size, generator=generator)
        elif isinstance(part, nn.Conv1d):
            for side in SIDES:
                yield torch.randn(1, part.in_channels, side, generator=generator)
        elif isinstance(part, nn.Conv2d):
            for side in SIDES:
                yield torch.randn(1, part.in_channels, side, side, generator=generator)
