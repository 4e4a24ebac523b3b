"""Traces by their address. What a trace is of is kept on disk, its tensors in memory while there is room.

A record names the target, the hash of its weights, the stored inputs and the score. Its hash is the trace's id, so
that an address survives a restart: what is gone is computed again.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import msgspec
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from glasswork.errors import GlassworkError
from glasswork.randomness import seeded
from glasswork.scenes.changes import changes, in_words
from glasswork.scenes.messages import Edit
from glasswork.scenes.records import Records
from glasswork.tracing import Begun, Trace, TraceFailed, begin_trace, rerun
from glasswork.tracing.inputs import leaves
from glasswork.tracing.run import Loss
from glasswork.zoo import Network

Choose = Callable[[Any], tuple[int, tuple[int, ...]] | None]
"""Of an output, which tensor of it (-1: it is one itself), and where in that; None for nothing."""
Aim = tuple[int, tuple[int, ...]] | None
"""What was chosen."""
BYTES = 16 << 20
SLOW = 0.5
"""Seconds of a forward run that is shown before its backward run, which takes twice as long, begins."""
ID_LENGTH = 16
ID = re.compile(r"[0-9a-f]{16}")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What a trace is of: all that is needed to compute it again."""

    target: str
    weights: str
    inputs: str
    seed: int = 0
    loss: tuple[int, ...] | None = (0, 0)
    """The element of the output that is differentiated; None: the run is forward only."""
    leaf: int = -1
    """Which of the output's tensors that is an element of; -1 where the output is a tensor itself."""
    detail: str = "ops"
    mode: str = "eval"
    edits: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The first digits of the record's hash."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:ID_LENGTH]


