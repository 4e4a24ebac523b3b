"""What tracing costs beside the plain run: time by level of detail, and memory that traces leave behind.

Ratios of process CPU time, one thread, plain and traced runs by turns, medians; so that another program on the machine
slows both. Beside it what others do: plain module hooks that keep every output, and nnsight and torchlens where they
are installed (`pip install glasswork[bench]`).
"""

from __future__ import annotations

import gc
import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn

from benchmarks.figures import Figure
from glasswork.tracing import trace

ROUNDS = 15
Run = Callable[[], Any]


def measure() -> Iterator[Figure]:
    """All figures that have a bar, then those of others, which have none."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield from _forward()
        yield from _backward()
        memory = _alone("memory", "GPT-2")
        yield Figure("GPT-2, memory after 20 more traces / after 5", memory or float("nan"), 1.02, "x")
        yield from _peers()
    finally:
        torch.set_num_threads(threads)


def gpt2() -> nn.Module:
    """The published sizes, 124 million parameters, with random weights."""
    from transformers import GPT2Config, GPT2LMHeadModel

    return GPT2LMHeadModel(GPT2Config()).eval()


def _inputs(name: str) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    if name == "GPT-2":
        return gpt2(), torch.randint(0, 50257, (1, 64))
    makers = {
        "ResNet-152": torchvision.models.resnet152,
        "ViT-B/16": torchvision.models.vit_b_16,
        "ResNet-18": torchvision.models.resnet18,
    }
    return makers[name]().eval(), torch.randn(1, 3, 224, 224)


def _forward() -> Iterator[Figure]:
    for name in ("ResNet-152", "ViT-B/16", "GPT-2"):
        module, x = _inputs(name)
        runs: dict[str, Run] = {
            "plain": lambda m=module, x=x: m(x),
            'detail="ops"': lambda m=module, x=x: trace(m, x),
            'detail="aten"': lambda m=module, x=x: trace(m, x, detail="aten"),
            "hooks that keep outputs": lambda m=module, x=x: _hooked(m, x),
        }
        with torch.no_grad():
            ratios = _ratios(runs)
        bars = {'detail="ops"': 1.10, 'detail="aten"': 1.35}
        for way, ratio in ratios.items():
            yield Figure(f"{name} forward, {way} / plain", ratio, bars.get(way), "x")


def _backward() -> Iterator[Figure]:
    for name in ("ResNet-18", "GPT-2"):
        module, x = _inputs(name)

        def plain(m: nn.Module = module, x: torch.Tensor = x) -> None:
            _score(m(x)).backward()
            m.zero_grad(set_to_none=True)

        runs: dict[str, Run] = {
            "plain": plain,
            "traced": lambda m=module, x=x: trace(m, x, backward=True, loss=_score),
        }
        yield Figure(f"{name} forward + backward, traced / plain", _ratios(runs)["traced"], 1.35, "x")


def memory_ratio(name: str) -> float:
    """Memory after twenty more traces, forward and backward, against that after the first five.

    Medians of the five around each: now and then the allocator gives back at once what it mostly keeps.
    """
    module, x = _inputs(name)
    after: list[int] = []
    for _ in range(27):
        trace(module, x, backward=True, loss=_score)
        gc.collect()
        after.append(resident())
    return statistics.median(after[22:]) / statistics.median(after[2:7])


def resident() -> int:
    """Bytes of this process in memory that are its own: pages of files come and go as the system likes."""
    if sys.platform != "linux":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("RssAnon")).split()[1])


def _score(output: Any) -> torch.Tensor:
    return (output if isinstance(output, torch.Tensor) else output.logits).sum()


def _hooked(module: nn.Module, x: torch.Tensor) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    hooks = [
        part.register_forward_hook(lambda _module, _inputs, output, path=path: kept.update({path: output}))
        for path, part in module.named_modules()
    ]
    try:
        module(x)
    finally:
        for hook in hooks:
            hook.remove()
    return kept


def _peers() -> Iterator[Figure]:
    """Each in a process of its own: torchlens leaves its wrappers around every torch function, for all that follow."""
    for peer in ("nnsight", "torchlens"):
        if importlib.util.find_spec(peer) is None:
            continue
        for name in ("ResNet-152", "ViT-B/16", "GPT-2"):
            ratio = _alone(peer, name)
            if ratio is not None:
                yield Figure(f"{name} forward, {peer} / plain", ratio, None, "x")


def _alone(what: str, name: str) -> float | None:
    """`what` measured on a network in a process of its own; None where it fails."""
    command = [sys.executable, "-m", "benchmarks.tracing", what, name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{what} on {name}: {done.stderr.strip().splitlines()[-1][:160]}", file=sys.stderr)
        return None
    return float(done.stdout.split()[-1])


def peer_ratio(peer: str, name: str) -> float:
    """What another's tool costs on one network, over the plain run in the same process."""
    module, x = _inputs(name)
    run = _nnsight(module, x) if peer == "nnsight" else _torchlens(module, x)
    with torch.no_grad():
        return _ratios({"plain": lambda: module(x), peer: run})[peer]


def _torchlens(module: nn.Module, x: torch.Tensor) -> Run:
    torchlens = importlib.import_module("torchlens")
    return lambda: torchlens.trace(module, x)


def _nnsight(module: nn.Module, x: torch.Tensor) -> Run:
    nnsight = importlib.import_module("nnsight")
    order: list[str] = []  # it wants the layers in the order in which they run
    hooks = [
        part.register_forward_hook(lambda _module, _inputs, _output, path=path: order.append(path))
        for path, part in module.named_modules()
        if path and not list(part.children())
    ]
    module(x)
    for hook in hooks:
        hook.remove()
    wrapped = nnsight.NNsight(module)
    layers = [wrapped.get(path) for path in dict.fromkeys(order) if order.count(path) == 1]

    def saved() -> None:
        with wrapped.trace(x):
            for layer in layers:
                layer.output.save()

    return saved


def _ratios(runs: dict[str, Run]) -> dict[str, float]:
    """Each run's CPU time over the first one's, median of the rounds; the first round only warms up."""
    spent: dict[str, list[float]] = {way: [] for way in runs}
    for _ in range(ROUNDS + 1):
        for way, run in runs.items():
            start = time.process_time()
            run()
            spent[way].append(time.process_time() - start)
    plain = spent["plain"][1:]
    return {
        way: statistics.median(own / base for own, base in zip(times[1:], plain, strict=True))
        for way, times in spent.items()
        if way != "plain"
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    _what, _name = sys.argv[1:]
    print(memory_ratio(_name) if _what == "memory" else peer_ratio(_what, _name))
