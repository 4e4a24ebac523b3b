"""Writes through a view: `x[0].copy_(y)`, and later x itself is read.

To autograd the write happens to the whole tensor: what was written passes into it at the view's places, the rest of it
stays. The trace knows the whole tensor at that later moment as a value without an address; here it is found again, with
the place of each number of the view in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch

from glasswork.explaining.expansion import flat_place
from glasswork.explaining.moving import BASE, is_move, moved_operands, origins
from glasswork.tracing import Op, Trace, Value

_nameless: WeakKeyDictionary[Trace, dict[int, list[Value]]] = WeakKeyDictionary()
_overwrites: WeakKeyDictionary[Trace, dict[int, Overwrite | None]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Overwrite:
    """One write through a view.

    Attributes:
        writer: the op in place; its first operand is the view.
        before: the whole tensor until then.
        after: from then on.
        places: for each number of the view (flat), its flat place in the whole.
    """

    writer: Op
    before: Value
    after: Value
    places: torch.Tensor

    def inside(self, index: tuple[int, ...]) -> tuple[int, ...] | None:
        """Where in the view the whole's number at `index` stands; None for what was not written."""
        flat = flat_place(index, self.before.shape)
        found = (self.places == flat).nonzero().flatten()
        if not len(found):
            return None
        view = self.writer.operands[0]
        return tuple(int(place) for place in torch.unravel_index(found[0], view.shape))


def through_a_view(trace: Trace, op: Op) -> Overwrite | None:
    """The whole tensor that an op wrote into through a view, if it was read later."""
    candidates = _nameless_values(trace).get(op.id)
    if not candidates or not op.operands or op.rebuilt:
        return None
    known = _overwrites.setdefault(trace, {})
    if op.id not in known:
        known[op.id] = _find(trace, op, candidates)
    return known[op.id]


def _find(trace: Trace, op: Op, candidates: list[Value]) -> Overwrite | None:
    value, places = op.operands[0], torch.arange(torch.Size(op.operands[0].shape).numel())
    while True:
        maker = trace.producer(value)
        if maker is None or value.path is None or not is_move(maker) or len(moved_operands(maker)) != 1:
            return None
        taken = origins(maker, value.slot).flatten()[places] - BASE
        if bool((taken < 0).any()):
            return None
        value, places = moved_operands(maker)[0], taken.long()
        for after in candidates:
            if after.shape == value.shape and _holds(after, value, op.output, places):
                return Overwrite(op, value, after, places)


def overwrites_of(trace: Trace, value: Value) -> list[Overwrite]:
    """The writes that happened to a tensor through views of it, so that it went on as another value."""
    found = []
    for producer in _nameless_values(trace):
        overwrite = through_a_view(trace, trace.ops[producer])
        if overwrite is not None and overwrite.before is value:
            found.append(overwrite)
    return found


def _holds(after: Value, before: Value, written: Value, places: torch.Tensor) -> bool:
    """Whether the whole is what it was, but for what was written."""
    expected = before.tensor.clone().reshape(-1)
    expected[places] = written.tensor.reshape(-1).to(expected.dtype)
    return torch.equal(expected.nan_to_num(), after.tensor.reshape(-1).nan_to_num())


def _nameless_values(trace: Trace) -> dict[int, list[Value]]:
    """By the op that wrote last: values that were read later under no address."""
    known = _nameless.get(trace)
    if known is None:
        known = _nameless[trace] = {}
        seen: set[int] = set()
        for value in [*(value for op in trace.ops for value in op.operands), *trace.outputs]:
            if value.path is None and value.producer is not None and id(value) not in seen:
                seen.add(id(value))
                known.setdefault(value.producer, []).append(value)
    return known
