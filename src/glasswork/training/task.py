"""What is trained. The loop knows no pictures, words or classes: it asks a task.

A new kind of training is one file: a `Config` with the settings of its own, whose `task()` returns the `Task`; then a
recipe returns such a config. Nothing else is touched: checkpoints, resuming, many processes, averaging and the command
line work on any task.

All chance comes from `Draw.random`, which depends on the seed, the step and nothing else, and is drawn for all examples
of the step before this process takes its part of them (`Draw.mine`). So a run that is resumed, or that is spread over
two processes, sees the same numbers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from glasswork.training.config import Config
from glasswork.training.sampling import epoch_batch

Loss = Callable[[Any, Any], Tensor]  # (network, batch) -> scalar


@dataclass(frozen=True)
class Draw:
    """What one step sees, or the part of it that one process works through at once.

    Attributes:
        step: from 0.
        index: all examples of the step, over all processes, (B,).
        part: which of them are to be worked through now.
        random: the step's chance, on the CPU.
    """

    step: int
    index: np.ndarray
    part: slice
    random: torch.Generator

    def mine(self, drawn: Tensor) -> Tensor:
        """The rows of this part, of numbers that were drawn for all B examples."""
        return drawn[self.part]


@dataclass(frozen=True)
class Turn:
    """One update within a step. Most tasks have one; a GAN has its critic's, perhaps several, and its generator's.

    Attributes:
        name: of the optimiser; turns of one name share it.
        prefixes: which parameters it updates, by the beginnings of their names; all of them when empty.
        loss: the mean over the batch's examples, a scalar; None for the task's own.
        rate: times the config's learning rate.
    """

    name: str = "all"
    prefixes: tuple[str, ...] = ()
    loss: Loss | None = None
    rate: float = 1.0


@dataclass(frozen=True)
class About:
    """What a model card says of the examples, and what one needs to run the network.

    Attributes:
        examples: how many it is trained on.
        aside: how many training examples choose the checkpoint.
        held_out: how many the final scores are measured on.
        split: how they were divided, in one sentence.
        labels: the names of the outputs, if they have any.
        inputs: one example, as the network is called with it, for counting its cost.
        card: further fields of zoo.Card.
    """

    examples: int
    aside: int
    held_out: int
    split: str
    inputs: tuple[Tensor, ...]
    labels: tuple[str, ...] = ()
    card: Mapping[str, Any] = field(default_factory=dict)


class Task(ABC):
    """One kind of training on one set of examples.

    Attributes:
        config: the run's settings.
        choices: the scores by which a checkpoint can be chosen; true where more is better.
    """

    choices: Mapping[str, bool] = {"nats": False}

    def __init__(self, config: Config) -> None:
        self.config = config

    def kept(self, aside: int | str) -> str:
        """Which weights are kept, for About.split; `aside` says what they can be chosen by."""
        if self.config.choose_by == "last":
            return f"the last weights kept, {aside} set aside"
        return f"checkpoint chosen by {aside}"

    @property
    @abstractmethod
    def examples(self) -> int:
        """How many examples there are to train on."""

    @abstractmethod
    def network(self) -> nn.Module:
        """The network before its first step; its weights come from torch's global generator, which is seeded."""

    @abstractmethod
    def batch(self, draw: Draw) -> Any:
        """The examples of `draw.index[draw.part]`, varied by `draw.random`: what `loss` takes, on the CPU."""

    @abstractmethod
    def loss(self, network: nn.Module, batch: Any) -> Tensor:
        """The mean loss of a batch's examples, a scalar."""

    @abstractmethod
    def scores(self, network: nn.Module) -> dict[str, float]:
        """Scores on the examples set aside; empty when there are none. The network's mode is put back."""

    @abstractmethod
    def final(self, network: nn.Module) -> dict[str, float]:
        """Scores on held-out examples, which training and choosing never saw."""

    @abstractmethod
    def about(self) -> About:
        """What the card says."""

    def indices(self, step: int) -> np.ndarray:
        """Which examples step number `step` (from 0) sees: a pure function of (seed, step), (batch,)."""
        return epoch_batch(self.examples, self.config.batch, self.config.seed, step)

    def name(self, index: int) -> str:
        """What example number `index` is called, for errors."""
        return f"example {index}"

    def notices(self) -> Sequence[str]:
        """What the reader should know before it begins, such as files that could not be used."""
        return ()

    def turns(self) -> Sequence[Turn]:
        """The updates of one step, in their order."""
        return (Turn(),)
