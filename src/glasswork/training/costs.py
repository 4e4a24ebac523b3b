"""What a run on many processes costs, before it is started: the formulas of docs/scale.md."""

from __future__ import annotations

import math
from dataclasses import dataclass

COPIES = 5  # in a checkpoint: weights, AdamW's two moments, running average, best weights so far
ROUNDS = 3  # single numbers that all processes agree on in a step: the loss, and twice whether to end
FLUSHES = 6  # of a save: three small files and three folders


@dataclass(frozen=True)
class Machine:
    """What one process has.

    Attributes:
        speed: operations a second, as this network reaches them.
        link: bytes a second that it sends while others do.
        disk: bytes a second written and brought to the disk.
        hashing: bytes a second through sha256.
        fixed: seconds of a step that don't depend on the batch: the optimiser's update, and the loop.
        latency: seconds until all processes have agreed on one number.
        copying: bytes a second from memory to memory: a file is built there, and read back.
        flush: seconds until a small file or a folder is on the disk.
    """

    speed: float
    link: float
    disk: float
    hashing: float
    fixed: float = 0.0
    latency: float = 0.0
    copying: float = math.inf
    flush: float = 0.0


@dataclass(frozen=True)
class Plan:
    """What is trained.

    Attributes:
        parameters: how many.
        macs: multiply-adds of one example, forward.
        batch: examples in a step, over all processes.
        processes: how many.
        sharded: whether each holds a share of every tensor (fsdp).
        copies: how many times the weights are in a checkpoint.
        bytes: of a number.
    """

    parameters: int
    macs: int
    batch: int
    processes: int = 1
    sharded: bool = False
    copies: int = COPIES
    bytes: int = 4


@dataclass(frozen=True)
class Cost:
    """What comes out, for each process.

    Attributes:
        operations: in a step.
        arithmetic: seconds of it.
        sent: bytes in a step.
        sending: seconds, were nothing of it hidden behind the backward pass.
        least, most: seconds of a step, when all of the sending is hidden, or none.
        held: bytes of weights, gradients, moments, average and best weights.
        checkpoint: bytes that it writes.
        saving: seconds of a save: built in memory, written, hashed, read back and hashed again.
    """

    operations: float
    arithmetic: float
    sent: float
    sending: float
    least: float
    most: float
    held: float
    checkpoint: float
    saving: float


def cost(plan: Plan, machine: Machine) -> Cost:
    """What each process of a plan holds, computes, sends and writes.

    A step takes 2 operations a multiply-add forward and twice that backward. A ring sends the gradients around twice,
    less each process's own part; sharded weights are gathered twice and their gradients scattered once. Processes that
    share a machine slow each other down: its speed and fixed part are to be measured while all of them are at work.
    """
    count = plan.processes
    weights = plan.parameters * plan.bytes
    share = 1 / count if plan.sharded else 1.0
    operations = 6 * plan.macs * plan.batch / count
    sent = (3 if plan.sharded else 2) * weights * (count - 1) / count
    arithmetic, sending = operations / machine.speed, sent / machine.link
    checkpoint = plan.copies * weights * share
    each = machine.fixed + (ROUNDS * machine.latency if count > 1 else 0.0)
    return Cost(
        operations=operations,
        arithmetic=arithmetic,
        sent=sent,
        sending=sending,
        least=max(arithmetic, sending) + each,
        most=arithmetic + sending + each,
        held=(COPIES + 1) * weights * share,
        checkpoint=checkpoint,
        saving=checkpoint * (1 / machine.disk + 2 / machine.hashing + 2 / machine.copying) + FLUSHES * machine.flush,
    )
