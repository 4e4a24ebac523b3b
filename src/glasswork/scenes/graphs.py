"""Any trace as a graph: its columns with what they read, cost and show, and the numbers that are drawn of each."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Collection
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch

from glasswork.scenes.changes import Differences
from glasswork.scenes.folding import Column, Level, fold
from glasswork.scenes.labels import source_of
from glasswork.scenes.messages import Array, GraphColumn, GraphStage, Number, Source, TopScore
from glasswork.scenes.opening import Followed
from glasswork.scenes.pictured import Drawn, drawn, sampled
from glasswork.tracing import Op, Trace, Value
from glasswork.tracing.costs import bytes_moved
from glasswork.zoo import Network, reads_text, token_texts

MOST_DRAWINGS = 200
"""So many columns of one trace stay drawn, some 30 MB."""
PROBABILITY = "softmax"
"""What the zoo appends to logits."""


def graph(
    trace: Trace,
    source: str,
    level: Level,
    opened: Collection[str] = (),
    shut: Collection[str] = (),
    differences: Differences | None = None,
) -> tuple[list[GraphStage], list[GraphColumn], list[Array], list[np.ndarray]]:
    """The stages and columns of a trace, the input first, and what is drawn of them.

    Args:
        trace: what is shown.
        source: its address.
        level, opened, shut: how far it is unfolded; see `fold`.
        differences: to the run before some changes; they are then drawn too, and choose the channels.
    """
    folded = fold(trace, level, opened, shut)
    makers = _makers(folded)
    stages: list[GraphStage] = [GraphStage(path="", label="")]
    columns: list[GraphColumn] = []
    arrays: list[Array] = []
    values: list[np.ndarray] = []
    changed: dict[str, dict[str, Number]] = {}

    def draw(value: Value, path: str) -> Drawn | None:
        found, pictures, largest = _drawing(trace, value, path, differences)
        changed[path] = {
            what: Number(ref=f"{source}#{path}[{place}]@{what}", value=size) for what, (place, size) in largest.items()
        }
        for what, array in pictures.items():
            arrays.append(Array(ref=f"{source}#{path}@{what}", shape=list(array.shape), dtype="float32"))
            values.append(array)
        return found

    for name, value in trace.inputs.items():
        columns.append(_input_column(name, value, source, draw(value, name), changed[name]))
    for one in folded:
        if not stages or stages[-1].path != one.stage:
            stages.append(GraphStage(path=one.stage, label=_stage_name(one.stage)))
        shown = one.shown
        found = draw(shown.output, shown.path) if shown.outputs else None
        before, skips = _reads(trace, one, makers, len(trace.inputs))
        columns.append(_column(one, shown, source, found, before, skips, len(stages) - 1, changed.get(shown.path, {})))
    return stages, columns, arrays, values


Drawing = tuple[Drawn | None, dict[str, np.ndarray], dict[str, tuple[str, float]]]
"""What is drawn of a tensor, and of its differences the place and size of the largest."""
_drawings: WeakKeyDictionary[Trace, OrderedDict[str, Drawing]] = WeakKeyDictionary()


def _drawing(trace: Trace, value: Value, path: str, differences: Differences | None) -> Drawing:
    """What is drawn of a value; the last are kept, since a fold changes few columns."""
    kept = _drawings.setdefault(trace, OrderedDict())
    if path not in kept:
        apart = None if differences is None else differences.of(path, value.shape)
        found = drawn(value, by=apart)
        shown: dict[str, torch.Tensor] = {}
        differing: dict[str, torch.Tensor] = {}
        if found is not None:
            shown["value"] = sampled(value.tensor, found.axes, found.channels)
            if value.grad is not None:
                shown["grad"] = sampled(value.grad, found.axes, found.channels)
            turned = None if differences is None else differences.of_slopes(path, value.grad)
            if apart is not None:
                differing["difference"] = apart
            if turned is not None:
                differing["slopedifference"] = turned
            for what, difference in differing.items():
                shown[what] = sampled(difference, found.axes, found.channels)
            shown["share"] = found.weights
        drawings = {what: tensor.float().contiguous().numpy() for what, tensor in shown.items()}
        kept[path] = found, drawings, {what: _extreme(one) for what, one in differing.items()}
        while len(kept) > MOST_DRAWINGS:
            kept.popitem(last=False)
    return kept[path]


def _makers(folded: list[Column]) -> dict[int, int]:
    """Which column an operation stands in, by the operation's id."""
    return {op.id: at for at, column in enumerate(folded) for op in column.ops}


