"""One and two processes over gloo on this machine, beside what the cost model says of them.

The model is given what is measured apart: a process's speed and fixed cost, from a quarter and half of the batch; the
link's speed, by all-reduces of the gradients' size, and its latency, by one of a single number; the disk's, sha256's
and the memory's speeds, and a flush. Of two processes the speed and the fixed cost are measured while both are at work
and send nothing: they share a machine's memory. What two that train together take is measured, not given.

python -m benchmarks.scaling
"""

from __future__ import annotations

import hashlib
import os
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import torch.distributed as dist
import torch.multiprocessing as spawning
from torch import nn

from benchmarks.figures import Figure
from benchmarks.training import Made, MadeConfig
from glasswork.training import begin, checkpoints, train
from glasswork.training.costs import Cost, Machine, Plan, cost
from glasswork.training.processes import ALONE, CPU, Processes
from glasswork.training.state import State

BATCH, WIDTH, LAYERS, STEPS, WARM = 512, 512, 4, 25, 3
Told = dict[str, float]


def _network() -> nn.Module:
    layers = [part for _ in range(LAYERS) for part in (nn.Linear(WIDTH, WIDTH), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(WIDTH, 10))


def _begun(processes: Processes, batch: int) -> tuple[State, Iterator[Any]]:
    """A run that has taken its first steps."""
    torch.manual_seed(0)
    network = _network()
    config = MadeConfig(
        title="", network="", sizes={}, data="", licence="", steps=1 << 30, batch=batch, learning_rate=1e-4,
        schedule="constant", warmup=0, evaluate_every=1 << 30, observe=False,
    )  # fmt: skip
    task = Made(config, network, torch.randn(512, WIDTH), torch.randint(0, 10, (512,)))
    state = begin(task, processes, network)
    steps = train(task, state, processes=processes)
    for _ in range(WARM):
        next(steps)
    return state, steps


def _medians(works: list[Callable[[], object]], before: Callable[[], object] = lambda: None) -> list[float]:
    """Seconds that each takes, by turns: a machine that is busy for a while is so for all of them."""
    took: list[list[float]] = [[] for _ in works]
    for _ in range(STEPS):
        for work, each in zip(works, took, strict=True):
            before()
            start = time.perf_counter()
            work()
            each.append(time.perf_counter() - start)
    return [statistics.median(each) for each in took]


def _speed(quarter: float, half: float) -> tuple[float, float]:
    """Operations a second, and what a step takes besides, from the steps of a quarter and half of the batch."""
    macs = sum(p.numel() for p in _network().parameters() if p.ndim > 1)
    return 6 * macs * BATCH / 4 / max(half - quarter, 1e-9), 2 * quarter - half


def _one_of_two(rank: int, port: int, queue: Any) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    gradients, number = torch.zeros(sum(p.numel() for p in _network().parameters())), torch.zeros(1)
    runs = [_begun(ALONE, BATCH // part)[1] for part in (4, 2)]  # side by side, each for itself
    together = _begun(Processes(rank, 2, CPU, "ddp"), BATCH)[1]
    works = [lambda: dist.all_reduce(gradients), lambda: dist.all_reduce(number)]
    send, agree, quarter, half, step = _medians([*works, *map(_step, (*runs, together))], dist.barrier)
    if rank == 0:
        queue.put((step, gradients.numel() * 4 / send, agree, quarter, half))
    dist.destroy_process_group()


def _step(run: Iterator[Any]) -> Callable[[], object]:
    return lambda: next(run)


def _saving() -> tuple[int, list[float]]:
    """Bytes of a checkpoint's tensors; seconds of a save; bytes a second to the disk, through sha256, from memory to
    memory; seconds of a flush."""
    content = torch.frombuffer(bytearray(os.urandom(16 << 20)), dtype=torch.float32)
    raw = content.numpy().tobytes()
    state, steps = _begun(ALONE, BATCH)
    with tempfile.TemporaryDirectory() as folder:
        path, saved = Path(folder) / "x", list[Path]()

        def save() -> None:
            saved.append(checkpoints.save(Path(folder), state, 2))

        took = _medians(
            [
                save,
                lambda: checkpoints.write(path, raw),
                lambda: hashlib.sha256(raw).digest(),
                lambda: safetensors.torch.save({"x": content}),
                lambda: checkpoints.write(path, b"x"),
                lambda: next(steps),  # another step: what was saved is not saved again
            ]
        )
        size = sum(file.stat().st_size for file in saved[-1].glob("*.safetensors"))
    saving, *rates, flush, _ = took
    return size, [saving, *(len(raw) / each for each in rates), flush]


def compare() -> tuple[Told, Cost, Cost]:
    """What was measured, and what the model says of one process and of two."""
    torch.set_num_threads(1)
    quarter, half, one = _medians([_step(_begun(ALONE, BATCH // part)[1]) for part in (4, 2, 1)])
    size, (saving, disk, hashing, copying, flush) = _saving()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    queue = spawning.get_context("spawn").SimpleQueue()
    spawning.spawn(_one_of_two, (port, queue), nprocs=2)  # pyright: ignore[reportPrivateImportUsage]
    two, link, latency, *beside = queue.get()
    parameters = [p.numel() for p in _network().parameters()]
    macs = sum(p.numel() for p in _network().parameters() if p.ndim > 1)
    (speed, fixed), (shared_speed, shared_fixed) = _speed(quarter, half), _speed(*beside)
    alone = Machine(speed, link, disk, hashing, fixed, latency, copying, flush)
    both = Machine(shared_speed, link, disk, hashing, shared_fixed, latency, copying, flush)
    told = {
        "one": one, "two": two, "checkpoint": float(size), "saving": saving, "fixed": fixed, "speed": speed,
        "link": link, "latency": latency, "shared speed": shared_speed, "shared fixed": shared_fixed,
        "disk": disk, "hashing": hashing, "copying": copying, "flush": flush,
    }  # fmt: skip
    plans = (Plan(sum(parameters), macs, BATCH, count, copies=3) for count in (1, 2))  # AdamW, no average or best
    first, second = (cost(plan, machine) for plan, machine in zip(plans, (alone, both), strict=True))
    return told, first, second


def measure() -> list[Figure]:
    """Each measured figure over what the model says."""
    told, one, two = compare()
    ratio = told["two"] / min(max(told["two"], two.least), two.most)
    return [
        Figure("one process, a step: measured / model", told["one"] / one.most, None, "x"),
        Figure("two processes, a step: measured / model's nearest", ratio, None, "x"),
        Figure("a checkpoint's bytes: measured / model", told["checkpoint"] / one.checkpoint, None, "x"),
        Figure("a save's seconds: measured / model", told["saving"] / one.saving, None, "x"),
    ]


if __name__ == "__main__":
    told, one, two = compare()
    for kind in ("speed", "shared speed"):
        print(f"{kind}: {told[kind] / 1e9:.1f} G operations/s")
    for kind in ("fixed", "shared fixed", "latency", "flush"):
        print(f"{kind}: {told[kind] * 1e3:.2f} ms")
    for kind in ("link", "disk", "hashing", "copying"):
        print(f"{kind}: {told[kind] / 1e6:.0f} MB/s")
    print(f"one process:   {told['one'] * 1e3:.1f} ms measured, {one.most * 1e3:.1f} ms by the model")
    print(f"two processes: {told['two'] * 1e3:.1f} ms measured, {two.least * 1e3:.1f} to {two.most * 1e3:.1f} ms")
    print(f"sent a step by each of two: {two.sent / 1e6:.2f} MB by the model")
    print(f"checkpoint: {told['checkpoint']:,.0f} bytes measured, {one.checkpoint:,.0f} by the model")
    print(f"save: {told['saving'] * 1e3:.0f} ms measured, {one.saving * 1e3:.0f} ms by the model")
