"""A network ready to be looked into: the module, and all that one needs to give it a picture and read its answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from glasswork.data.tokens import Vocabulary
from glasswork.zoo import storing
from glasswork.zoo.card import Card
from glasswork.zoo.detectors import is_detector
from glasswork.zoo.makes import Makes
from glasswork.zoo.preprocessing import Preprocessing
from glasswork.zoo.rows import Rows
from glasswork.zoo.sequences import Forecast, Utterance
from glasswork.zoo.translating import Translation

After = Callable[[Tensor], Tensor]


def softmax(logits: Tensor) -> Tensor:
    """Probabilities from logits, (..., K): each e^logit divided by the sum of all. Appended by Glasswork."""
    return torch.softmax(logits, dim=-1)


def softmax_of_maps(logits: Tensor) -> Tensor:
    """The same for each pixel of maps of logits, (B, K, H, W)."""
    return torch.softmax(logits, dim=1)


@dataclass(frozen=True)
class Network:
    """What a TARGET names.

    Attributes:
        target: the text that it was loaded from.
        name: short; for networks of ours, the recipe's name.
        title: for people.
        module: in evaluation mode, on the CPU.
        preprocess: prepares a picture; None when nothing is known of the inputs.
        labels: the names of the outputs, in their order; empty when unknown.
        card: the model card of trained weights of ours.
        samples: names of held-out pictures to begin with (glasswork.data.sample).
        after: what Glasswork appends to the module's output: softmax, for networks that return logits; else None.
        weights: where the weights are from, in words: "shipped", "run", "cache", "random" or "the factory's".
        vocabulary: the tokens of a language model of ours; those of hf: have their own (zoo.tokens).
        rows: how a row of a table is read, for networks that were trained on one.
        forecast: how a series is read, for networks that tell its future.
        utterance: how a sequence of many numbers is read, for networks that were trained on such.
        translation: how phrases are read and written, for networks that translate.
        makes: what its generator makes, and of what noise, for networks that have one.
    """

    target: str
    name: str
    title: str
    module: nn.Module
    preprocess: Preprocessing | None
    labels: tuple[str, ...]
    card: Card | None
    samples: tuple[str, ...]
    after: After | None
    weights: str
    vocabulary: Vocabulary | None = None
    rows: Rows | None = None
    forecast: Forecast | None = None
    utterance: Utterance | None = None
    translation: Translation | None = None
    makes: Makes | None = None

    @property
    def parameters(self) -> int:
        """How many numbers can be learned."""
        return sum(parameter.numel() for parameter in self.module.parameters())

    @property
    def detects(self) -> bool:
        """Whether it answers with boxes, their labels and their scores."""
        return is_detector(self.module)

    @cached_property
    def weights_hash(self) -> str:
        """sha256 of the weight file, or of all names and values where there is none."""
        return self.card.sha256 if self.card else storing.weights_hash(self.module)


def count_macs(module: nn.Module, *inputs: Tensor) -> int:
    """Multiply-adds of convolutions and matrix products in one forward pass: half of PyTorch's count of operations."""
    from torch.utils.flop_counter import FlopCounterMode  # loads triton, which takes a while

    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        module(*inputs)
    return counter.get_total_flops() // 2
