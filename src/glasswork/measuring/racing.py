"""One network on one picture: time and memory, forward, and forward with backward. Run as a process of its own."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from glasswork import networks, zoo

REPEATS, BATCH_REPEATS = 5, 2


def measure(name: str, batch: int = 0) -> dict[str, Any]:
    """Measure a reference network with random weights.

    Args:
        name: one of the reference networks.
        batch: how many pictures to learn from together, too; 0 leaves that out, which takes most of the time.

    Returns:
        parameters; macs, and flops = 2 x macs; milliseconds, the fastest of REPEATS forward runs on one picture, and
        training_milliseconds, forward and backward; peak_bytes and training_peak_bytes, the most memory beyond what
        the process had before the network was built (None where the system doesn't say); scores and data: none,
        since random weights have none; threads; with a batch also batch_milliseconds, forward and backward a
        picture.
    """
    before = _status("VmRSS")
    torch.manual_seed(0)
    sizes = {"auxiliary": 0} if networks.named().get(name, name) == "inception" else {}
    module = networks.build(name, **sizes).eval()
    inputs = networks.example(module)
    parameters = sum(value.numel() for value in module.parameters())
    macs = zoo.count_macs(module, *inputs)

    def forward() -> None:
        with torch.inference_mode():
            module(*inputs)

    def both() -> None:
        module.zero_grad()
        module(*inputs).sum().backward()  # in evaluation: dropout off, so that all runs do the same

    milliseconds, peak = _timed(forward), _peak()
    training_milliseconds, training_peak = _timed(both), _peak()
    together: dict[str, Any] = {}
    if batch:
        inputs = networks.example(module, batch)
        together = {"batch": batch, "batch_milliseconds": _timed(both, BATCH_REPEATS) / batch}
    return {
        "name": name,
        "parameters": parameters,
        "macs": macs,
        "flops": 2 * macs,
        "milliseconds": milliseconds,
        "training_milliseconds": training_milliseconds,
        "peak_bytes": None if before is None or peak is None else peak - before,
        "training_peak_bytes": None if before is None or training_peak is None else training_peak - before,
        "scores": {},
        "data": "",
        "threads": torch.get_num_threads(),
        **together,
    }


def _timed(run: Callable[[], None], repeats: int = REPEATS) -> float:
    run()  # the first is never like the others
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - start))
    return min(times)  # what else the machine does only adds


def _peak() -> int | None:
    """The most bytes of memory that this process has had; None where the system doesn't say."""
    return _status("VmHWM")


def _status(field: str) -> int | None:
    """A line of Linux's account of this process, in bytes.

    getrusage would also tell, but there a process begins with the peak of the one that started it.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")), None)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], *map(int, sys.argv[2:]))))
