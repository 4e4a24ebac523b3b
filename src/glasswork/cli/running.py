"""One traced run of a TARGET, as `trace` and `explain` need it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

import glasswork
from glasswork import zoo
from glasswork.cli.inputs import SEED, Given, choose
from glasswork.tracing import Trace
from glasswork.zoo import Network


@dataclass(frozen=True)
class Run:
    """A network, what it was given, and what happened.

    Attributes:
        score: the element of the output whose slopes the gradients are; None: the output's sum, or no gradients.
    """

    network: Network
    given: Given
    trace: Trace
    score: tuple[int, ...] | None

    @property
    def loss(self) -> str | None:
        """What the gradients are slopes of, in words."""
        if not self.trace.backward:
            return None
        return f"output[{','.join(map(str, self.score))}]" if self.score else "the sum of the output"


def run(target: str, wanted: str, backward: bool, detail: str = "ops") -> Run:
    """Load a TARGET, choose its input, and trace it.

    Raises:
        GlassworkError: one of these fails.
    """
    network = zoo.load(target)
    given = choose(network, wanted)
    score = _strongest(network, given)
    torch.manual_seed(SEED)  # a module that draws in its forward draws the same each time
    trace = glasswork.trace(network, *given.tensors, loss=score, backward=backward, detail=detail)
    return Run(network, given, trace, score)


def _strongest(network: Network, given: Given) -> tuple[int, ...] | None:
    """The largest logit of a classifier, which a page chooses first too; None for what is no classifier.

    This plain run also warms torch up, so that the traced one's times mean something.
    """
    torch.manual_seed(SEED)
    try:
        with torch.no_grad():
            output = network.module(*given.tensors)
    except Exception:  # the traced run will fail too, and say where
        return None
    if network.after is None or not isinstance(output, Tensor) or output.dim() != 2 or len(output) != 1:
        return None
    return (0, int(output[0].argmax()))


def answer(run: Run, most: int = 3) -> list[dict[str, str | float]]:
    """The classes with the largest probabilities."""
    after = run.trace.after
    if not run.network.labels or not isinstance(after, Tensor):
        return []
    best = after[0].topk(min(most, after.shape[-1]))
    return [
        {"label": run.network.labels[place], "probability": value}
        for value, place in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ]
