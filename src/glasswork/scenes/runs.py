"""The run that a graph shows: of a network on an input, the same with changes, or one that was saved in a file."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.scenes.changes import changes
from glasswork.scenes.detections import detections
from glasswork.scenes.given import ADDRESS, TraceFile, TraceFiles
from glasswork.scenes.graphs import followed_number, largest_scores
from glasswork.scenes.messages import Detections, NetworkCard, Number, OpenGraph, TopScore
from glasswork.scenes.networks import Networks, network_card
from glasswork.scenes.opening import Arrays, Followed, Given, followed, given
from glasswork.scenes.pictures import ReadInput
from glasswork.scenes.traces import ID_LENGTH, Traces, input_hash
from glasswork.tracing import Trace, open_trace
from glasswork.tracing.inputs import leaves
from glasswork.zoo import Network

CHUNK = 1 << 20
MOST_AIMS = 32
LONGEST_TITLE = 80


@dataclass(frozen=True)
class Run:
    """What a page is shown.

    Attributes:
        id, trace: the run.
        card: what it is a run of.
        given: what it was given.
        aim: the number whose slopes it holds.
        network: None for a saved run.
        base: the run without the changes, and its id; None where nothing was changed.
        pending: its slopes are still to come.
    """

    id: str
    trace: Trace
    card: NetworkCard
    given: Given
    aim: Followed | None
    network: Network | None = None
    base: tuple[str, Trace] | None = None
    pending: bool = False

    @property
    def source(self) -> str:
        """The address of the run."""
        return f"trace:{self.id}"

    @property
    def base_source(self) -> str:
        """The address of the unchanged run, or ""."""
        return f"trace:{self.base[0]}" if self.base else ""

    @cached_property
    def detections(self) -> Detections | None:
        """What a detector found."""
        return detections(self.trace, self.network, self.source)

    @cached_property
    def scores(self) -> tuple[list[TopScore], int]:
        """The largest scores, and of how many."""
        if self.detections is not None:
            return [], 0
        before = self.base[1] if self.base else None
        return largest_scores(self.trace, self.network, self.source, self.aim, before, self.base_source)

    @property
    def followed(self) -> Number | None:
        """The number whose slopes are shown."""
        return followed_number(self.trace, self.source, self.aim)

    @property
    def before(self) -> Number | None:
        """The same number of the unchanged run."""
        return followed_number(self.base[1], self.base_source, self.aim) if self.base else None


class Runs:
    """Makes the runs that pages ask for.

    Args:
        networks: which networks may be opened.
        traces: where runs are kept.
        arrays: inputs of the reader's by id.
        saved: trace files of the reader's.
    """

    def __init__(self, networks: Networks, traces: Traces, arrays: Arrays, saved: tuple[Path, ...]) -> None:
        self._networks = networks
        self._traces = traces
        self._arrays = arrays
        self._aims: dict[tuple[str, str], Followed | None] = {}
        self.saved: Mapping[str, Run] = {path.name: self._read(path) for path in saved}

    def cards(self, files: TraceFiles) -> list[NetworkCard]:
        """Every network and saved run that can be opened."""
        found = [self._given(one) for one in files.all()]
        return [*(run.card for run in (*self.saved.values(), *found)), *self._networks.cards()]

    def is_saved(self, network: str) -> bool:
        """Whether a name stands for a run that was read from a file."""
        return network in self.saved or network.startswith(ADDRESS)

    def open(
        self, request: OpenGraph, read_input: ReadInput, files: TraceFiles, cancel: threading.Event
    ) -> Iterator[Run]:
        """The run that a page asks for; a slow one first as it is after its forward, and when that is shown, whole.

        Raises:
            GlassworkError: it can't be made.
        """
        if self.is_saved(request.network):
            if request.edits:
                raise GlassworkError(
                    "a saved run can't be changed",
                    where=request.network,
                    why="its network is not in the file: there is nothing to run again",
                    todo="Open the network itself.",
                )
            own = self.saved.get(request.network)
            yield own or self._given(files.get(request.network.removeprefix(ADDRESS)))
            return
        network = self._networks.load(request.network)
        start = self._recorded(request.input) or given(network, request.input, read_input, self._arrays)
        card = network_card(network)
        made = self._run(network, start.tensors, cancel)
        id, trace, aim = next(made)
        if trace.failure is not None and not start.proven:  # the trial ended before the error
            start = given(network, request.input, read_input, self._arrays, patient=True)
            made = self._run(network, start.tensors, cancel)
            id, trace, aim = next(made)
        if request.edits:
            id, trace, aim = ([(id, trace, aim), *made])[-1]  # changes are compared with the whole run
        else:
            pending = aim is not None and not trace.backward
            yield Run(id, trace, card, start, aim, network, pending=pending)
            for id, trace, aim in made:
                yield Run(id, trace, card, start, aim, network)
            return
        if trace.failure is not None:
            raise GlassworkError(
                "a run that ends early can't be changed",
                where=request.network,
                why="there is no whole run to compare with",
                todo="Take the changes back.",
            )
        changes(trace, request.edits)  # refused before they are recorded
        changed_id, changed = self._traces.change(id, request.edits, cancel)
        yield Run(changed_id, changed, card, start, aim, network, (id, trace))

    def _recorded(self, wanted: str | None) -> Given | None:
        """What another run was given, where the page names one: `trace:ID`."""
        kind, _, id = (wanted or "").partition(":")
        if kind != "trace":
            return None
        tensors = self._traces.inputs(id)
        shapes = ", ".join("×".join(map(str, one.shape)) or "a number" for one in tensors)
        return Given(tensors, about=f"what a run before was given: {shapes}")

    def _run(
        self, network: Network, tensors: tuple[Tensor, ...], cancel: threading.Event
    ) -> Iterator[tuple[str, Trace, Followed | None]]:
        """The run, from the number that is followed; which that is, is found by the first run on these inputs."""
        key = (network.weights_hash, input_hash(tensors))
        if key in self._aims:
            aim = self._aims[key]
            held = self._traces.held(network, tensors, None if aim is None else (aim.leaf, aim.index))
            if held is not None:
                yield *held, aim
                return

        def choose(output: Any) -> tuple[int, tuple[int, ...]] | None:
            found = followed(output)
            return None if found is None else (found.leaf, found.index)

        for id, trace, chosen in self._traces.run_choosing(network, tensors, choose, cancel):
            aim = self._aims[key] = None if chosen is None else Followed(*chosen)
            while len(self._aims) > MOST_AIMS:
                self._aims.pop(next(iter(self._aims)), None)
            yield id, trace, aim

    def _read(self, path: Path) -> Run:
        """A saved run, under the hash of its file. Nothing in it is run.

        Raises:
            GlassworkError: it is no trace file, or a damaged one.
        """
        return self._saved(file_hash(path)[:ID_LENGTH], path.name, path.name, open_trace(path))

    def _given(self, one: TraceFile) -> Run:
        return self._saved(one.id, f"{ADDRESS}{one.id}", one.name, one.trace)

    def _saved(self, id: str, address: str, name: str, saved: Trace) -> Run:
        """The run in a file: `address` is what pages open it by, `name` what people call it."""
        self._traces.adopt(id, saved)
        count = len(saved.inputs)
        about = f"{count} tensor{'' if count == 1 else 's'}, as saved"
        card = NetworkCard(
            name=address,
            title=f"{saved.module_type[:LONGEST_TITLE]} · {name}",
            page="open",
            parameters=sum(prod(value.shape) for value in saved.parameters.values()),
            classes=[],
            channels=0,
            size=[],
            data="",
            licence="",
            scores=[],
            steps=0,
            trained_on=0,
            draws=False,
            light_on_dark=False,
            saved=True,
        )
        return Run(id, saved, card, Given((), about=about), _aim(saved))


def _aim(saved: Trace) -> Followed | None:
    """The number that a saved run's slopes are of, where they are of one."""
    index = saved.loss_index
    if index is None or not saved.outputs or len(list(leaves(saved.output))) != 1:
        return None
    shape = saved.outputs[0].shape  # the file may say anything
    inside = len(index) == len(shape) and all(at < size for at, size in zip(index, shape, strict=True))
    return Followed(-1, index) if inside else None


def file_hash(path: Path) -> str:
    """sha256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(CHUNK):
            digest.update(part)
    return digest.hexdigest()
