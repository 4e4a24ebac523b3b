"""What tracing costs beside the plain run: time by level of detail, and memory that traces leave behind.

Ratios of process CPU time, one thread, plain and traced runs by turns, medians; so that another program on the machine
slows both. Beside it what others do: plain module hooks that keep every output, and nnsight and torchlens where they
are installed (`pip install glasswork[bench]`).
"""

from __future__ import annotations

import gc
import importlib.util
import statistics
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

ROUNDS = 9
Run = Callable[[], Any]


def measure() -> Iterator[Figure]:
    """All figures that have a bar, then those of others, which have none."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield from _forward()
        yield from _backward()
        yield _memory()
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
            **_others(module, x),
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


def _memory() -> Figure:
    """Resident memory after twenty traces of GPT-2, against that after four."""
    module, x = _inputs("GPT-2")
    after: list[int] = []
    for _ in range(20):
        trace(module, x, backward=True, loss=_score)
        gc.collect()
        after.append(resident())
    return Figure("GPT-2, memory after 20 traces / after 4", after[-1] / after[3], 1.02, "x")


def resident() -> int:
    """Bytes of this process in memory."""
    if sys.platform != "linux":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


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


def _others(module: nn.Module, x: torch.Tensor) -> dict[str, Run]:
    found: dict[str, Run] = {}
    if importlib.util.find_spec("torchlens") is not None:
        import torchlens  # type: ignore[import-not-found]

        found["torchlens"] = lambda: torchlens.trace(module, x)
    if importlib.util.find_spec("nnsight") is not None:
        import nnsight  # type: ignore[import-not-found]

        wrapped = nnsight.NNsight(module)
        order: list[str] = []  # it wants them in the order in which they run
        hooks = [
            part.register_forward_hook(lambda _m, _i, _o, path=path: order.append(path))
            for path, part in module.named_modules()
            if path and not list(part.children())
        ]
        module(x)
        for hook in hooks:
            hook.remove()
        layers = [wrapped.get(path) for path in dict.fromkeys(order) if order.count(path) == 1]

        def saved() -> None:
            with wrapped.trace(x):
                for layer in layers:
                    layer.output.save()

        found["nnsight"] = saved
    return found


def _ratios(runs: dict[str, Run]) -> dict[str, float]:
    """Each run's CPU time over the first one's, median of the rounds; the first round only warms up."""
    spent: dict[str, list[float]] = {way: [] for way in runs}
    failed: set[str] = set()
    for _ in range(ROUNDS + 1):
        for way, run in runs.items():
            if way in failed:
                continue
            start = time.process_time()
            try:
                run()
            except Exception as error:  # of another's tool on this network: its row is left out, ours are not
                if way == "plain" or way.startswith(("detail", "traced")):
                    raise
                print(f"{way}: {type(error).__name__}: {str(error)[:120]}", file=sys.stderr)
                failed.add(way)
            spent[way].append(time.process_time() - start)
    plain = spent["plain"][1:]
    return {
        way: statistics.median(own / base for own, base in zip(times[1:], plain, strict=True))
        for way, times in spent.items()
        if way not in failed and way != "plain"
    }
