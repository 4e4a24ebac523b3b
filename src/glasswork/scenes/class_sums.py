"""A class's logit as a sum: what each part of a Vision Transformer adds to it."""

from __future__ import annotations

from dataclasses import dataclass

from glasswork.scenes.messages import vision as v
from glasswork.scenes.messages.base import Number
from glasswork.scenes.patch_runs import ClassRun
from glasswork.scenes.streams import attributed, gifts_of


@dataclass(frozen=True)
class Summed:
    """The sum, and the head that adds most to it.

    Attributes:
        told: what each part adds.
        head: block and head.
        column: the token that gives most through it.
    """

    told: v.ClassSum
    head: tuple[int, int]
    column: int


def class_sum(run: ClassRun, followed: int) -> Summed:
    """What the parts add to a class's logit, above the mean of all."""
    parts = run.parts
    told = attributed(run, followed)
    per_head = told.parts[1 : 1 + parts.layers * parts.heads].view(parts.layers, parts.heads)
    rest = told.parts[1 + per_head.numel() :][: 2 * parts.layers].view(-1, 2)  # the output's bias, and the MLP
    heads, mlps = per_head.sum(1) + rest[:, 0], rest[:, 1]
    layer, head = divmod(int(per_head.argmax()), parts.heads)
    last = run.last_bias.double()
    above = float(last[followed] - last.mean())

    def adds(path: str, value: float) -> Number:
        return Number(run.ref(path, followed), value)

    found = v.ClassSum(
        adds=[
            v.BlockAdds(adds(f"heads/{i}", heads[i].item()), adds(f"mlp/{i}", mlps[i].item()))
            for i in range(parts.layers)
        ],
        embedding=adds("embedding", told.parts[0].item()),
        bias=adds("bias", told.bias + above),
        heads_sum=adds("allheads", heads.sum().item()),
        mlps_sum=adds("allmlps", mlps.sum().item()),
        total=adds("total", told.total + above),
        error=told.error,
    )
    return Summed(found, (layer, head), int(gifts_of(run, layer, head, followed).argmax()))
