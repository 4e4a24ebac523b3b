"""The runs that questions of a lesson are about: a network on a picture, and single numbers of it."""

from __future__ import annotations

import re

import torch

from glasswork.errors import GlassworkError
from glasswork.explaining import explain
from glasswork.scenes.messages.base import Number
from glasswork.scenes.networks import Networks
from glasswork.scenes.pictures import prepare, read_picture
from glasswork.scenes.traces import Traces
from glasswork.tracing import Trace

PLACE = re.compile(r"([^\[\]]+)\[(\d+(?:,\d+)*)\]")


class LessonRuns:
    """Runs networks on pictures that ship.

    Args:
        networks: which may be asked.
        traces: where their runs are kept.
    """

    def __init__(self, networks: Networks, traces: Traces) -> None:
        self.networks, self.traces = networks, traces

    def trace(self, network: str, input: str) -> tuple[str, Trace]:
        """The run of a network on a picture: its source, and itself."""
        loaded = self.networks.load(network)
        prepared = prepare(loaded, read_picture(input, _nothing_given))
        with torch.no_grad():
            scores = loaded.module(*prepared.inputs)
        id, trace = self.traces.run(loaded, prepared.inputs, (0, int(scores[0].argmax())))
        return f"trace:{id}", trace

    def at(self, network: str, input: str, place: str, what: str = "value") -> Number:
        """One number of a run."""
        source, trace = self.trace(network, input)
        path, index = parse_place(place)
        found = explain(trace, path, index, of=what, limit=1)
        return Number(f"{source}#{found.op}[{','.join(map(str, found.index))}]@{what}", found.value)


def parse_place(words: str) -> tuple[str, tuple[int, ...]]:
    """`path[1,2]` as path and index."""
    found = PLACE.fullmatch(words)
    if found is None:
        raise GlassworkError("this names no number", where=words[:80], why="expected OPERATION[1,2,...]")
    return found[1], tuple(int(one) for one in found[2].split(","))


def _nothing_given(id: str) -> bytes:
    raise GlassworkError("a lesson can't be about a picture that was given", where=f"upload:{id}"[:80])
