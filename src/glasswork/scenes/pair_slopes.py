"""Backward through an encoder and a decoder: from one logit to both texts, every block, and its weights."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor

from glasswork.scenes.messages import translating as p
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.pairs import SIDES, PairRun
from glasswork.scenes.streams import slope
from glasswork.tracing import Trace

# S tokens that are read, T that are written, L blocks, W width

PARTS: dict[p.Side, tuple[p.WeightPart, ...]] = {
    "encoder": ("self_attn", "mlp"),
    "decoder": ("self_attn", "multihead_attn", "mlp"),
}
LINEAR = ("linear1.", "linear2.")
"""The weights of an MLP."""


def pair_slopes(run: PairRun, id: str, trace: Trace, token: int, request: int) -> tuple[p.PairSlopes, list[np.ndarray]]:
    """Slopes of a token's logit after the run's position.

    Args:
        run: as it was without slopes, at the position.
        id: of the run with slopes, and `trace` itself.
        token: whose logit it is.
        request: whose answer it is.
    """
    about = f"{run.at}/{token}"
    lengths: dict[p.Side, Tensor] = {}
    given: dict[p.Side, list[Number]] = {}
    for side in SIDES:
        slopes = torch.stack([slope(trace, path)[0] for path in run.stream_paths(side)]).double()  # (L + 1, tokens, W)
        first = run.streams(side)[0].double()  # (tokens, W)
        lengths[side] = slopes.norm(dim=-1)
        each = (slopes[0] * first).sum(-1).tolist()
        given[side] = [Number(run.ref(f"gradient/{side}/{about}", t), value) for t, value in enumerate(each)]
    weights: list[p.WeightSlope] = []
    for side, parts in PARTS.items():
        for layer, part in itertools.product(range(run.layers), parts):
            ref = run.ref(f"weightslope/{side}/{layer}/{part}/{about}")
            weights.append(p.WeightSlope(side, layer, part, Number(ref, _of(trace, side, layer, part))))
    answer = p.PairSlopes(
        request=request,
        source=f"trace:{id}",
        read=given["encoder"],
        written=given["decoder"],
        weights=weights,
        arrays=[
            Array(ref=run.ref(f"slope/{side}/{about}"), shape=list(one.shape), dtype="float32")
            for side, one in lengths.items()
        ],
    )
    return answer, [one.float().numpy() for one in lengths.values()]


def _of(trace: Trace, side: p.Side, layer: int, part: p.WeightPart) -> float:
    """The length of the slope at all weights and biases of one part of a block."""
    block = f"{SIDES[side][0]}.layers.{layer}."
    begins = tuple(block + name for name in (LINEAR if part == "mlp" else (f"{part}.",)))
    found = [value.grad for name, value in trace.parameters.items() if name.startswith(begins)]
    return sum(float(one.double().square().sum()) for one in found if one is not None) ** 0.5
