"""The record of the race that ships: what was measured on one machine, so that a page can show it at once.

`python scripts/build_race.py` makes it again: from run folders, from the networks measured afresh, and from baselines.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from glasswork.errors import GlassworkError

PATH = Path(__file__).with_name("race.json")


class Slab(Struct, frozen=True):
    """One layer of a network; see `layers.Layer`."""

    path: str
    kind: str
    kernel: int
    channels: int
    side: int
    macs: int
    parameters: int


class Cost(Struct, frozen=True, kw_only=True):
    """What one reference network costs, with random weights."""

    name: str
    parameters: int
    linear_parameters: int
    """Of them those of linear layers."""
    macs: int
    """For one picture, forward."""
    flops: int
    milliseconds: float
    """For one picture, forward; as the two below the fastest of several runs."""
    training_milliseconds: float
    """For one picture, forward and backward."""
    batch: int
    batch_milliseconds: float
    """Forward and backward a picture, where `batch` pictures are taken together."""
    peak_bytes: int | None
    training_peak_bytes: int | None
    kept_bytes: int
    """Of one picture's forward pass until the backward pass: what learning keeps, without weights."""
    threads: int
    layers: list[Slab]
    """None where it is not drawn."""


class Run(Struct, frozen=True, kw_only=True):
    """One run of a slim network: its course on the 5,000 held-out pictures, and how it did on the test set."""

    seed: int
    steps: int
    seconds: float
    accuracy: float | None
    """On the 10,000 test pictures; None while it is not finished."""
    at_steps: list[int]
    at_seconds: list[float]
    held_out: list[float]
    """Accuracy at each of them."""
    loss_steps: list[int]
    loss: list[float]
    """The training loss, each the mean of those up to its step."""


class Racer(Struct, frozen=True, kw_only=True):
    """A slim network, run from several seeds under one budget."""

    name: str
    title: str
    parameters: int
    macs: int
    """For one picture, forward."""
    batch: int
    planned_steps: int
    runs: list[Run]
    step_milliseconds: float | None = None
    """Of a step of training on one core that does nothing else. The seconds of the runs are counted in such steps: the
    runs themselves shared the machine with other work."""

    def paced(self, step_milliseconds: float | None) -> Racer:
        """The same runs, their seconds counted in steps of this length; as they were where it is not known."""
        if step_milliseconds is None:
            return self

        def counted(run: Run) -> Run:
            seconds = [round(step * step_milliseconds / 1000, 1) for step in (run.steps, *run.at_steps)]
            return msgspec.structs.replace(run, seconds=seconds[0], at_seconds=seconds[1:])

        runs = [counted(run) for run in self.runs]
        return msgspec.structs.replace(self, runs=runs, step_milliseconds=step_milliseconds)

    def joined(self, other: Racer) -> Racer:
        """With the finished runs of `other`, the same network, from seeds that this one has not finished."""
        mine = {run.seed: run for run in self.runs}
        theirs = {run.seed: run for run in other.runs if run.accuracy is not None}
        runs = mine | {seed: run for seed, run in theirs.items() if seed not in mine or mine[seed].accuracy is None}
        return msgspec.structs.replace(self, runs=[runs[seed] for seed in sorted(runs)])

    @property
    def finished(self) -> list[float]:
        """The test accuracy of each run that has one."""
        return [run.accuracy for run in self.runs if run.accuracy is not None]


class Baseline(Struct, frozen=True, kw_only=True):
    """What learned before deep networks did; made by scripts/baselines.py."""

    name: str
    title: str
    accuracy: float
    tested_on: int
    parameters: int
    macs: int
    """Of the classifier; what finds its features is not counted."""
    seconds: float
    setting: str
    library: str


class Machine(Struct, frozen=True):
    """Where the costs were measured: other work was done on it besides, so that its times are upper bounds."""

    processor: str
    cores: int
    torch: str
    measured: str
    """The day, as YYYY-MM-DD."""


class Match(Struct, frozen=True, kw_only=True):
    """The variant that comes closest to a claimed figure, by counting."""

    variant: str
    as_: str = msgspec.field(name="as")
    """parameters, multiply-adds, or operations = 2 x multiply-adds."""
    value: float
    off: float
    """By which share of the claim."""
    verdict: Literal["equal", "near", "none"]


class Claimed(Struct, frozen=True, kw_only=True):
    """One row of the lecture's table; see `race.Claim`."""

    name: str
    year: int
    idea: str
    top5: float
    parameters: float
    operations: float
    parameters_from: Match
    operations_from: Match


class Published(Struct, frozen=True, kw_only=True):
    """One of torchvision's weight cards."""

    name: str
    weights: str
    top1: float
    top5: float
    parameters: int
    gmacs: float


class Record(Struct, frozen=True, kw_only=True):
    """All of it; a part that was not made yet is empty."""

    claimed: list[Claimed] = []
    published: list[Published] = []
    machine: Machine | None = None
    costs: list[Cost] = []
    racers: list[Racer] = []
    baselines: list[Baseline] = []


def read_record(path: Path = PATH) -> Record:
    """The record that ships, or another.

    Raises:
        GlassworkError: it can't be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError) as error:
        todo = "It ships with Glasswork: install it again, or make it with scripts/build_race.py."
        raise GlassworkError(
            "the record of the race can't be read", where=path.name, why=str(error), todo=todo
        ) from error


def encode_record(record: Record) -> bytes:
    """The record as JSON; the same record is always the same bytes."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"