def _reads(trace: Trace, column: Column, makers: dict[int, int], inputs: int) -> tuple[list[int], bool]:
    """The columns whose output a column reads, and whether what it reads also goes around what is inside it."""
    inside = {op.id for op in column.ops}
    names = {id(value): at for at, value in enumerate(trace.inputs.values())}
    before: set[int] = set()
    skips = False
    entered: set[int] = set()
    for op in column.ops:
        moving = [value for value in op.operands if value.kind in ("op", "input")]
        outside = [value for value in moving if value.producer is None or value.producer not in inside]
        for value in outside:
            if value.producer is not None and value.producer in makers:
                before.add(inputs + makers[value.producer])
            elif id(value) in names:
                before.add(names[id(value)])
        joins = len(moving) > len(outside) > 0 and _is_float(outside)
        skips = skips or (joins and any(id(value) in entered for value in outside))
        entered.update(id(value) for value in outside)
    return sorted(before), skips


def _is_float(values: list[Value]) -> bool:
    return all(value.dtype.is_floating_point for value in values)


def _input_column(name: str, value: Value, source: str, found: Drawn | None, changed: dict[str, Number]) -> GraphColumn:
    return GraphColumn(
        key=name,
        path=name,
        name=name,
        kind="input",
        operations=0,
        begins=0,
        ends=0,
        alike=1,
        opens=False,
        stage=0,
        **_tensor(value, name, source, found),
        before=[],
        skips=False,
        parameters=[],
        learned=0,
        macs=0,
        bytes=0,
        seconds=0.0,
        rebuilt=False,
        changed=changed.get("difference"),
        turned=changed.get("slopedifference"),
        edited="",
        source=Source(file="", line=0, function="", lines=[]),
    )


def _column(
    one: Column,
    shown: Op,
    source: str,
    found: Drawn | None,
    before: list[int],
    skips: bool,
    stage: int,
    changed: dict[str, Number],
) -> GraphColumn:
    learned = {value.path: value for op in one.ops for value in op.operands if value.kind == "parameter" and value.path}
    tensor = _tensor(shown.output, shown.path, source, found) if shown.outputs else _NOTHING
    return GraphColumn(
        key=one.key,
        path=shown.path,
        name=column_name(one),
        kind=one.parts[0].kind if len(one.parts) == 1 else ", ".join(dict.fromkeys(p.kind for p in one.parts)),
        operations=len(one.ops) // one.count,
        begins=one.ops[0].id,
        ends=one.ops[-1].id + 1,
        alike=one.count,
        opens=one.opens,
        stage=stage,
        **tensor,
        before=before,
        skips=skips,
        parameters=list(learned) if len(one.ops) == 1 else [],
        learned=sum(_count(value) for value in learned.values()),
        macs=sum(op.macs for op in one.ops),
        bytes=sum(bytes_moved(op) for op in one.ops),
        seconds=sum(op.seconds for op in one.ops),
        rebuilt=shown.rebuilt,
        changed=changed.get("difference"),
        turned=changed.get("slopedifference"),
        edited="; ".join(op.edited for op in one.ops if op.edited),
        source=source_of(shown),
    )


def _count(value: Value) -> int:
    return int(np.prod(value.shape)) if value.shape else 1


_NOTHING: dict[str, Any] = {
    "shape": [],
    "dtype": "",
    "axes": None,
    "channels": [],
    "low": None,
    "high": None,
    "steepest": None,
    "finite": True,
}


def _tensor(value: Value, path: str, source: str, found: Drawn | None) -> dict[str, Any]:
    stats = value.stats if found is not None else None
    return {
        "shape": list(value.shape),
        "dtype": str(value.dtype).removeprefix("torch."),
        "axes": None if found is None else found.axes,
        "channels": [] if found is None else found.channels,
        "low": None if stats is None else Number(ref=f"{source}#{path}@min", value=stats.min),
        "high": None if stats is None else Number(ref=f"{source}#{path}@max", value=stats.max),
        "steepest": None if found is None or value.grad is None else _steepest(value.grad, f"{source}#{path}"),
        "finite": stats is None or stats.finite == 1,
    }


def _extreme(numbers: torch.Tensor) -> tuple[str, float]:
    """The place of the finite number of largest size, and that number."""
    place = torch.unravel_index(numbers.abs().nan_to_num(0, 0).argmax(), numbers.shape)
    return ",".join(str(int(at)) for at in place), numbers[place].item()


