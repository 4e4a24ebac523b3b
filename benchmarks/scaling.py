"""One and two processes over gloo on this machine, beside what the cost model says of them.

The model is given what one process measures: its speed and fixed cost, by a quarter and half of the batch; the link's
speed, by one all-reduce of the gradients' size; and the disk's and sha256's speeds. What two processes then take is
measured, not given.

python -m benchmarks.scaling
"""

from __future__ import annotations

import hashlib
import os
import socket
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as spawning
from torch import nn

from benchmarks.figures import Figure
from benchmarks.training import Made, MadeConfig
from glasswork.training import begin, checkpoints, train
from glasswork.training.costs import Cost, Machine, Plan, cost
from glasswork.training.processes import ALONE, CPU, Processes

BATCH, WIDTH, LAYERS, STEPS, WARM = 512, 512, 4, 15, 3
Told = dict[str, float]


def _network() -> nn.Module:
    layers = [part for _ in range(LAYERS) for part in (nn.Linear(WIDTH, WIDTH), nn.ReLU())]
    return nn.Sequential(*layers, nn.Linear(WIDTH, 10))


def _steps(processes: Processes, batch: int) -> tuple[float, int, float]:
    """Seconds of a step (the median), bytes of a checkpoint, and seconds of its save."""
    torch.manual_seed(0)
    network = _network()
    config = MadeConfig(
        title="", network="", sizes={}, data="", licence="", steps=1 << 30, batch=batch, learning_rate=1e-4,
        schedule="constant", warmup=0, evaluate_every=1 << 30, observe=False,
    )  # fmt: skip
    task = Made(config, network, torch.randn(512, WIDTH), torch.randint(0, 10, (512,)))
    state = begin(task, processes, network)
    steps, took = train(task, state, processes=processes), []
    for _ in range(WARM + STEPS):
        start = time.perf_counter()
        next(steps)
        took.append(time.perf_counter() - start)
    with tempfile.TemporaryDirectory() as folder:
        start, size = time.perf_counter(), 0
        if processes.first:
            path = checkpoints.save(Path(folder), state, 0)
            size = sum(file.stat().st_size for file in path.glob("*.safetensors"))
        saving = time.perf_counter() - start
        return statistics.median(took[WARM:]), size, saving


def _one_of_two(rank: int, port: int, queue: Any) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    gradients = torch.zeros(sum(p.numel() for p in _network().parameters()))
    took = []
    for _ in range(WARM + STEPS):
        dist.barrier()
        start = time.perf_counter()
        dist.all_reduce(gradients)
        took.append(time.perf_counter() - start)
    step, _, _ = _steps(Processes(rank, 2, CPU, "ddp"), BATCH)
    if rank == 0:
        queue.put((step, gradients.numel() * 4 / statistics.median(took[WARM:])))
    dist.destroy_process_group()


def _speeds() -> tuple[float, float]:
    """Bytes a second to the disk, and through sha256."""
    content = os.urandom(16 << 20)
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        checkpoints.write(Path(folder) / "x", content)
        written = time.perf_counter() - start
    start = time.perf_counter()
    hashlib.sha256(content).digest()
    return len(content) / written, len(content) / (time.perf_counter() - start)


def compare() -> tuple[Told, Cost, Cost]:
    """What was measured, and what the model says of one process and of two."""
    torch.set_num_threads(1)
    quarter, half = (_steps(ALONE, BATCH // part)[0] for part in (4, 2))
    one, size, saving = _steps(ALONE, BATCH)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = spawning.get_context("spawn")
    queue = context.SimpleQueue()
    spawning.spawn(_one_of_two, (port, queue), nprocs=2)  # pyright: ignore[reportPrivateImportUsage]
    two, link = queue.get()
    disk, hashing = _speeds()
    weights = _network()
    parameters = sum(p.numel() for p in weights.parameters())
    macs = sum(p.numel() for p in weights.parameters() if p.ndim > 1)
    speed = 6 * macs * BATCH / 4 / max(half - quarter, 1e-9)
    fixed = 2 * quarter - half  # of two batches, what does not grow with them
    machine = Machine(speed, link, disk, hashing, fixed)  # AdamW without average or best weights: three copies
    plans = (Plan(parameters, macs, BATCH, count, copies=3) for count in (1, 2))
    told = {
        "one": one,
        "two": two,
        "checkpoint": float(size),
        "saving": saving,
        "fixed": fixed,
        "link": link,
        "speed": speed,
    }
    alone, shared = (cost(plan, machine) for plan in plans)
    return told, alone, shared


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
    print(f"speed {told['speed'] / 1e9:.1f} G operations/s, fixed {told['fixed'] * 1e3:.1f} ms a step")
    print(f"link {told['link'] / 1e6:.0f} MB/s")
    print(f"one process:   {told['one'] * 1e3:.1f} ms measured, {one.most * 1e3:.1f} ms by the model")
    print(f"two processes: {told['two'] * 1e3:.1f} ms measured, {two.least * 1e3:.1f} to {two.most * 1e3:.1f} ms")
    print(f"sent a step by each of two: {two.sent / 1e6:.2f} MB by the model")
    print(f"checkpoint: {told['checkpoint']:,.0f} bytes measured, {one.checkpoint:,.0f} by the model")
    print(f"save: {told['saving'] * 1e3:.0f} ms measured, {one.saving * 1e3:.0f} ms by the model")
