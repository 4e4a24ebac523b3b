"""Traces every model beside its plain run and writes TRACING_MODELS.md: what is equal to the bit, and what is not.

`python -m benchmarks.tracing_equality [NAME ...]` walks all, or those whose names begin so. Each model is run plainly
and traced from the same random state, forward in evaluation mode and forward + backward in training mode; compared are
the outputs, the loss, the gradients of all parameters, the state that the run leaves in the module and in the random
generator, and every op's output with a copy that a second, independent watcher made at that moment.
"""

from __future__ import annotations

import gc
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

import glasswork as gw
from benchmarks.tracing_models import Model, models
from glasswork.tracing import Trace

TABLE = Path(__file__).parent / "TRACING_MODELS.md"


@dataclass
class Comparison:
    """One model in one mode.

    Attributes:
        ops: how many were recorded.
        plain: seconds of the plain run.
        traced: seconds of the traced one.
        differences: what is not equal to the bit; empty where all is.
        deviations: what the trace itself says about a fast path that it lost.
    """

    ops: int
    plain: float
    traced: float
    differences: list[str]
    deviations: str


class Copies(TorchFunctionMode):
    """Copies everything that any torch function returns, at that moment."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, list[torch.Tensor]]] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        made = list(tensors(output))
        name = getattr(func, "__name__", str(func))
        if name == "__setitem__":
            made = [args[0]]
        if made:
            self.seen.append((name, [tensor.detach().clone() for tensor in made]))
        return output


def tensors(tree: Any) -> Iterable[torch.Tensor]:
    """The tensors in what a model returns, in order."""
    if isinstance(tree, torch.Tensor):
        yield tree
    elif isinstance(tree, Mapping):
        for item in tree.values():
            yield from tensors(item)
    elif isinstance(tree, (tuple, list)):
        for item in tree:
            yield from tensors(item)
    elif hasattr(tree, "__dataclass_fields__") and not isinstance(tree, type):
        for name in tree.__dataclass_fields__:
            yield from tensors(getattr(tree, name))


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest difference; 0 only where every bit that counts is the same; NaN and infinities equal themselves."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return float("inf")
    if a.is_complex():
        a, b = torch.view_as_real(a), torch.view_as_real(b)
    if torch.equal(a, b) or not a.numel():
        return 0.0
    a, b = a.double(), b.double()
    both = (a == b) | (a.isnan() & b.isnan())
    return (a - b).abs().masked_fill(both, 0.0).nan_to_num(float("inf")).max().item()


def largest(first: Iterable[torch.Tensor], second: Iterable[torch.Tensor]) -> float:
    """The largest difference of any pair; infinite where there are more of one than of the other."""
    pairs = list(first), list(second)
    if len(pairs[0]) != len(pairs[1]):
        return float("inf")
    return max((apart(a, b) for a, b in zip(*pairs, strict=True)), default=0.0)


def compare(model: Model, module: nn.Module, backward: bool, values: bool = True) -> Comparison:
    """Run a module plainly and traced, and say what differs."""
    module.train(backward)
    inputs = model.training if backward and model.training is not None else model.inputs
    state = _state(module) if backward else {}
    watched = Copies()

    def plainly() -> tuple[Any, torch.Tensor | None]:
        torch.manual_seed(1)
        with torch.set_grad_enabled(backward):
            output = module(*inputs, **model.kwargs)
            loss = None
            if backward and model.loss is not None:
                loss = model.loss(output)
                loss.backward()
        return output, loss

    start = time.perf_counter()
    output, loss = plainly()
    plain = time.perf_counter() - start
    random = torch.get_rng_state()
    gradients = {name: parameter.grad for name, parameter in module.named_parameters()}
    module.zero_grad(set_to_none=True)
    left = _state(module) if backward else {}
    _restore(module, state)

    torch.manual_seed(1)
    start = time.perf_counter()
    run = gw.trace(module, *inputs, kwargs=model.kwargs, backward=backward, loss=model.loss if backward else None)
    traced = time.perf_counter() - start
    differences: list[str] = []
    lost = run.deviations
    says = f"in {len(lost)} calls, by up to {max(call.difference for call in lost):.1e} each" if lost else ""
    if lost:
        says += f" and {largest(tensors(output), tensors(run.output)):.1e} in the output"
        fused = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)  # the rest is held to the plain run without that kernel
        try:
            output, loss = plainly()
        finally:
            torch.backends.mha.set_fastpath_enabled(fused)

    def note(what: str, difference: float) -> None:
        if difference != 0:
            differences.append(f"{what} {difference:.1e}")

    note("output", largest(tensors(output), tensors(run.output)))
    if not torch.equal(torch.get_rng_state(), random):
        differences.append("random state")
    if loss is not None and run.loss is not None:
        note("loss", apart(loss.detach(), run.loss))
    for name, gradient in gradients.items() if backward else ():
        own = run.parameters[name].grad
        if (own is None) != (gradient is None):
            differences.append(f"gradient of {name} is missing")
        elif own is not None and gradient is not None:
            note(f"gradient of {name}", apart(own, gradient))
            run.parameters[name].grad = gradients[name] = None  # a large model has no room for both
    if backward:
        note("state", largest(left.values(), _state(module).values()))
        _restore(module, state)
    del output, loss, gradients
    if values:
        with watched:
            plainly()
        module.zero_grad(set_to_none=True)
        _restore(module, state)
        differences += _values(run, watched)
    return Comparison(len(run.ops), plain, traced, differences, says)


def _state(module: nn.Module) -> dict[str, torch.Tensor]:
    """Copies of what a run may write: the buffers; parameters too, where there is memory to hold them thrice."""
    held = [*module.named_buffers(), *module.named_parameters()]
    if sum(tensor.numel() for _, tensor in held) > 100_000_000:
        held = list(module.named_buffers())
    return {name: tensor.detach().clone() for name, tensor in held}


def _restore(module: nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    with torch.no_grad():
        for name, tensor in (*module.named_buffers(), *module.named_parameters()):
            if name in state:
                tensor.copy_(state[name])


def _values(run: Trace, watched: Copies) -> list[str]:
    """Every op's outputs beside the copies that were made while the same ops ran without a tracer."""
    seen = [tensors for name, tensors in watched.seen if name not in ("requires_grad_", "__set__", "retain_grad")]
    if len(seen) != len(run.ops):
        return [f"{len(run.ops)} ops, where the watcher saw {len(seen)}"]
    wrong = []
    for op, copies in zip(run.ops, seen, strict=True):
        if op.name.endswith("empty") or op.name == "empty_like":
            continue  # whatever stood in memory
        difference = largest((value.tensor for value in op.outputs), copies)
        if difference:
            wrong.append(f"{op.path} {difference:.1e}")
    return [f"{len(wrong)} values ({', '.join(wrong[:3])})"] if wrong else []


