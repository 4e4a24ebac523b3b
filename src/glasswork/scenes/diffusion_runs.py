"""Runs of text-to-image models by address: what each is of is kept on disk, its steps in memory while there is room."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec
import numpy as np
import torch
from safetensors.torch import load as load_tensors
from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.generation import Plan, Step, TextToImage, planned
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.messages.diffusion import How
from glasswork.scenes.pictures import ReadInput, read_picture
from glasswork.scenes.records import Records
from glasswork.scenes.text_to_image_models import Opened, TextToImageModels
from glasswork.scenes.traces import ID, ID_LENGTH, pack
from glasswork.zoo import Preprocessing

BYTES = 96 << 20
"""Of steps that are held."""
LONGEST = 10_000
"""Characters of a prompt."""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is of: all that is needed to make it again."""

    target: str
    weights: str
    prompt: str
    negative: str
    seed: int
    steps: int
    guidance: float
    sampler: str
    strength: float = 1.0
    start: str = ""
    """The hash of the picture that it begins from."""
    mask: str = ""

    @property
    def id(self) -> str:
        """The first digits of the record's hash."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:ID_LENGTH]

    @property
    def plan(self) -> Plan:
        """How it goes."""
        return Plan(self.sampler, self.steps, self.guidance, self.seed, self.strength)


@dataclass
class Imagining:
    """A run: what it is of, and its steps so far."""

    id: str
    record: RunRecord
    opened: Opened
    start: Tensor | None = None
    """The picture that it begins from, (3, H, W)."""
    done: list[Step] = field(default_factory=list[Step])

    @property
    def model(self) -> TextToImage:
        """What makes it."""
        return self.opened.model

    @property
    def source(self) -> str:
        """Its address."""
        return f"imagine:{self.id}"

    @property
    def first(self) -> int:
        """The step that it begins at."""
        return planned(self.model.schedule, self.record.plan)[1] if self.start is not None else 0

    def ref(self, path: str, *index: int) -> str:
        """The address of a number of it."""
        place = f"[{','.join(map(str, index))}]" if index else ""
        return f"{self.source}#{path}{place}@value"

    def number(self, path: str, value: float, *index: int) -> Number:
        """A number of it."""
        return Number(self.ref(path, *index), value)

    def array(self, path: str, values: np.ndarray) -> Array:
        """How a tensor of it goes over the wire."""
        kind = "uint8" if values.dtype == np.uint8 else "float32"
        return Array(ref=self.ref(path), shape=list(values.shape), dtype=kind)

    def step(self, index: int) -> Step:
        """One of its steps.

        Raises:
            GlassworkError: it has none of this number.
        """
        place = index - self.first
        if not 0 <= place < len(self.done):
            why = f"it has {self.first} to {self.first + len(self.done) - 1}" if self.done else "it has none yet"
            raise GlassworkError(f"there is no step {index:,}", where=self.source, why=why)
        return self.done[place]

    @property
    def mask(self) -> Tensor | None:
        """Where it is made anew, (1, 1, H, W)."""
        if not self.record.mask:
            return None
        _, rows, columns = self.model.latent
        return torch.tensor([float(one) for one in self.record.mask]).view(1, 1, rows, columns)

    def go(self) -> Iterator[Step]:
        """Its steps, each when it is made; they are kept."""
        self.done = []
        start = None if self.start is None else self.start[None]
        steps = self.model.run(
            [self.record.prompt], self.record.plan, negative=self.record.negative, start=start, mask=self.mask
        )
        for step in steps:
            self.done.append(step)
            yield step


class Imaginings:
    """Makes runs, and gives them again by id.

    Args:
        models: the models.
        records: where it is kept what runs are of.
        most: how many bytes of steps are held.
    """

    def __init__(self, models: TextToImageModels, records: Records, most: int = BYTES) -> None:
        self._models = models
        self._records = records
        self._most = most
        self._held: OrderedDict[str, Imagining] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, model: str, how: How, read_input: ReadInput) -> Imagining:
        """A run that has not begun.

        Raises:
            GlassworkError: the model can't be opened, a setting is out of its range, or a picture can't be read.
        """
        opened = self._models.open(model)
        start, name = None, ""
        if how.start:
            start = self.picture(opened.model, how.start, read_input)
            name = self.keep(start)
        record = RunRecord(
            target=opened.target,
            weights=opened.weights,
            prompt=plain(how.prompt),
            negative=plain(how.negative),
            seed=how.seed,
            steps=how.steps,
            guidance=how.guidance,
            sampler=how.sampler,
            strength=how.strength if how.start else 1.0,
            start=name,
            mask=how.mask if how.start else "",
        )
        planned(opened.model.schedule, record.plan)
        _check_mask(record.mask, opened.model)
        made = Imagining(record.id, record, opened, start)
        self._records.keep(f"{made.id}.json", msgspec.json.encode(record))
        return made

    def picture(self, model: TextToImage, id: str, read_input: ReadInput) -> Tensor:
        """A picture cropped and scaled to what a model takes, 0 to 1, (3, H, W).

        Raises:
            GlassworkError: there is none of this id.
        """
        channels, side, _ = model.autoencoder.shape
        return Preprocessing(side, channels)(read_picture(id, read_input).pixels).inputs[0][0]

    def keep(self, tensor: Tensor) -> str:
        """Keep a tensor; the hash that it goes by."""
        packed = pack((tensor,))
        name = hashlib.sha256(packed).hexdigest()
        self._records.keep(f"{name}.safetensors", packed)
        return name

    def record(self, id: str, content: bytes) -> None:
        """Keep what something is of."""
        self._records.keep(f"{id}.json", content)

    def hold(self, made: Imagining) -> None:
        """Have the steps of a run at hand."""
        with self._lock:
            self._held[made.id] = made
            self._held.move_to_end(made.id)
            while len(self._held) > 1 and sum(map(_size, self._held.values())) > self._most:
                self._held.popitem(last=False)

    def get(self, source: str, steps: int | None = None) -> Imagining:
        """The run of an address; what is not at hand is made again.

        Args:
            source: `imagine:ID`.
            steps: so many of them are needed, counted from the first of the plan; None for all.

        Raises:
            GlassworkError: nothing is known of it, or the weights are no longer those that it was made with.
        """
        id = source.removeprefix("imagine:")
        with self._lock:
            held = self._held.get(id)
        made = held or self._again(id)
        wanted = (made.record.steps if steps is None else steps) - made.first
        if len(made.done) < wanted:
            for _ in made.go():
                if len(made.done) >= wanted:
                    break
        self.hold(made)
        return made

    def _again(self, id: str) -> Imagining:
        raw = self._records.read(f"{id}.json") if ID.fullmatch(id) else None
        try:
            record = msgspec.json.decode(raw or b"", type=RunRecord)
        except msgspec.MsgspecError:
            record = None
        if record is None or record.id != id:
            why, todo = "its record is gone, or was changed", "Make the picture again."
            raise GlassworkError("this run is not known here", where=f"imagine:{id[:40]}", why=why, todo=todo)
        opened = self._models.of_target(record.target)
        if opened.weights != record.weights:
            why = f"{opened.title} has been trained or installed again since"
            raise GlassworkError("this run was made with other weights", where=f"imagine:{id}", why=why)
        start = None
        if record.start:
            packed = self._records.read(f"{record.start}.safetensors")
            if packed is None or hashlib.sha256(packed).hexdigest() != record.start:
                raise GlassworkError("the picture that this run began from is gone", where=f"imagine:{id}")
            start = load_tensors(packed)["0"]
        return Imagining(id, record, opened, start)


def plain(text: str) -> str:
    """A text as it can be kept: cut where it is endless, without halves of letters."""
    return text[:LONGEST].encode("utf-8", "replace").decode()


def bytes_of(picture: Tensor) -> np.ndarray:
    """A picture, 0 to 1, (3, H, W), as bytes (H, W, 3)."""
    return (picture * 255).round().clamp(0, 255).byte().permute(1, 2, 0).contiguous().numpy()


def _size(made: Imagining) -> int:
    return sum(8 * step.latent.numel() * step.latent.element_size() for step in made.done)


def _check_mask(mask: str, model: TextToImage) -> None:
    _, rows, columns = model.latent
    if not mask:
        return
    if len(mask) != rows * columns or set(mask) - {"0", "1"}:
        why = f"it says 0 or 1 for each of {rows}×{columns} places, row by row; it has {len(mask):,} signs"
        raise GlassworkError("this mask does not fit the latent", where="the brush", why=why, todo="Paint it again.")
    if "1" not in mask:
        raise GlassworkError(
            "nothing is to be made anew",
            where="the brush",
            why="no place is painted",
            todo="Paint where it shall change.",
        )