class Traces:
    """Computes traces, and gives them again by id.

    Args:
        folder: where records and inputs are kept; None, or one that can't be written: only in memory.
        load: gives the network of a target.
        most: how many bytes of tensors are held.
    """

    def __init__(self, folder: Path | None, load: Callable[[str], Network], most: int = BYTES) -> None:
        self._records = Records(folder)
        self._load = load
        self._most = most
        self._held: OrderedDict[str, tuple[Trace, int]] = OrderedDict()
        self._files: WeakValueDictionary[str, Trace] = WeakValueDictionary()
        self._lock = threading.Lock()
        self.still = threading.Lock()
        """Held while a network's own parameters are others than its runs say: nobody may read them then."""

    def adopt(self, id: str, saved: Trace) -> None:
        """Know a trace that was read from a file, for as long as somebody holds it."""
        self._files[id] = saved

    def run(
        self,
        network: Network,
        inputs: tuple[torch.Tensor, ...],
        loss: tuple[int, ...] | None,
        leaf: int = -1,
        cancel: threading.Event | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[str, Trace]:
        """Trace a network on inputs, forward, and backward from one element of its output; the id and the trace."""
        packed = pack(inputs)
        hashed = hashlib.sha256(packed).hexdigest()
        record = Record(target=network.target, weights=network.weights_hash, inputs=hashed, loss=loss, leaf=leaf)
        held = self._get(record.id)
        if held is None or (loss is not None and not held.backward):
            self._records.keep(f"{hashed}.safetensors", packed)
            self._records.keep(f"{record.id}.json", msgspec.json.encode(record))
            held = self._trace(network, inputs, record, cancel, progress)
        return record.id, held

    def name(self, network: Network, inputs: tuple[torch.Tensor, ...]) -> str:
        """The id of a network's forward run on inputs, which is made when somebody asks for a number of it."""
        packed = pack(inputs)
        hashed = hashlib.sha256(packed).hexdigest()
        record = Record(target=network.target, weights=network.weights_hash, inputs=hashed, loss=None)
        self._records.keep(f"{hashed}.safetensors", packed)
        self._records.keep(f"{record.id}.json", msgspec.json.encode(record))
        return record.id

    def run_choosing(
        self,
        network: Network,
        inputs: tuple[torch.Tensor, ...],
        choose: Choose,
        cancel: threading.Event | None = None,
    ) -> Iterator[tuple[str, Trace, Aim]]:
        """As `run`, from the number that `choose` finds in the output, in the same run; and which that was.

        A slow run comes twice: as it is after its forward, without gradients, and whole. Backward is run when that is
        asked for. Where no number is found, and where the module raises, the run is forward only.
        """
        packed = pack(inputs)
        hashed = hashlib.sha256(packed).hexdigest()
        chosen: list[tuple[int, tuple[int, ...]]] = []

        def loss(output: Any) -> torch.Tensor | tuple[int, ...]:
            with torch._C.DisableTorchFunction():  # to choose is no part of the run
                found = choose(output)
            if found is None:
                raise LookupError("no number of the output has slopes")
            chosen.append(found)
            leaf, index = found
            return index if leaf < 0 else list(leaves(output))[leaf][index]

        begun: Begun | Trace
        try:
            with seeded(0):
                begun = self._begin(network, inputs, loss, cancel)
        except TraceFailed as error:
            begun = error.trace
        if not chosen:
            yield *self.run(network, inputs, None, cancel=cancel), None
            return
        leaf, index = chosen[0]
        record = Record(target=network.target, weights=network.weights_hash, inputs=hashed, loss=index, leaf=leaf)
        self._records.keep(f"{hashed}.safetensors", packed)
        self._records.keep(f"{record.id}.json", msgspec.json.encode(record))
        if isinstance(begun, Begun):
            if begun.trace.seconds > SLOW:
                first = forward_of(begun.trace)
                self._hold(record.id, first)
                yield record.id, first, chosen[0]
            begun = self._finish(begun)
        self._hold(record.id, begun)
        yield record.id, begun, chosen[0]

    def held(self, network: Network, inputs: tuple[torch.Tensor, ...], aim: Aim) -> tuple[str, Trace] | None:
        """The whole run of a network on inputs from a number, if it is in memory; and its id."""
        leaf, index = (-1, None) if aim is None else aim
        record = Record(
            target=network.target, weights=network.weights_hash, inputs=input_hash(inputs), loss=index, leaf=leaf
        )
        found = self._get(record.id)
        return None if found is None or (aim is not None and not found.backward) else (record.id, found)

    def change(
        self, id: str, edits: list[Edit], cancel: threading.Event | None = None, *, passing: bool = False
    ) -> tuple[str, Trace]:
        """The run of an id once more, with changes; its own id and trace.

        Args:
            id: of the run.
            edits: the changes.
            cancel: when set, nobody waits for it.
            passing: it is looked at once, and pushes no other out of memory.

        Raises:
            GlassworkError: the id is not known, or a change does not fit.
        """
        record, _ = self._known(id)
        if record is None:
            raise _unknown(id)
        record = msgspec.structs.replace(record, edits=tuple(msgspec.json.encode(edit).decode() for edit in edits))
        held = self._get(record.id)
        if held is None:
            held = self._changed(record, cancel, passing)
            self._records.keep(f"{record.id}.json", msgspec.json.encode(record))
        return record.id, held

    def _changed(self, record: Record, cancel: threading.Event | None, passing: bool = False) -> Trace:
        base = self.get(msgspec.structs.replace(record, edits=()).id)
        edits = [msgspec.json.decode(edit, type=Edit) for edit in record.edits]
        wanted = changes(base, edits, self.get)
        owned = any(base.value(edit.at).kind in ("parameter", "buffer") for edit in edits)
        try:
            with self.still if owned else contextlib.nullcontext(), seeded(0):
                made = rerun(base, wanted, cancel=cancel)
        except TraceFailed as error:
            made = error.trace
            made.edits = {edit.at: in_words(edit) for edit in edits}
        if not passing:
            self._hold(record.id, made)
        return made

    def get(self, id: str) -> Trace:
        """The trace of an id, computed again if its tensors are gone.

        Raises:
            GlassworkError: nothing is known of it, or the weights are no longer those that it was made with.
        """
        held = self._get(id)
        if held is not None:
            return held
        record, packed = self._known(id)
        if record is None or packed is None:
            raise _unknown(id)
        if record.edits:
            return self._changed(record, None)
        network = self._load(record.target)
        if network.weights_hash != record.weights:
            raise GlassworkError(
                "this run was made with other weights",
                where=f"trace:{id}",
                why=f"{record.target} has been trained or installed again since",
                todo="Open the network and the picture again.",
            )
        return self._trace(network, self.inputs(id), record, None, None)

    def target(self, id: str) -> str:
        """Which network a run is of.

        Raises:
            GlassworkError: nothing is known of it.
        """
        record, _ = self._known(id)
        if record is None:
            raise _unknown(id)
        return record.target

    def inputs(self, id: str) -> tuple[torch.Tensor, ...]:
        """What a run was given.

        Raises:
            GlassworkError: nothing is known of it.
        """
        record, packed = self._known(id) if ID.fullmatch(id) else (None, None)
        if record is None or packed is None:
            raise _unknown(id[:40])
        tensors = load_tensors(packed)
        return tuple(tensors[str(i)] for i in range(len(tensors)))

    def edits(self, id: str) -> list[Edit]:
        """What is changed in a run; empty for one that is as it was."""
        record, _ = self._known(id)
        return [] if record is None else [msgspec.json.decode(edit, type=Edit) for edit in record.edits]

    def base(self, id: str) -> str:
        """The run of which a changed one is a change; itself where nothing is changed.

        Raises:
            GlassworkError: nothing is known of it.
        """
        record, _ = self._known(id)
        if record is None:
            raise _unknown(id)
        return msgspec.structs.replace(record, edits=()).id

    def _known(self, id: str) -> tuple[Record | None, bytes | None]:
        """The record of an id and its stored inputs; what is not as its hash says counts as gone."""
        raw = self._records.read(f"{id}.json")
        if raw is None:
            return None, None
        try:
            record = msgspec.json.decode(raw, type=Record)
        except msgspec.MsgspecError:
            return None, None
        packed = self._records.read(f"{record.inputs}.safetensors")
        if record.id != id or packed is None or hashlib.sha256(packed).hexdigest() != record.inputs:
            return None, None
        return record, packed

    def _trace(
        self,
        network: Network,
        inputs: tuple[torch.Tensor, ...],
        record: Record,
        cancel: threading.Event | None,
        progress: Callable[[int], None] | None,
    ) -> Trace:
        try:
            made = self._traced(network, inputs, _loss(record), cancel, progress)
        except TraceFailed as error:  # what ran before can be looked at
            made = error.trace
        self._hold(record.id, made)
        return made

    def _traced(
        self,
        network: Network,
        inputs: tuple[torch.Tensor, ...],
        loss: Loss,
        cancel: threading.Event | None,
        progress: Callable[[int], None] | None = None,
    ) -> Trace:
        with seeded(0):  # what draws in its forward draws the same when its trace is made again
            return self._begin(network, inputs, loss, cancel, progress).finish()

    def _begin(
        self,
        network: Network,
        inputs: tuple[torch.Tensor, ...],
        loss: Loss,
        cancel: threading.Event | None,
        progress: Callable[[int], None] | None = None,
    ) -> Begun:
        return begin_trace(
            network.module,
            *inputs,
            loss=loss,
            backward=loss is not None,
            after=network.after,
            cancel=cancel,
            progress=progress,
        )

    def _finish(self, begun: Begun) -> Trace:
        try:
            with seeded(0):
                return begun.finish()
        except TraceFailed as error:
            return error.trace

    def _hold(self, id: str, made: Trace) -> None:
        size = sum(2 * value.bytes for op in made.ops for value in op.outputs)  # each with its gradient
        with self._lock:
            self._held[id] = (made, size)
            while len(self._held) > 1 and sum(held for _, held in self._held.values()) > self._most:
                self._held.popitem(last=False)

    def _get(self, id: str) -> Trace | None:
        with self._lock:
            if id not in self._held:
                return self._files.get(id)
            self._held.move_to_end(id)
            return self._held[id][0]


def forward_of(whole: Trace) -> Trace:
    """A trace whose gradients are still to come, as one without: what is kept about it ends with its forward."""
    return replace(whole, backward=False, _rebuilt={})


def pack(inputs: tuple[torch.Tensor, ...]) -> bytes:
    """Inputs as they are stored."""
    return save_tensors({str(i): tensor.contiguous() for i, tensor in enumerate(inputs)})


def input_hash(inputs: tuple[torch.Tensor, ...]) -> str:
    """What inputs go by in a record."""
    return hashlib.sha256(pack(inputs)).hexdigest()


def _unknown(id: str) -> GlassworkError:
    return GlassworkError(
        "this run is not known here",
        where=f"trace:{id}",
        why="its record is gone, or was changed",
        todo="Open the network and the picture again.",
    )


def _loss(record: Record) -> Loss:
    """One tensor's element is named by its index; in an output of several, the tensor must be found first."""
    index = record.loss
    if index is None or record.leaf < 0:
        return index
    return lambda output: list(leaves(output))[record.leaf][index]