def row(model: Model, way: str, result: Comparison | str) -> str:
    """One line of the table."""
    start = f"| {model.family} | {model.name} | {way} |"
    if isinstance(result, str):
        return f"{start} | | | **fails**: {result} |"
    says = "equal" if not result.differences else "; ".join(result.differences[:3])
    if len(result.differences) > 3:
        says += f"; and {len(result.differences) - 3} more"
    if result.deviations:
        says += f" but for PyTorch's fused fast path, off {result.deviations}"
    return f"{start} {result.ops:,} | {result.plain:.2f} | {result.traced:.2f} | {says} |"


def walk(chosen: Sequence[str] = ()) -> Iterable[str]:
    """The rows, one after another."""
    for model in models():
        if chosen and not any(f"{model.family}:{model.name}".startswith(name) or model.name == name for name in chosen):
            continue
        torch.manual_seed(0)
        ways = [False, True] if model.loss is not None else [False]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                module = model.make()
        except Exception as error:
            yield row(model, "build", f"{type(error).__name__}: {str(error)[:150]}")
            continue
        for backward in ways:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    result: Comparison | str = compare(model, module, backward)
            except Exception as error:
                result = f"{type(error).__name__}: {str(error)[:200]}".replace("\n", " ")
            yield row(model, "forward + backward" if backward else "forward", result)
            gc.collect()
        del module


def main() -> int:
    torch.set_num_threads(1)
    chosen = sys.argv[1:]
    rows = []
    for line in walk(chosen):
        print(line, flush=True)
        rows.append(line)
    if not chosen:
        equal = sum("| equal" in line for line in rows)
        head = [
            "# Traced beside plain",
            "",
            f"By `python -m benchmarks.tracing_equality`, PyTorch {torch.__version__}, one thread, random weights. "
            "Equal means: outputs, loss, parameter gradients, module state, random state and every op's values are, "
            "to the bit.",
            "",
            f"{equal} of {len(rows)} runs are equal.",
            "",
            "| family | model | run | ops | plain s | traced s | |",
            "|---|---|---|---|---|---|---|",
        ]
        TABLE.write_text("\n".join([*head, *rows, ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
