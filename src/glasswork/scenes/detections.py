"""What a detector found in a picture: each box with its label and score, and where those stand in the run."""

from __future__ import annotations

from typing import Any

import torch

from glasswork.scenes.messages import Detected, Detections, Number
from glasswork.tracing import Trace, Value
from glasswork.zoo import Network
from glasswork.zoo.detectors import BOXES, LABELS, SCORES, lowest_score

MOST = 1000
"""So many boxes are told of, those with the largest scores."""


def answered(output: Any) -> dict[str, torch.Tensor] | None:
    """The one dict of tensors that a detector answers one picture with; None where the answer is of another form."""
    if not isinstance(output, list) or len(output) != 1 or not isinstance(output[0], dict):
        return None
    found = output[0]
    known = {BOXES, LABELS, SCORES} <= found.keys() and all(isinstance(one, torch.Tensor) for one in found.values())
    return found if known else None


def best_box(output: Any) -> tuple[int, int] | None:
    """The largest score of an answer: which of its tensors that is in, and where; None where nothing was found."""
    found = answered(output)
    if found is None or not found[SCORES].numel() or not found[SCORES].requires_grad:
        return None
    return list(found).index(SCORES), int(found[SCORES].argmax())


def detections(trace: Trace, network: Network | None, source: str) -> Detections | None:
    """The boxes of a run, the largest score first; None where the network is no detector, or ended early.

    Args:
        trace: the run.
        network: knows the labels' names; None for a saved run.
        source: the address of the trace.
    """
    found = answered(trace.output)
    if network is None or not network.detects or found is None or len(trace.outputs) != len(found):
        return None
    values = dict(zip(found, trace.outputs, strict=True))
    picture = next(iter(trace.inputs.values()))
    height, width = picture.shape[-2:]
    order = values[SCORES].tensor.argsort(descending=True, stable=True)[:MOST].tolist()
    numbers = {name: _addressed(values[name], source) for name in (BOXES, SCORES)}
    labels = values[LABELS].tensor.tolist()

    def box(at: int) -> Detected:
        return Detected(
            label=_name(network, labels[at]),
            score=numbers[SCORES](at),
            box=[numbers[BOXES](at, side) for side in range(4)],
        )

    return Detections(
        width=width,
        height=height,
        count=len(labels),
        lowest=lowest_score(network.module),
        found=[box(at) for at in order],
    )


def _name(network: Network, label: int) -> str:
    return network.labels[label] if 0 <= label < len(network.labels) else str(label)


def _addressed(value: Value, source: str) -> Any:
    """Gives a number of a tensor by its place, with its address."""
    tensor = value.tensor

    def number(*place: int) -> Number:
        return Number(ref=f"{source}#{value.path}[{','.join(map(str, place))}]@value", value=tensor[place].item())

    return number
