"""What a network is run on: a picture from a file, a held-out sample, or made-up numbers where nothing is known."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from glasswork.cli.pictures import decoded
from glasswork.cli.tensors import read_array
from glasswork.errors import GlassworkError
from glasswork.scenes.pictures import prepare, read_picture, stand_in
from glasswork.zoo import Network, tokens

SEED = 0
LENGTH = 16  # of a made-up sequence
SIDES = (224, 64, 32, 28, 16, 8)  # of a made-up picture, the first that runs


@dataclass(frozen=True)
class Given:
    """What the module is called with.

    Attributes:
        name: `sample:NAME`, a file's name, or "random".
        about: what there is to say of it, or "".
        tensors: the arguments of the module.
    """

    name: str
    about: str
    tensors: tuple[Tensor, ...]


def choose(network: Network, wanted: str) -> Given:
    """The input that was asked for; without one a sample, and at last random numbers.

    Args:
        network: what will be run.
        wanted: a picture or an array (.npy) in a file, `sample:NAME`, a text for networks of hf:, or "".

    Raises:
        GlassworkError: it can't be read, or nothing is known of what the network takes.
    """
    if wanted.startswith("sample:"):
        return _sample(network, wanted.removeprefix("sample:"), "")
    if wanted.endswith(".npy"):
        return Given(os.path.basename(wanted), "an array of the reader's", (read_array(Path(wanted)),))
    if wanted and network.target.startswith("hf:") and not os.path.exists(wanted):
        return Given("the text", wanted[:80], (tokens(network.target, wanted),))
    if wanted:
        _, png = decoded(Path(wanted))
        return Given(os.path.basename(wanted), "", prepare(network, read_picture("upload:", lambda _: png)).inputs)
    if network.samples:
        return _sample(network, network.samples[0], "the network's first sample")
    name = stand_in(network)
    if name is None or network.preprocess is None:
        return _made_up(network)
    guessed = ", sized by a guess" if network.preprocess.guessed else ""
    return _sample(network, name, f"a picture of ours, since this network comes without samples{guessed}")


def _sample(network: Network, name: str, about: str) -> Given:
    picture = read_picture(f"sample:{name}", lambda _: b"")
    return Given(picture.id, about or f"its label is {picture.label}", prepare(network, picture).inputs)


def _made_up(network: Network) -> Given:
    """The first made-up input with which the module runs."""
    own = getattr(network.module, "example_input_array", None)  # the name that Lightning gave it
    if own is not None:
        tensors = (own,) if isinstance(own, Tensor) else tuple(own)
        return Given("example_input_array", "the module's own example", tensors)
    for tensor in _candidates(network.module):
        try:
            with torch.inference_mode():
                network.module(tensor)
        except Exception:  # another shape, another signature: the code is the reader's
            continue
        shape = "x".join(map(str, tensor.shape))
        about = f"seed {SEED}, {shape}: nothing says what this network takes, and this runs"
        return Given("random", about, (tensor.clone(),))
    raise GlassworkError(
        f"nothing says what {network.name} takes",
        where=network.target,
        why="no input that its layers suggest runs through it",
        todo="Set example_input_array on the module, or call glasswork.trace(module, *inputs) in Python.",
    )


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
