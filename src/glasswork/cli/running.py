"""One traced run of a TARGET, as `trace` and `explain` need it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from torch import Tensor

import glasswork
from glasswork import zoo
from glasswork.cli.inputs import Given, choose
from glasswork.cli.usage import UsageError
from glasswork.errors import GlassworkError
from glasswork.scenes.examples import SEED
from glasswork.tracing import Trace, is_trace_file, open_trace
from glasswork.zoo import Network


@dataclass(frozen=True)
class Run:
    """A network, what it was given, and what happened.

    Attributes:
        network: None for a trace that was read from a file.
        name: the network's, or the file's.
        weights: where they are from, in words.
        given: the input.
        trace: the run.
        score: the element of the output whose slopes the gradients are; None: the output's sum, or no gradients.
    """

    network: Network | None
    name: str
    weights: str
    given: Given
    trace: Trace
    score: tuple[int, ...] | None

    @property
    def loss(self) -> str | None:
        """What the gradients are slopes of, in words."""
        if not self.trace.backward:
            return None
        if self.trace.loss_value is not None:
            return "the loss"
        return f"output[{','.join(map(str, self.score))}]" if self.score else "the sum of the output"

    @property
    def parameters(self) -> int:
        """How many numbers can be learned."""
        return sum(prod(value.shape) for value in self.trace.parameters.values())


def run_or_open(
    target: str, wanted: str, backward: bool, score: int | None = None, detail: str = "ops", weights: str = ""
) -> Run:
    """The run that a TARGET names: read from its file where it is a trace file, else made; arguments as in `run`.

    Raises:
        UsageError: a trace file is asked for another run than it holds.
        GlassworkError: one of these fails.
    """
    if not is_trace(target):
        return run(target, wanted, backward, score, detail, weights)
    if wanted or score is not None or weights:
        raise UsageError(
            f"{target} is a run that was made",
            where="glasswork",
            why="its input, its weights and its score are in it",
            todo="Leave --input, --weights and --score away, or name the network.",
        )
    trace = open_trace(target)
    if backward and not trace.backward:
        raise UsageError(
            f"{target} holds no gradients",
            where="glasswork",
            why="its run was made forward only, and a file can't be run again",
            todo="Trace the network with --backward and save that.",
        )
    about = f"{len(trace.inputs)} input{'' if len(trace.inputs) == 1 else 's'}, as it was saved"
    given = Given("the saved input", about, ())
    return Run(None, trace.module_type, "in the file", given, trace, trace.loss_index)


def is_trace(target: str) -> bool:
    """Whether a TARGET is a trace file."""
    try:
        return Path(target).is_file() and is_trace_file(target)
    except (OSError, ValueError):  # no name that a file could have
        return False


def run(
    target: str, wanted: str, backward: bool, score: int | None = None, detail: str = "ops", weights: str = ""
) -> Run:
    """Load a TARGET, choose its input, and trace it.

    Args:
        target: any TARGET.
        wanted: its input, as inputs.choose takes it.
        backward: whether to collect gradients.
        score: the class whose logit they are slopes of; None for the strongest one.
        detail: as glasswork.trace takes it.
        weights: a file of weights to put into the network first, or "".

    Raises:
        GlassworkError: one of these fails.
    """
    network = zoo.load(target)
    if weights:
        zoo.load_weights(network.module, Path(weights))
    given = choose(network, wanted)
    chosen = _chosen(network, given, score)
    torch.manual_seed(SEED)  # a module that draws in its forward draws the same each time
    trace = glasswork.trace(network, *given.tensors, loss=chosen, backward=backward, detail=detail)
    return Run(network, network.name, os.path.basename(weights) or network.weights, given, trace, chosen)


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
    if run.network is None or not run.network.labels or not isinstance(after, Tensor):
        return []
    best = after[0].topk(min(most, after.shape[-1]))
    return [
        {"label": run.network.labels[place], "probability": value}
        for value, place in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ]
