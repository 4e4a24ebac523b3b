"""Say what or whose a sequence is: a recurrent network reads all of it, and its mean state is classified."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import measuring, zoo
from glasswork.data._utterances import Utterances
from glasswork.data.utterances import load_utterances
from glasswork.training.config import Config
from glasswork.training.task import About, Draw, Task
from glasswork.zoo import Utterance


@dataclass(frozen=True, kw_only=True)
class UtteranceConfig(Config):
    """A run on sequences of one class each. The network's inputs and outputs are filled in.

    Attributes:
        noise: the deviation of what is added to each standardised number, in training.
        label_smoothing: what share of a label is spread over all classes.
        reservation: what else has to be said of its scores.
        validation: how many utterances of the training part are set aside, as many of each class; where
            the parts are divided by voices, whole voices, and at least so many.
    """

    noise: float = 0.3
    label_smoothing: float = 0.05
    reservation: str = ""

    def task(self) -> Task:
        """The task on the data set that is named."""
        return Utterancing(self)


class Utterancing(Task):
    """Learn the class by cross-entropy. Utterances of one length are read together, so that none is padded.

    Raises:
        GlassworkError: there is no such data set.
    """

    choices: Mapping[str, bool] = {"nats": False, "accuracy": True}
    config: UtteranceConfig

    def __init__(self, config: UtteranceConfig) -> None:
        data = load_utterances(config.data, "train")
        self.aside = set_aside(data, config.validation)
        self.train = np.setdiff1d(np.arange(len(data)), self.aside)
        seen = np.concatenate([data.steps[i] for i in self.train])  # (steps, I)
        test = load_utterances(config.data, "test")
        self.utterance = Utterance(
            tuple(seen.mean(0).tolist()), tuple(seen.std(0).tolist()), tuple(map(tuple, test.steps[0].tolist()))
        )
        self.data, self.test = data, test
        self.x = [self.utterance.read(steps)[0] for steps in data.steps]
        super().__init__(
            replace(config, sizes={**config.sizes, "inputs": data.channels, "outputs": len(data.classes), "pooled": 1})
        )

    @property
    def examples(self) -> int:
        """How many utterances are trained on."""
        return len(self.train)

    def network(self) -> nn.Module:
        """The untrained network."""
        return zoo.build(self.config.network, self.config.sizes)

    def batch(self, draw: Draw) -> list[tuple[Tensor, Tensor]]:
        """Utterances by length: (B, T, I) and their classes (B,), for each length that occurs."""
        longest = max(len(x) for x in self.x)
        noise = draw.mine(torch.randn((len(draw.index), longest, self.data.channels), generator=draw.random))
        chosen = self.train[draw.index[draw.part]]
        groups: dict[int, list[int]] = {}
        for place, i in enumerate(chosen):
            groups.setdefault(len(self.x[i]), []).append(place)
        found = []
        for length, places in groups.items():
            x = torch.stack([self.x[chosen[place]] for place in places]) + self.config.noise * noise[places, :length]
            found.append((x, torch.from_numpy(self.data.labels[chosen[places]])))
        return found

    def loss(self, network: nn.Module, batch: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Cross-entropy, the mean over all utterances; a scalar."""
        logits, labels = torch.cat([network(x) for x, _ in batch]), torch.cat([y for _, y in batch])
        return F.cross_entropy(logits, labels, label_smoothing=self.config.label_smoothing)

    def scores(self, network: nn.Module) -> dict[str, float]:
        """Scores on the utterances set aside."""
        return score_utterances(network, self.utterance, self.data, self.aside) if len(self.aside) else {}

    def final(self, network: nn.Module) -> dict[str, float]:
        """Scores on the test part."""
        return score_utterances(network, self.utterance, self.test)

    def name(self, index: int) -> str:
        """Which utterance it is."""
        return f"utterance {int(self.train[index]) + 1}"

    def about(self) -> About:
        """What the card says."""
        config = self.config
        kept = f"checkpoint chosen by {len(self.aside)}" if len(self.aside) else "the last weights kept"
        return About(
            examples=len(self.train),
            aside=len(self.aside),
            held_out=len(self.test),
            split=f"trained on {len(self.train)} utterances {self.data.part}; {kept}; tested on {self.test.part}"
            + (f"; {config.reservation}" if config.reservation else ""),
            labels=self.data.classes,
            inputs=(self.x[0][None],),
            card={
                "sizes": {**config.sizes, "fused": 0},
                "utterance": {f: getattr(self.utterance, f) for f in self.utterance.__struct_fields__},
            },
        )


def set_aside(data: Utterances, count: int) -> np.ndarray:
    """Which utterances the checkpoint is chosen by: the last of each class, or of the last voices all."""
    if data.voices and count:
        voices = list(dict.fromkeys(data.voices))
        each = len(data) // len(voices)
        last = voices[-math.ceil(count / each) :]
        return np.array([i for i, voice in enumerate(data.voices) if voice in last])
    each = count // len(data.classes)
    of_each = [np.flatnonzero(data.labels == k) for k in range(len(data.classes))]
    return np.concatenate([found[len(found) - each :] for found in of_each])


def score_utterances(
    network: nn.Module, utterance: Utterance, data: Utterances, chosen: Sequence[int] | np.ndarray | None = None
) -> dict[str, float]:
    """Scores of a classifier on some utterances, or on all."""
    every = np.arange(len(data)) if chosen is None else np.asarray(chosen)
    training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            logits = torch.cat([network(utterance.read(data.steps[i])) for i in every])
    finally:
        network.train(training)
    return measuring.classification_scores(logits, torch.from_numpy(data.labels[every]))
