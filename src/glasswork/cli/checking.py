"""Whether an op's numbers are explained, tried on a few of them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from glasswork.explaining import NoRule, explain
from glasswork.tracing import Op, Trace


@dataclass(frozen=True)
class Checked:
    """What became of explaining an op.

    Attributes:
        kind: how its numbers are explained (Explanation.kind); None if they aren't.
        count: how many numbers were explained and compared.
        error: the largest error among them.
        why: the reason when there is no explanation.
    """

    kind: str | None
    count: int = 0
    error: float = 0.0
    why: str | None = None


def check_op(trace: Trace, op: Op, count: int) -> Checked:
    """Explain `count` random numbers of an op's output; which ones follows from the op's place in the run."""
    size = op.output.tensor.numel() if op.outputs else 0
    if not size:
        return Checked(None, why="it has no number to explain")
    places = torch.randint(size, (max(1, count),), generator=torch.Generator().manual_seed(op.id)).tolist()
    found = []
    try:
        for place in places:
            index = tuple(int(axis) for axis in torch.unravel_index(torch.tensor(place), op.output.shape))
            found.append(explain(trace, op, index, limit=1))
    except NoRule as error:
        return Checked(None, why=error.what)
    except Exception as error:  # a rule that this op breaks must not hide all the others
        return Checked(None, why=f"{type(error).__name__}: {error}")
    errors = [one.error for one in found[:count]]
    return Checked(found[0].kind, len(errors), max(errors, default=0.0))
