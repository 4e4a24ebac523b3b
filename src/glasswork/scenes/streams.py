"""A recorded run of a Transformer as a sum: the streams of its positions, and what each part adds to an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import torch
from torch import Tensor

from glasswork.explaining.residual_stream import Attribution, attribute, gifts, head_outputs
from glasswork.scenes import messages as m
from glasswork.scenes.anatomy import Anatomy, direction, last_norm, output_matrix
from glasswork.scenes.messages.base import Number
from glasswork.tracing import Trace
from glasswork.zoo import Network

# T tokens, L blocks, H heads of D, W width, V answers

WEIGHT_PARTS = ("attention", "mlp", "norms")
"""Of a block: each has weights of its own."""


@dataclass(frozen=True)
class StreamRun:
    """A run, and the position whose stream is read out.

    Attributes:
        id: of the trace.
        parts: which operations made what.
        at: the position.
    """

    id: str
    trace: Trace
    network: Network
    parts: Anatomy
    at: int
    kind: ClassVar[str] = "text"
    """What the addresses of things computed from it begin with."""

    @property
    def seen(self) -> int:
        """How many tokens the position looks at, from the first on."""
        return self.at + 1

    def ref(self, path: str, *index: int) -> str:
        """The address of something computed from this run."""
        return f"{self.kind}:{self.id}#{path}[{','.join(map(str, index))}]@value"

    def number(self, path: str, *index: int) -> Number:
        """A number of the run itself."""
        value = self.trace.value(path).tensor[index].item()
        return Number(f"trace:{self.id}#{path}[{','.join(map(str, index))}]@value", value)

    @cached_property
    def streams(self) -> Tensor:
        """Before each block and after the last: (L + 1, T, W)."""
        return torch.stack([self.trace.value(path).tensor[0].detach() for path in self.parts.streams])

    @cached_property
    def last(self) -> Tensor:
        """After the last block, at the position, (W)."""
        return self.trace.value(self.parts.streams[-1]).tensor[0, self.at].detach()

    @cached_property
    def mixed(self) -> Tensor:
        """What each head wrote at the position, (L, H, W), fp64."""
        rows = []
        for layer in range(self.parts.layers):
            mixed = self.trace.value(self.parts.mixed(layer)).tensor[0, :, self.at : self.at + 1].detach()
            rows.append(head_outputs(mixed, output_matrix(self.network, layer)[0])[:, 0])
        return torch.stack(rows)


def attributed(run: StreamRun, token: int, jumps: Sequence[int] = ()) -> Attribution:
    """What the embedding, every head, and each block's bias and MLP add: 1 + L·H + 2 L parts.

    Before each block of `jumps` the stream was set from outside: how far it then was from its parts is one more.
    """
    parts, at = run.parts, run.at
    rows = [run.streams[0, at].double()[None], run.mixed.flatten(0, 1)]
    for layer, block in enumerate(parts.blocks):
        wrote = run.trace.value(f"{block}.{parts.attended}").tensor[0, at].detach()
        bias = output_matrix(run.network, layer)[1] if wrote.any() else None  # of heads that are off, none is written
        fed = run.trace.value(f"{block}.{parts.fed}").tensor[0, at].detach().double()
        rows.append(torch.stack([torch.zeros_like(fed) if bias is None else bias.double(), fed]))
    for layer in jumps:
        block = parts.blocks[layer - 1]
        wrote = [run.trace.value(f"{block}.{path}").tensor[0, at].detach() for path in (parts.attended, parts.fed)]
        before, after = run.streams[layer - 1, at].double(), run.streams[layer, at].double()
        rows.append((after - before - wrote[0].double() - wrote[1].double())[None])
    return attribute(torch.cat(rows), run.streams[-1, at], last_norm(run.network), direction(run.network, token))


def gifts_of(run: StreamRun, layer: int, head: int, token: int) -> Tensor:
    """What each position that is seen gives to an answer through a head, fp64, (seen)."""
    parts, at = run.parts, run.at
    if not run.mixed[layer, head].any():  # it is off
        return torch.zeros(run.seen, dtype=torch.float64)
    seen = slice(0, run.seen)
    weights = run.trace.value(parts.weights(layer)).tensor[0, head, at, seen].detach()
    values = run.trace.value(parts.of(layer, parts.value)).tensor[0, head, seen].detach()
    rows = output_matrix(run.network, layer)[0][head * parts.size : (head + 1) * parts.size]
    norm = last_norm(run.network)
    through = norm.through(gifts(weights, values, rows), norm.scale(run.last))
    return through @ direction(run.network, token)


def gift_of(run: StreamRun, layer: int, head: int, token: int) -> float:
    """What a head adds to an answer in all."""
    norm = last_norm(run.network)
    through = norm.through(run.mixed[layer, head], norm.scale(run.last))
    return float(through @ direction(run.network, token))


def switched_off(
    parts: Anatomy, what: Literal["head", "heads", "mlp", "block"], layer: int, head: int = 0
) -> list[m.Edit]:
    """A head, all heads of a block, its MLP or both, as changes of the run's tensors."""
    if what == "head":
        return [m.Edit(at=parts.mixed(layer), index=[0, head, 0, 0], axis=1, action="off")]
    block = parts.blocks[layer]
    paths = {"heads": [parts.attended], "mlp": [parts.fed], "block": [parts.attended, parts.fed]}[what]
    edits = [m.Edit(at=f"{block}.{path}", index=[0, 0, 0], axis=0, action="off") for path in paths]
    if what != "mlp":
        edits.append(m.Edit(at=parts.mixed(layer), index=[0, 0, 0, 0], axis=0, action="off"))
    return edits


def weight_slopes(trace: Trace, parts: Anatomy) -> tuple[Tensor, float]:
    """How long the slope is at all weights and biases of a run with slopes.

    Returns:
        Of each block's attention, MLP and norms (L, 3), fp64; and of all that is outside the blocks: embeddings,
        positions, the last norm and layer.
    """
    squares, outside = torch.zeros(parts.layers, len(WEIGHT_PARTS), dtype=torch.float64), 0.0
    columns = {parts.attention: 0, parts.mlp: 1}
    for name, value in trace.parameters.items():
        square = 0.0 if value.grad is None else value.grad.double().square().sum().item()
        layer = next((i for i, block in enumerate(parts.blocks) if name.startswith(f"{block}.")), None)
        if layer is None:
            outside += square
        else:
            inner = name.removeprefix(f"{parts.blocks[layer]}.").partition(".")[0]
            squares[layer, columns.get(inner, 2)] += square
    return squares.sqrt(), outside**0.5


def slope(trace: Trace, path: str) -> Tensor:
    """The gradient at a value of a run with slopes; zeros where the answer does not depend on it."""
    value = trace.value(path)
    return torch.zeros(value.shape) if value.grad is None else value.grad
