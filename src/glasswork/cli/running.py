"""One traced run of a TARGET, as `trace` and `explain` need it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

import glasswork
from glasswork import zoo
from glasswork.cli.inputs import SEED, Given, choose
from glasswork.errors import GlassworkError
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


def run(target: str, wanted: str, backward: bool, score: int | None = None, detail: str = "ops") -> Run:
    """Load a TARGET, choose its input, and trace it.

    Args:
        target: any TARGET.
        wanted: its input, as inputs.choose takes it.
        backward: whether to collect gradients.
        score: the class whose logit they are slopes of; None for the strongest one.
        detail: as glasswork.trace takes it.

    Raises:
        GlassworkError: one of these fails.
    """
    network = zoo.load(target)
    given = choose(network, wanted)
    chosen = _chosen(network, given, score)
    torch.manual_seed(SEED)  # a module that draws in its forward draws the same each time
    trace = glasswork.trace(network, *given.tensors, loss=chosen, backward=backward, detail=detail)
    return Run(network, given, trace, chosen)


def _chosen(network: Network, given: Given, score: int | None) -> tuple[int, ...] | None:
    """The logit that was asked for, or a classifier's largest, as on its page; None for what is no classifier.

    This plain run also warms torch up, so that the traced one's times mean something.

    Raises:
        GlassworkError: there is no such logit.
    """
    torch.manual_seed(SEED)
    try:
        with torch.no_grad():
            output = network.module(*given.tensors)
    except Exception:  # the traced run will fail too, and say where
        return None
    one_row = isinstance(output, Tensor) and output.dim() == 2 and len(output) == 1
    if score is not None:
        if not one_row or not 0 <= score < output.shape[1]:
            why = (
                f"its output has the shape {list(output.shape)}"
                if isinstance(output, Tensor)
                else "it has several outputs"
            )
            raise GlassworkError(f"there is no score {score}", where=network.target, why=why)
        return (0, score)
    return (0, int(output[0].argmax())) if one_row and network.after is not None else None


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
