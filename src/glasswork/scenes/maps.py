"""A trace as a map: its tensors as columns under brackets, and what a page draws of them."""

from __future__ import annotations

import numpy as np
import torch

from glasswork.errors import GlassworkError
from glasswork.explaining import NoGradient, edges, real, slopes
from glasswork.explaining.channels import maps_before
from glasswork.scenes.labels import describe, name_of, short_name, source_of
from glasswork.scenes.messages import Array, ClassScore, Column, Number, Push, Stage
from glasswork.tracing import Op, Trace, Value
from glasswork.zoo import Network

MIXES = ("conv1d", "conv2d", "conv3d", "linear")
AXES = {1: ["feature"], 2: ["token", "feature"], 3: ["channel", "row", "column"]}


def drawn_ops(trace: Trace) -> list[Op]:
    """The ops whose output is a column: what a module made, in order; not what was appended at the root."""
    return [op for op in trace.ops if op.module_type and op.operands and op.outputs and _is_drawn(op.output)]


def _is_drawn(value: Value) -> bool:
    return value.dtype.is_floating_point and len(value.shape) > 1


def columns(trace: Trace, source: str) -> tuple[list[Stage], list[Column]]:
    """The map's columns, and the modules that they stand under."""
    stages: list[Stage] = []
    found: list[Column] = []
    ops = drawn_ops(trace)
    shown = {op.path for op in ops}
    scale = 0
    for op in ops:
        parent = op.module.rpartition(".")[0]
        if not stages or stages[-1].path != parent:
            stages.append(Stage(path=parent, label=name_of(parent) if parent else ""))
        mixes = op.name in MIXES
        scale += mixes
        shape = list(op.output.shape[1:])
        stats = op.output.stats
        found.append(
            Column(
                path=op.path,
                name=name_of(op.path, op.name),
                label=name_of(op.path, op.name) if mixes else short_name(op.path, op.name),
                operation=op.name,
                module=describe(op),
                stage=len(stages) - 1,
                axes=AXES.get(len(shape), [str(axis) for axis in range(len(shape))]),
                shape=shape,
                mixes=mixes,
                inputs=[_shown_producer(trace, value, shown) for value in op.operands if value.kind in ("op", "input")],
                scale=scale,
                parameters=[value.path for value in op.operands if value.kind == "parameter" and value.path],
                low=Number(ref=f"{source}#{op.path}@min", value=stats.min),
                high=Number(ref=f"{source}#{op.path}@max", value=stats.max),
                source=source_of(op),
            )
        )
    return stages, found


def _shown_producer(trace: Trace, value: Value, shown: set[str]) -> str:
    """The path of the column that a value comes from, past ops that are not drawn."""
    while value.producer is not None and trace.ops[value.producer].path not in shown:
        value = trace.ops[value.producer].operands[0]
    return value.path or "input"


def class_scores(trace: Trace, network: Network, source: str) -> list[ClassScore]:
    """What the network says of each class: the logit, and its probability where one was appended."""
    answer = trace.outputs[0]
    logits, path = answer.tensor[0].double(), answer.path or drawn_ops(trace)[-1].path
    probable = ":softmax" if ":softmax" in trace else path
    shares = trace[probable].output.tensor[0].double()
    return [
        ClassScore(
            label=network.labels[i] if network.labels else str(i),
            logit=Number(ref=f"{source}#{path}[0,{i}]@value", value=logits[i].item()),
            probability=Number(ref=f"{source}#{probable}[0,{i}]@value", value=shares[i].item()),
        )
        for i in range(len(logits))
    ]


def pushes(trace: Trace, source: str, chosen: int) -> tuple[str, list[Push]]:
    """Which channel before the last layer gives the score most, and which takes most from it."""
    last = drawn_ops(trace)[-1]
    if last.name not in MIXES or last.grad is None:
        return "", []
    before, _ = maps_before(trace, last.operands[0])
    given = edges(trace, last)[chosen]
    found = [int(given.argmax()), int(given.argmin())]
    return name_of(before.path or ""), [
        Push(channel=int(c), share=Number(ref=f"{source}#{last.path}[0,{chosen}]@edge:{c}", value=given[c].item()))
        for c in found
    ]


def whole_tensor(trace: Trace, source: str, path: str, what: str) -> tuple[Array, np.ndarray]:
    """One whole tensor as it goes over the wire: a value, a gradient, or what a mixing op's edges carry.

    Raises:
        GlassworkError: there is nothing of this path, or it has no gradient.
    """
    if what in ("edge", "slope"):
        try:
            tensor = (edges if what == "edge" else slopes)(trace, path)
        except NoGradient:  # the score does not depend on this op: each of its edges gives nothing
            op = trace[path]
            before, shape = maps_before(trace, op.operands[0])
            channels = shape[0] if op.name == "linear" else before.shape[1]
            tensor = torch.zeros(op.operands[1].shape[0], channels)
    elif what not in ("value", "grad"):
        raise GlassworkError(
            f"a tensor has no {what!r}",
            where=path,
            why="it has value, grad, edge or slope",
            todo="Ask for one of these.",
        )
    else:
        value = trace.value(path)
        # What the score does not depend on has slope zero: autograd hands out nothing for it.
        tensor = value.tensor if what == "value" else value.grad if value.grad is not None else torch.zeros(value.shape)
    array = real(tensor.detach()).float().numpy()
    return Array(ref=f"{source}#{path}@{what}", shape=list(array.shape), dtype="float32"), array


def map_tensors(trace: Trace, source: str, backward: bool) -> tuple[list[Array], list[np.ndarray]]:
    """Every tensor that the map draws: the input, each column, and the edges into each mixing column."""
    ops = drawn_ops(trace)
    wanted: list[tuple[str, str]] = []
    for number, line in (("value", "edge"), ("grad", "slope")) if backward else (("value", "edge"),):
        wanted += [("input", number), *((op.path, number) for op in ops)]
        wanted += [(op.path, line) for op in ops if op.name in MIXES]
    pairs = [whole_tensor(trace, source, path, what) for path, what in wanted]
    return [array for array, _ in pairs], [values for _, values in pairs]
