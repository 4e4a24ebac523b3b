"""Every number of many models, explained: writes EXPLAINING_MODELS.md beside this file.

For each model, of each op one number is explained, to see by what kind; then of each kind of op (its name) fifty
random numbers of random ops, forward and backward. An error is |what the terms come to - the number| over the sum of
the terms' sizes; nothing is left out of the largest one.

    python -m benchmarks.explaining_models [--elements N] [--fp64] [NAME...]

A name is a pattern: "transformers:*", "classification:vgg16". With --fp64 the models run in fp64, and the bar is 1e-10.
"""

from __future__ import annotations

import argparse
import gc
import random
import sys
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch

from benchmarks.tracing_models import Model, models
from glasswork.explaining import explain_value
from glasswork.tracing import Trace, TraceFailed, Value, trace

RESULTS = Path(__file__).parent / "EXPLAINING_MODELS.md"
BARS = {torch.float32: 1e-4, torch.float64: 1e-10}
ELEMENTS = 50
CLAIMED = ("formula", "selected", "given", "random", "linear")


@dataclass
class Tally:
    """What became of explaining one model.

    Attributes:
        bar: what errors are held to.
        ops: how many have a number to explain.
        kinds: how each op's first looked-at number is explained.
        checked: forward and backward numbers that were compared.
        worst: the largest error forward and backward.
        exact: the largest of the plain formula in fp64, before what the kernel rounded is written out.
        failures: what was refused or beyond the bar, by op name, and rules that crashed.
        rounding: numbers for which what the kernel rounded had to be written out to be within the bar.
    """

    name: str
    bar: float = BARS[torch.float32]
    ops: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    linearised: Counter[str] = field(default_factory=Counter)
    checked: list[int] = field(default_factory=lambda: [0, 0])
    worst: list[float] = field(default_factory=lambda: [0.0, 0.0])
    exact: list[float] = field(default_factory=lambda: [0.0, 0.0])
    failures: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    rounding: int = 0

    @property
    def share(self) -> float:
        """The share of ops whose explanation claims the number."""
        return sum(self.kinds[kind] for kind in CLAIMED) / max(self.ops, 1)


def in_double(model: Model) -> Model:
    """The same model and what it is given, in fp64."""

    def wide(tree: Any) -> Any:
        if isinstance(tree, torch.Tensor):
            return tree.double() if tree.is_floating_point() else tree
        if isinstance(tree, dict):
            return {key: wide(item) for key, item in tree.items()}
        return type(tree)(map(wide, tree)) if isinstance(tree, (tuple, list)) else tree

    training = None if model.training is None else wide(model.training)
    kwargs = wide(dict(model.kwargs))
    return replace(
        model, make=lambda: model.make().double(), inputs=wide(model.inputs), kwargs=kwargs, training=training
    )


def runs_of(model: Model, seed: int = 0) -> Iterator[Trace]:
    """One run with gradients where the model has a loss; detectors once each way, since they have two forwards."""
    torch.manual_seed(seed)
    kwargs = dict(model.kwargs)
    backward = model.loss is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = model.make().eval()
        if model.training is None:
            try:
                yield trace(module, *model.inputs, loss=model.loss, backward=backward, kwargs=kwargs)
            except TraceFailed as error:
                if error.trace.failure is None or error.trace.failure.op != "backward":
                    raise
                # its evaluation writes over what its backward needs: gradients in training mode then
                yield trace(module, *model.inputs, kwargs=kwargs)
                yield trace(module.train(), *model.inputs, loss=model.loss, backward=True, kwargs=kwargs)
            return
        yield trace(module, *model.inputs, kwargs=kwargs)
        yield trace(module.train(), *model.training, loss=model.loss, backward=backward, kwargs=kwargs)


