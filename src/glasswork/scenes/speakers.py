"""Who speaks, or what is said: an utterance as a network reads it, and its answer if it ended at each step."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from glasswork import zoo
from glasswork.data.utterances import load_utterances
from glasswork.errors import GlassworkError
from glasswork.measuring.lookup import lookup_accuracy
from glasswork.scenes import messages as m
from glasswork.scenes.messages import uses as q
from glasswork.scenes.messages.base import Array, Number
from glasswork.zoo import Network

# T steps, C channels, K classes


class Speakers:
    """Answers about utterances.

    Args:
        load: gives a network.
    """

    def __init__(self, load: Callable[[str], Network]) -> None:
        self._load = load
        self._known: dict[str, tuple[torch.nn.Module, np.ndarray]] = {}
        self._lookups: dict[str, float] = {}

    def answer(self, request: q.OpenUtterance) -> str | bytes:
        """The answer to the page.

        Raises:
            GlassworkError: the network reads no utterances, or there is no such utterance.
        """
        network = self._load(request.network)
        card, reads = network.card, network.utterance
        if reads is None or card is None:
            raise GlassworkError(f"{network.title} reads no utterances", where=network.target)
        data = load_utterances(card.data, "test")
        index = request.index
        if not 0 <= index < len(data):
            why = f"they are numbered 0 to {len(data) - 1}"
            raise GlassworkError(f"there is no utterance {index}", where=f"{card.data}, test", why=why)
        x = reads.read(data.steps[index])  # (1, T, C)
        module, answers = self._answers(network, reads)
        with torch.inference_mode():
            shares = torch.cat([module(x[:, : t + 1]) for t in range(x.shape[1])]).double().softmax(1).numpy()  # (T, K)
        said = int(shares[-1].argmax())
        source = f"utterance:{network.name}/{index}"
        answer = q.Utterance(
            request=request.request,
            network=network.name,
            title=network.title,
            index=index,
            name=data.names[index] if data.names else "",
            source=source,
            classes=list(data.classes),
            label=int(data.labels[index]),
            said=said,
            share=Number(f"{source}#share[{len(shares) - 1},{said}]@value", float(shares[-1, said])),
            answers=answers.tolist(),
            labels=data.labels.tolist(),
            accuracy=Number(f"measure:{card.recipe}#accuracy@value", card.scores["accuracy"]),
            lookup=Number(f"{source}#lookup@value", self._lookup(card.data)),
            kind=card.network,
            arrays=[
                Array(ref=f"{source}#read@value", shape=list(x.shape[1:]), dtype="float32"),
                Array(ref=f"{source}#share@value", shape=list(shares.shape), dtype="float64"),
            ],
        )
        return m.encode(answer, [x[0].numpy(), shares])

    def _lookup(self, name: str) -> float:
        """How often the nearest utterance of the training part is right."""
        if name not in self._lookups:
            self._lookups[name] = lookup_accuracy(*(load_utterances(name, part) for part in ("train", "test")))
        return self._lookups[name]

    def _answers(self, network: Network, reads: zoo.Utterance) -> tuple[torch.nn.Module, np.ndarray]:
        """The network with PyTorch's kernel, which is faster, and what it says of each utterance, (N,)."""
        key = f"{network.target} {network.weights_hash}"
        if key not in self._known:
            assert network.card is not None
            module = zoo.build(network.card.network, {**network.card.sizes, "fused": 1}).eval()
            module.load_state_dict(network.module.state_dict())
            with torch.inference_mode():
                data = load_utterances(network.card.data, "test")
                said = [int(module(reads.read(steps))[0].argmax()) for steps in data.steps]
            self._known[key] = module, np.array(said)
        return self._known[key]
