"""What a network that is opened as a graph runs on, and which number of its answer is followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from glasswork.errors import GlassworkError
from glasswork.scenes.detections import best_box
from glasswork.scenes.examples import PATIENCE, first_guess, made_up
from glasswork.scenes.latents import read_latent
from glasswork.scenes.messages import InputCard
from glasswork.scenes.pictures import ReadInput, first_input, input_card, prepare, read_picture
from glasswork.tracing.inputs import leaves
from glasswork.zoo import Network, Preprocessing, takes_text, token_texts, tokens

Arrays = Mapping[str, tuple[str, Tensor]]
"""Arrays of the reader's by their id: their file's name, and what is in it."""
LONGEST = 4000
"""Characters of a text."""
SIDE = 224
"""Of a picture for a network that ran with none of the usual sizes."""
THUMBNAIL, LOOKED_AT = 224, 640
"""Pixels along the longer side of the picture that stands beside a graph, and of one with boxes on it."""


@dataclass(frozen=True)
class Given:
    """The arguments of a run; `card` says what picture they were made of, else `about` what they are.

    `pixels` is what of the picture the network sees, uint8 (height, width, 3), for people to look at. What is not
    `proven` may not run to the end.
    """

    tensors: tuple[Tensor, ...]
    card: InputCard | None = None
    pixels: np.ndarray | None = None
    about: str = ""
    tokens: tuple[str, ...] = ()
    proven: bool = True


def given(network: Network, wanted: str | None, read_input: ReadInput, arrays: Arrays, patient: bool = False) -> Given:
    """What a network is run on: what was asked for, a picture of ours, or made-up numbers.

    Args:
        network: what will be run.
        wanted: `sample:NAME`, `upload:ID`, `text:WORDS`, `array:ID` or `noise:SEED*WEIGHT,...`; None for a choice of
            ours.
        read_input: gives the pictures that were uploaded.
        arrays: those that the app was started with.
        patient: try made-up numbers to the end of the network, however long that takes.

    Raises:
        GlassworkError: it can't be read, or nothing says what the network takes.
    """
    kind, _, rest = (wanted or "").partition(":")
    if kind == "text" and network.rows is not None:
        return Given((network.rows.read(rest[:LONGEST]),), about=f"the row {rest[:80]}")
    if kind == "text":
        return _text(network, rest)
    if kind == "noise" and network.makes is not None:
        return Given((read_latent(rest, network.makes),), about=f"noise {rest[:80]}")
    if kind == "array":
        if rest not in arrays:
            why, todo = "this Glasswork was started without it", "Start it again with --input FILE.npy."
            raise GlassworkError("this array is not here", where=f"array:{rest[:40]}", why=why, todo=todo)
        name, tensor = arrays[rest]
        return Given((tensor,), about=f"{name}, {_shape(tensor)}")
    if network.preprocess is None and not wanted:
        return _made_up(network, patient)
    network = network if network.preprocess else _with_any_size(network)
    picture = read_picture(wanted or first_input(network), read_input)
    prepared = prepare(network, picture)
    card = input_card(picture, prepared)
    left, top, width, height = card.crop
    seen = picture.pixels.convert("RGB").crop((left, top, left + width, top + height))
    side = LOOKED_AT if network.detects else THUMBNAIL
    seen.thumbnail((side, side))
    return Given(prepared.inputs, card, np.asarray(seen))


def _text(network: Network, words: str) -> Given:
    if not takes_text(network):
        why = "it comes with no tokenizer that is known"
        raise GlassworkError(f"{network.title} takes no text", where=network.title, why=why, todo="Give an array.")
    ids = tokens(network, words[:LONGEST])
    return Given((ids,), about=f"“{words[:80]}”, {ids.shape[1]} tokens", tokens=tuple(token_texts(network, ids[0])))


def _made_up(network: Network, patient: bool) -> Given:
    """Numbers that run through; where none do, the first that its layers suggest, so that one sees where they end."""
    if network.vocabulary is not None and network.card is not None and network.card.text.get("sample"):
        return _text(network, network.card.text["sample"][: network.card.text["window"]])
    if network.rows is not None and network.rows.sample:
        told = ", ".join(f"{name}={value}" for name, value in network.rows.sample.items())
        return Given((network.rows.read(told),), about=f"a row that was held out: {told[:200]}")
    try:
        example = made_up(network, None if patient else PATIENCE)
    except GlassworkError:
        example = first_guess(network)
        if example is None:
            raise
    return Given(example.tensors, about=example.about, proven=example.proven)


def _with_any_size(network: Network) -> Network:
    """A network that takes pictures and runs with none of the usual sizes: one sees then how far a picture comes."""
    first = next((part for part in network.module.modules() if isinstance(part, nn.Conv2d)), None)
    if first is None or first.in_channels not in (1, 3):
        return network
    return replace(network, preprocess=Preprocessing(SIDE, first.in_channels, guessed=True))


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "a number"


@dataclass(frozen=True)
class Followed:
    """The number whose slopes are shown.

    Attributes:
        leaf: which tensor of the output it is in; -1 where the output is a tensor itself.
        index: where in that.
    """

    leaf: int
    index: tuple[int, ...]


def followed(output: object) -> Followed | None:
    """The largest number of an answer: of the last row where there are rows, such as the next token's.

    Of a detector the largest score. None where there is none whose slope could be asked for.
    """
    best = best_box(output)
    if best is not None:
        return Followed(best[0], (best[1],))
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