def check_model(model: Model, elements: int = ELEMENTS, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tally:
    """Explain numbers of every op of a model."""
    start, tally = time.perf_counter(), Tally(_name(model, dtype), BARS[dtype])
    if dtype == torch.float64:
        model = in_double(model)
    for run in runs_of(model, seed):
        check_run(run, tally, elements, seed)
    tally.seconds = time.perf_counter() - start
    return tally


def _name(model: Model, dtype: torch.dtype) -> str:
    return f"{model.family}:{model.name}" + (", fp64" if dtype == torch.float64 else "")


def check_run(run: Trace, tally: Tally, elements: int = ELEMENTS, seed: int = 0) -> None:
    """Explain numbers of every op of a run, into `tally`."""
    dice = random.Random(seed)
    by_name: dict[str, list[Value]] = defaultdict(list)
    read_by: dict[str, dict[int, Value]] = defaultdict(dict)
    for op in run.ops:
        outputs = [value for value in op.outputs if value.path is not None and value.tensor.numel()]
        if outputs:
            tally.ops += 1
            kind = _explain(run, dice.choice(outputs), op.name, dice, tally, "value")
            tally.kinds[kind] += 1
            tally.linearised[op.name] += kind == "linearised"
            by_name[op.name] += outputs
        for value in op.operands:
            if value.grad is not None and value.path is not None and value.tensor.numel():
                read_by[op.name][id(value)] = value
    for name, values in by_name.items():
        for _ in range(elements):
            _explain(run, dice.choice(values), name, dice, tally, "value")
    for name, read in read_by.items():
        values = list(read.values())
        for _ in range(elements):
            _explain(run, dice.choice(values), name, dice, tally, "grad")


def _explain(run: Trace, value: Value, name: str, dice: random.Random, tally: Tally, of: str) -> str:
    index = tuple(dice.randrange(size) for size in value.shape)
    which = int(of == "grad")
    try:
        assert value.path is not None
        found = explain_value(run, value.path, index, of=of, limit=4)
    except Exception as error:
        tally.failures[f"{name} {of} refused"] += 1
        tally.examples.setdefault(
            f"{name} {of} refused", f"{value} {index}: {type(error).__name__}: {str(error)[:200]}"
        )
        return "refused"
    bar = tally.bar if _is_throughout(run, value, of, torch.float64) else BARS[torch.float32]
    tally.checked[which] += 1
    error, exact = (item if item == item else float("inf") for item in (found.error, found.exact_error))
    if bar == tally.bar:
        tally.worst[which] = max(tally.worst[which], error)
        tally.exact[which] = max(tally.exact[which], exact)
    tally.rounding += error <= bar < exact
    if error > bar or found.failed:
        what = f"{name} {of} {'rule crashed' if found.failed else 'error'}"
        tally.failures[what] += 1
        note = f"{found.op}{list(index)} {found.kind} {found.value:.6g} error {error:.1e} {found.note[:160]}"
        tally.examples.setdefault(what, note)
    return found.kind


def _is_throughout(run: Trace, value: Value, of: str, dtype: torch.dtype) -> bool:
    """Whether all that a number is computed from, by the op that made it or those that read it, is of one type."""
    maker = run.producer(value)
    ops = run.readers(value) if of == "grad" else [] if maker is None else [maker]
    related = [value, *(other for op in ops for other in (*op.operands, *op.outputs))]
    return all(other.dtype == dtype for other in related if other.dtype.is_floating_point)


def row(tally: Tally) -> str:
    """One line of the table."""
    kinds = ", ".join(f"{kind} {count}" for kind, count in tally.kinds.most_common())
    holds = "holds" if not tally.failures and tally.share >= 0.95 else "; ".join(map(str, tally.failures)) or "share"
    forward, backward = (
        f"{count} | {worst:.1e} | {exact:.1e}"
        for count, worst, exact in zip(tally.checked, tally.worst, tally.exact, strict=True)
    )
    return (
        f"| {tally.name} | {tally.ops} | {kinds} | {100 * tally.share:.1f} % | {forward} | {backward} "
        f"| {tally.rounding} | {holds} |"
    )


HEAD = """# Every number explained

By `python -m benchmarks.explaining_models`, in fp32 (where a name says so, with `--fp64`), on random weights: how each op's numbers are explained, the share
whose explanation claims the number (the rest are linearised: sensitivities that claim no sum), and the largest error of
the random numbers checked, {elements} for each kind of op. The bar for errors is 1e-4 (1e-10 in fp64); no number is left out. "Plain"
is the largest error of the plain formula in fp64: where large parts cancel, the network's number is what its kernel
rounded in fp32, and the explanation then writes out those parts, or takes the kernel's own statistics and slopes, and
says so in its note. Where an author asks for fp32 inside a model of fp64, the numbers made there are held to 1e-4, and
are not in its columns. "Rounding" counts the numbers that needed that to be within the bar.

| model | ops | kinds | claimed | checked forward | largest error | plain | checked backward | largest error | plain | rounding | |
|---|---|---|---|---|---|---|---|---|---|---|---|"""  # noqa: E501


def main() -> int:
    """Walk all models, or those whose name contains one of the arguments; each one's line is written at once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--elements", type=int, default=ELEMENTS)
    parser.add_argument("--fp64", action="store_true")
    parser.add_argument("names", nargs="*", default=["*"])
    given = parser.parse_args()
    elements, dtype = given.elements, torch.float64 if given.fp64 else torch.float32
    torch.set_num_threads(1)
    failed = False
    for model in models():
        if not any(fnmatch(f"{model.family}:{model.name}", pattern) for pattern in given.names):
            continue
        try:
            tally = check_model(model, elements, dtype=dtype)
        except Exception as error:
            tally = Tally(_name(model, dtype))
            tally.failures[f"not traced: {type(error).__name__}"] += 1
            tally.examples["not traced"] = str(error)[:300]
        failed |= bool(tally.failures)
        print(row(tally), f"{tally.seconds:.0f} s", flush=True)
        for what, example in tally.examples.items():
            print("    ", what, tally.failures[what], "|", example, flush=True)
        write(tally, elements)
        gc.collect()
    return int(failed)


def write(tally: Tally, elements: int) -> None:
    """Put one model's line into the table; those of models that are not walked now stay."""
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    rows = {line.split(" | ")[0]: line for line in lines if line.startswith("| ") and not line.startswith("| model")}
    line = row(tally)
    rows[line.split(" | ")[0]] = line
    good = sum(line.endswith("| holds |") for line in rows.values())
    checked = sum(int(line.split(" | ")[at]) for line in rows.values() for at in (4, 7))
    summary = f"{good} of {len(rows)} models hold; {checked:,} numbers were checked."
    RESULTS.write_text("\n".join([HEAD.format(elements=elements), *sorted(rows.values()), "", summary, ""]))


if __name__ == "__main__":
    sys.exit(main())
