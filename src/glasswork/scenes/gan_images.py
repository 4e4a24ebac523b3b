"""Pictures that a generator makes, and what the discriminator and a classifier trained apart say of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor

from glasswork import data, zoo
from glasswork.errors import GlassworkError
from glasswork.generation.generators import made
from glasswork.scenes import messages as m
from glasswork.scenes.latents import read_latent
from glasswork.scenes.messages import gan_images as i
from glasswork.zoo import Makes, Network

MOST_PLACES = 100
MOST_HELD = 4
REAL = "real:"
COUNT = 2_000
"""Pictures of each kind in the histogram."""
BINS = 40
SEED = 104_729
"""Of the made ones in it."""
OUTERMOST = 0.005
"""Of all numbers so many lie beyond the bins at each end, and are counted in the outermost."""


class GanImages:
    """Answers about generators of pictures.

    Args:
        load: the network of a name.
    """

    def __init__(self, load: Callable[[str], Network]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._scores: OrderedDict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = OrderedDict()

    def answer(self, request: i.GanImagesRequest) -> Iterator[m.Answer | str | bytes]:
        """What a page asks."""
        network = self._load(request.network)
        makes = network.makes
        if makes is None or makes.width or network.card is None:
            raise GlassworkError(
                f"{network.title} makes no pictures",
                where=request.network,
                why="it was not trained as a generator of pictures",
                todo="Open dcgan-fashion, or a run of it.",
            )
        if isinstance(request, i.DrawPlaces):
            yield self._drawn(request, network, makes)
        else:
            yield self._spread(request, network, makes)

    def _drawn(self, request: i.DrawPlaces, network: Network, makes: Makes) -> str | bytes:
        if not 1 <= len(request.places) <= MOST_PLACES:
            why = f"1 to {MOST_PLACES} are drawn at once; these are {len(request.places)}"
            raise GlassworkError("these pictures can't be drawn", where=request.network, why=why)
        players: Any = network.module
        pictures = torch.cat([self._picture(place, network, makes) for place in request.places])
        pictures.requires_grad_(request.slopes)
        with torch.set_grad_enabled(request.slopes):
            scores: Tensor = players.discriminator(pictures)[:, 0]
        seen = (pictures.detach() + 1) / 2
        source = f"noise:{request.network}/{';'.join(request.places)}"
        arrays, values = [_array(source, "value", seen)], [seen.numpy()]
        if request.slopes:
            (slopes,) = torch.autograd.grad(scores.sum(), pictures)
            arrays.append(_array(source, "slope", slopes))
            values.append(slopes.numpy())
        judged = self._judged(network, seen)
        places = [
            i.DrawnPlace(
                place=place,
                score=m.Number(f"{source}#score[{at}]@value", float(scores[at].detach())),
                label="" if judged is None else judged[at][0],
                judged=None if judged is None else m.Number(f"{source}#judged[{at}]@value", judged[at][1]),
            )
            for at, place in enumerate(request.places)
        ]
        answer = i.DrawnPlaces(
            request=request.request,
            source=source,
            numbers=makes.numbers,
            best_of=makes.best_of,
            places=places,
            arrays=arrays,
        )
        return m.encode(answer, values)

    def _picture(self, place: str, network: Network, makes: Makes) -> Tensor:
        """-1..1, (1, C, H, W)."""
        if not place.startswith(REAL):
            players: Any = network.module
            with torch.no_grad():
                return players.generator(read_latent(place, makes))
        real = held_out(network)
        number = place.removeprefix(REAL)
        if not number.isascii() or not number.isdecimal() or int(number) >= len(real):
            why = f"they are numbered from 0 to {len(real) - 1:,}"
            raise GlassworkError("there is no such held-out picture", where=place[:40], why=why)
        return real[int(number)][None].float() / 127.5 - 1

    def _judged(self, network: Network, seen: Tensor) -> list[tuple[str, float]] | None:
        """The likeliest class of each picture and its share, by the classifier that the card names."""
        assert network.card is not None
        target = str(network.card.settings.get("judge", ""))
        if target not in zoo.shipped_names():
            return None
        judge = self._load(target)
        with torch.inference_mode():
            shares, classes = judge.module(seen).softmax(1).max(1)
        return [(judge.labels[int(at)], float(share)) for at, share in zip(classes, shares, strict=True)]

    def _spread(self, request: i.OpenScores, network: Network, makes: Makes) -> i.Scores:
        real, fake = self._numbers(network, makes)
        low, high = np.quantile(np.concatenate([real, fake]), [OUTERMOST, 1 - OUTERMOST])
        edges = np.linspace(low, max(high, low + 1e-6), BINS + 1)
        source = f"scores:{request.network}"

        def spread(name: str, numbers: np.ndarray, right: float) -> i.Spread:
            counts, _ = np.histogram(numbers.clip(edges[0], edges[-1]), edges)
            return i.Spread(
                shares=[
                    m.Number(f"{source}#{name}[{at}]@value", float(n / len(numbers))) for at, n in enumerate(counts)
                ],
                mean=m.Number(f"{source}#{name}@mean", float(numbers.mean())),
                right=m.Number(f"{source}#{name}@right", right),
            )

        return i.Scores(
            request=request.request,
            source=source,
            edges=edges.tolist(),
            count=len(real),
            real=spread("real", real, float((real > 0).mean())),
            made=spread("made", fake, float((fake < 0).mean())),
        )

    def _numbers(self, network: Network, makes: Makes) -> tuple[np.ndarray, np.ndarray]:
        """The discriminator's numbers for held-out pictures and for made ones, fp64."""
        key = network.target, network.weights_hash
        with self._lock:
            if key not in self._scores:
                players: Any = network.module
                real = held_out(network)[:COUNT].float() / 127.5 - 1
                every = msgspec.structs.replace(makes, best_of=1)
                fake = made(network.module, every, len(real), SEED)
                with torch.inference_mode():
                    both = [
                        torch.cat([players.discriminator(part)[:, 0] for part in x.split(500)]) for x in (real, fake)
                    ]
                self._scores[key] = both[0].double().numpy(), both[1].double().numpy()
                while len(self._scores) > MOST_HELD:
                    self._scores.popitem(last=False)
            return self._scores[key]


def held_out(network: Network) -> Tensor:
    """The held-out pictures of what a generator learned, uint8, (N, C, H, W)."""
    assert network.card is not None
    pictures = data.on_white(data.load(network.card.data, "test").pictures)
    return torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy())


def _array(source: str, what: str, values: Tensor) -> m.Array:
    return m.Array(ref=f"{source}#picture@{what}", shape=list(values.shape), dtype="float32")
