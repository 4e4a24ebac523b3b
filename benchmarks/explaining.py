"""One explanation in a ResNet-152 of 224 x 224: values and gradients of random numbers of all its ops.

python -m benchmarks.explaining
"""

from __future__ import annotations

import random
import statistics
import time

import torch
import torchvision

from benchmarks.figures import Figure
from glasswork.explaining import explain_value
from glasswork.tracing import Trace, Value, trace

ASKED = 300
LISTED = 8


def measure() -> list[Figure]:
    """The 95th percentile of one explanation, forward and backward."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _figures()
    finally:
        torch.set_num_threads(threads)


def _figures() -> list[Figure]:
    torch.manual_seed(0)
    module = torchvision.models.resnet152(weights=None).eval()
    run = trace(module, torch.rand(1, 3, 224, 224), loss=(0, 4), backward=True)
    made = [value for op in run.ops for value in op.outputs]
    read = [value for value in (*run.inputs.values(), *run.parameters.values(), *made) if value.grad is not None]
    forward, backward = _times(run, made, "value"), _times(run, read, "grad")
    return [
        Figure("one explanation in ResNet-152, 95th percentile", _percentile(forward), 100, "ms"),
        Figure("one gradient's explanation in ResNet-152, 95th percentile", _percentile(backward), 100, "ms"),
    ]


def _times(run: Trace, values: list[Value], of: str) -> list[float]:
    """Milliseconds of each question; numbers are asked for as a reader would, all over the network."""
    dice, times = random.Random(0), []
    for _ in range(ASKED):
        value = dice.choice(values)
        index = tuple(dice.randrange(size) for size in value.shape)
        assert value.path is not None
        start = time.process_time()
        explain_value(run, value.path, index, of=of, limit=LISTED)
        times.append(1000 * (time.process_time() - start))
    return times


def _percentile(times: list[float]) -> float:
    return statistics.quantiles(times, n=20)[-1]


if __name__ == "__main__":
    for figure in measure():
        print(f"{figure.what}: {figure.measured:.1f} {figure.unit} (bar {figure.bar:g})")