def _steepest(slopes: torch.Tensor, address: str) -> Number:
    index, value = _extreme(slopes)
    return Number(ref=f"{address}[{index}]@grad", value=value)


def column_name(column: Column) -> str:
    """What a column is called: its own part of the path, under the bracket of what it stands in."""
    first = column.parts[0]
    stem = first.key.split(":")[-1] if ":" in first.key else first.key.removeprefix(f"{column.stage}.")
    if column.count > 1:
        return f"{column.count} alike"
    return stem.replace("_", " ")


def _stage_name(path: str) -> str:
    """The last part of a path that is a word, with the numbers after it: "layer3", "layer3 4", "encoder layers"."""
    parts = path.split(".")
    words = [at for at, part in enumerate(parts) if not part.isdigit()]
    return " ".join(parts[words[-1] if words else 0 :]).replace("_", " ")


SCORES = 6
"""So many of the largest scores stand beside the graph."""


def largest_scores(
    trace: Trace,
    network: Network | None,
    source: str,
    aim: Followed | None,
    before: Trace | None = None,
    base: str = "",
) -> tuple[list[TopScore], int]:
    """The largest scores of what answers with a row of them, largest first, and how many there are.

    Args:
        trace: what is shown.
        network: knows the classes, or the tokens; None for a saved run.
        source: the address of the trace.
        aim: the number that is followed, which stands in the row.
        before: the run without the changes, whose largest score then stands among them.
        base: its address.
    """
    answer = None if aim is None or len(trace.outputs) <= max(aim.leaf, 0) else trace.outputs[max(aim.leaf, 0)]
    if aim is None or answer is None or answer.path is None or answer.data is None:
        return [], 0
    if not 1 <= len(answer.shape) <= 3 or answer.shape[-1] < 2:
        return [], 0
    if len(answer.shape) > 1 and answer.shape[0] > 1:  # of several examples, or of boxes: no row answers for all
        return [], 0
    row = aim.index[:-1]
    scores = answer.tensor[row]
    if not bool(scores.isfinite().all()):
        return [], 0
    chosen = scores.argsort(descending=True)[:SCORES].tolist()
    were = None if before is None else before.value(answer.path).tensor[row]
    if were is not None and int(were.argmax()) not in chosen:
        chosen[-1] = int(were.argmax())
    probable = trace[f":{PROBABILITY}"].output if f":{PROBABILITY}" in trace else None
    if probable is not None and (probable.path is None or probable.shape != answer.shape):
        probable = None
    shown = answer.path if probable is None else str(probable.path)
    labels, are_tokens = _labels(network, chosen, len(scores))

    def number(of: Trace, address: str, path: str, at: int) -> Number:
        place = (*row, at)
        ref = f"{address}#{path}[{','.join(map(str, place))}]@value"
        return Number(ref=ref, value=of.value(path).tensor[place].item())

    found = [
        TopScore(
            label=label,
            score=number(trace, source, answer.path, at),
            probability=None if probable is None else number(trace, source, shown, at),
            before=None if before is None else number(before, base, shown, at),
            token=at if are_tokens else None,
        )
        for at, label in zip(chosen, labels, strict=True)
    ]
    return found, len(scores)


def _labels(network: Network | None, chosen: list[int], count: int) -> tuple[list[str], bool]:
    """What the chosen of so many numbers are called: classes, tokens (and whether they are), or by their places."""
    if network is not None and len(network.labels) == count:
        return [network.labels[at] for at in chosen], False
    if network is not None and (reads_text(network) or _translates_to(network, count)):
        with contextlib.suppress(Exception):  # a tokenizer that is not there, or knows fewer
            return [repr(token)[1:-1] for token in token_texts(network, torch.tensor(chosen))], True
    return [str(at) for at in chosen], False


def _translates_to(network: Network, count: int) -> bool:
    """Whether so many numbers are one for each token that a translator writes."""
    return network.translation is not None and network.translation.tokens.size == count


def followed_number(trace: Trace, source: str, aim: Followed | None) -> Number | None:
    """The number whose slopes a trace holds, with its address."""
    if aim is None or len(trace.outputs) <= max(aim.leaf, 0):
        return None
    value = trace.outputs[max(aim.leaf, 0)]
    if value.path is None:
        return None
    ref = f"{source}#{value.path}[{','.join(map(str, aim.index))}]@value"
    return Number(ref=ref, value=value.tensor[aim.index].item())
