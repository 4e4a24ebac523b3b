"""What a network is run on: a picture from a file, a held-out sample, or made-up numbers where nothing is known."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from glasswork.cli.pictures import decoded
from glasswork.cli.tensors import read_array
from glasswork.scenes.examples import made_up
from glasswork.scenes.pictures import offered, prepare, read_picture
from glasswork.zoo import Network, takes_text, tokens


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
        wanted: a picture or an array (.npy) in a file, `sample:NAME`, a text or a row, or "".

    Raises:
        GlassworkError: it can't be read, or nothing is known of what the network takes.
    """
    if wanted.startswith(("sample:", "photo:")):
        return _shipped(network, wanted, "")
    if wanted.endswith(".npy"):
        return Given(os.path.basename(wanted), "an array of the reader's", (read_array(Path(wanted)),))
    if wanted and network.rows is not None:
        return Given("the row", wanted[:80], (network.rows.read(wanted),))
    if wanted and takes_text(network) and not os.path.exists(wanted):
        return Given("the text", wanted[:80], (tokens(network, wanted),))
    if wanted:
        _, png = decoded(Path(wanted))
        return Given(os.path.basename(wanted), "", prepare(network, read_picture("upload:", lambda _: png)).inputs)
    if network.samples:
        return _shipped(network, f"sample:{network.samples[0]}", "the network's first sample")
    ids = offered(network)
    if network.vocabulary is not None or network.rows is not None:
        made = made_up(network)
        return Given("held out", "text or row that it was not trained on", made.tensors)
    if not ids or network.preprocess is None:
        made = made_up(network)
        return Given(made.name, made.about, made.tensors)
    guessed = ", sized by a guess" if network.preprocess.guessed else ""
    return _shipped(network, ids[0], f"a picture of ours, since this network comes without samples{guessed}")


def _shipped(network: Network, id: str, about: str) -> Given:
    picture = read_picture(id, lambda _: b"")
    told = f"its label is {picture.label}" if picture.label else "a photo of ours"
    return Given(picture.id, about or told, prepare(network, picture).inputs)
