"""Where the parameters, the arithmetic, the bytes and the time of a run are: one row for each module."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from glasswork.tracing.costs import bytes_moved
from glasswork.tracing.graph import Trace
from glasswork.tracing.ops import Op


@dataclass(slots=True)
class Cost:
    """What something costs; of a module either its own ops alone, or with all that stands in it.

    Attributes:
        parameters: how many numbers can be learned, each counted once.
        ops: how many ran.
        macs: multiply-accumulates.
        bytes: read and written by its ops.
        made: bytes of the tensors that it made: what a backward run would have to keep.
        seconds: wall time of its ops, forward.
    """

    parameters: int = 0
    ops: int = 0
    macs: int = 0
    bytes: int = 0
    made: int = 0
    seconds: float = 0.0

    def add(self, op: Op) -> None:
        """Count one op."""
        moved = bytes_moved(op)
        self.ops += 1
        self.macs += op.macs
        self.bytes += moved
        self.made += sum(value.bytes for value in op.outputs) if moved and not op.name.endswith("_") else 0
        self.seconds += op.seconds


@dataclass(frozen=True, slots=True)
class ModuleCost:
    """One module of a run.

    Attributes:
        path: where it stands in the tree, "" for the root.
        type: its class name.
        calls: how often it was called.
        own: of the ops that its own forward wrote, and its own parameters.
        total: of all that happened in it, its parts included; the root's is the whole run's.
        share: of the whole run's seconds.
    """

    path: str
    type: str
    calls: int
    own: Cost
    total: Cost
    share: float


def profile(trace: Trace) -> list[ModuleCost]:
    """What each module of a run costs, in the order that they first ran; modules that never ran are left out.

    What `after` and a loss function computed is the root's own. A module's parts are those below its path, so that one
    that is called from several places is counted where it stands.
    """
    types: dict[str, str] = {"": trace.module_type}
    calls: dict[str, int] = {"": 0}
    for call in trace.calls:
        types.setdefault(call.path, call.type)
        calls[call.path] = calls.get(call.path, 0) + 1
    own = {path: Cost() for path in types}
    total = {path: Cost() for path in types}
    for op in trace.ops:
        place = op.module if op.module in own else ""
        own[place].add(op)
        for path in _ancestors(place):
            if path in total:
                total[path].add(op)
    for name, value in trace.parameters.items():
        count, place = prod(value.shape), name.rpartition(".")[0]
        if place in own:
            own[place].parameters += count
        for path in _ancestors(place):
            if path in total:
                total[path].parameters += count
    seconds = total[""].seconds
    return [
        ModuleCost(
            path, types[path], calls[path], own[path], total[path], total[path].seconds / seconds if seconds else 0
        )
        for path in types
    ]


def _ancestors(path: str) -> list[str]:
    """A module's path and those around it, up to the root's."""
    found = [path]
    while path:
        path = path.rpartition(".")[0]
        found.append(path)
    return found
