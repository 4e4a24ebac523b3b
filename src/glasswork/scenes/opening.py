"""What a network that is opened as a graph runs on, and which number of its answer is followed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.scenes.examples import made_up
from glasswork.scenes.messages import InputCard
from glasswork.scenes.pictures import ReadInput, first_input, input_card, prepare, read_picture
from glasswork.tracing.inputs import leaves
from glasswork.zoo import Network

THUMBNAIL = 224
"""Pixels along the longer side of the picture that stands beside a graph."""


@dataclass(frozen=True)
class Given:
    """The arguments of a run; `card` says what picture they were made of, else `about` what they are.

    `pixels` is what of the picture the network sees, uint8 (height, width, 3), for people to look at.
    """

    tensors: tuple[Tensor, ...]
    card: InputCard | None = None
    pixels: np.ndarray | None = None
    about: str = ""


def given(network: Network, wanted: str | None, read_input: ReadInput) -> Given:
    """What a network is run on: the picture that was asked for, one of ours, or made-up numbers.

    Raises:
        GlassworkError: the picture can't be read, or nothing says what the network takes.
    """
    if network.preprocess is None:
        example = made_up(network)
        return Given(example.tensors, about=example.about)
    picture = read_picture(wanted or first_input(network), read_input)
    prepared = prepare(network, picture)
    card = input_card(picture, prepared)
    left, top, width, height = card.crop
    seen = picture.pixels.convert("RGB").crop((left, top, left + width, top + height))
    seen.thumbnail((THUMBNAIL, THUMBNAIL))
    return Given(prepared.inputs, card, np.asarray(seen))


@dataclass(frozen=True)
class Followed:
    """The number whose slopes are shown.

    Attributes:
        leaf: which tensor of the output it is in; -1 where the output is a tensor itself.
        index: where in that.
    """

    leaf: int
    index: tuple[int, ...]


def followed(network: Network, inputs: tuple[Tensor, ...]) -> Followed | None:
    """The largest number of the answer: of the last row where there are rows, such as the next token's.

    None where there is none whose slope could be asked for: the run is then forward only.

    Raises:
        GlassworkError: the module can't take the inputs.
    """
    try:
        with torch.random.fork_rng(devices=[]):
            output = network.module(*inputs)
    except Exception as error:  # whatever a reader's module raises
        raise GlassworkError(
            f"{network.title} can't take this input",
            where=network.target,
            why=str(error)[:300] or type(error).__name__,
            todo="Give it what it was made for; glasswork trace shows how far it comes.",
        ) from error
    for leaf, tensor in enumerate(leaves(output)):
        if tensor.is_floating_point() and tensor.numel() and tensor.requires_grad:
            last = tensor.detach()[0] if tensor.dim() > 1 else tensor.detach()
            before: tuple[int, ...] = (0,) if tensor.dim() > 1 else ()
            if last.dim() == 2:
                before, last = (*before, len(last) - 1), last[-1]
            place = torch.unravel_index(last.nan_to_num(-torch.inf).argmax(), last.shape)
            index = (*before, *(int(at) for at in place))
            return Followed(-1 if isinstance(output, Tensor) else leaf, index)
    return None
