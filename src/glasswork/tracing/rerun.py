"""What if? A module run once more, as it ran for a trace, with some numbers changed on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from glasswork.tracing.edits import Change, Edit, Edits, Key
from glasswork.tracing.errors import BadEdit, NotTraceable, TraceFailed
from glasswork.tracing.graph import Trace
from glasswork.tracing.ops import Op
from glasswork.tracing.recipe import RandomState, Recipe
from glasswork.tracing.recorder import Cancel
from glasswork.tracing.run import trace_edited
from glasswork.tracing.values import Value, replace_values


def rerun(
    trace: Trace,
    edits: Mapping[Op | str | int, Edit] | None = None,
    *,
    cancel: Cancel | None = None,
    progress: Callable[[int], None] | None = None,
) -> Trace:
    """Run the module of a trace again from where it began (inputs, buffers, random state), with edits.

    The module and the generators are left as they were found. Its parameters are those of the trace: of one that
    aliases them, those that it has now; of a recorded one, those of that call.

    Args:
        trace: the run to repeat; its loss, mode and `after` are used again.
        edits: what to change, by op (or any of its addresses, "OP~1" for its second output), or by the name of an
            input, a parameter or a buffer. To each, one of: a function of the tensor; a tensor to put in its place; a
            mask of bools, which leaves what is True and clears the rest; {index: number} for single elements; a number
            for all. Gradients pass through functions and masks, and end at what was set.
        cancel: asked before every op.
        progress: called after every op.

    Returns:
        A trace, which may be run again in its turn, with more edits. Its `edits` say what was changed, by address, and
        which edited ops no longer ran because the control flow went another way. `compare(trace, this)` gives the
        differences.

    Raises:
        BadEdit: an edit names nothing that can be changed, or does not fit its tensor.
        NotTraceable: the trace was read from a file, so that there is nothing to run.
        TraceFailed: the module raised, now that its numbers are others.
    """
    recipe = trace.recipe
    if recipe is None:
        raise NotTraceable(
            "This trace can't be run again",
            where=repr(trace),
            why="it was read from a file: its module is not there",
            todo="load the module, trace it here, then rerun",
        )
    ops: dict[Key, dict[int, Change]] = {}
    values: dict[int, Change] = {}
    named: dict[str, Change] = {}
    said: dict[str, str] = {}
    carried: dict[str, Edit] = {}
    for address, edit in {**recipe.edits, **(edits or {})}.items():
        value = _target(trace, address)
        path = str(value.path)
        change = Change(edit, path)
        said[path] = str(change)
        if value.kind == "op":  # all else is as it was changed, in the new trace
            carried[path] = edit
        if value.kind == "input":
            values[id(value)] = change
        elif value.kind == "op":
            op = trace.ops[value.producer or 0]
            ops.setdefault((op.module, op.name, op.call), {})[value.slot] = change
        else:
            named[path] = change

    def given(value: Value) -> Any:
        change = values.get(id(value))
        return value.tensor.clone() if change is None else change(value.tensor.clone())

    inputs, kwargs = replace_values(given, recipe.inputs), replace_values(given, dict(recipe.kwargs))
    changing = Edits(ops)
    with _as_it_began(trace, recipe, named):
        try:
            again = trace_edited(
                recipe.module,
                inputs,
                kwargs,
                **recipe.settings,
                edits=changing if ops else None,
                cancel=cancel,
                progress=progress,
            )
        except TraceFailed as error:
            _part_from(recipe.module, error.trace)
            raise
        _part_from(recipe.module, again)
    for op in trace.ops:
        key = (op.module, op.name, op.call)
        if key in ops and key not in changing.met:
            paths = [str(value.path) for value in op.outputs if value.path in said]
            said |= {path: f"{said[path]} (but it did not run)" for path in paths}
    again.edits = {**trace.edits, **said}
    if again.recipe is not None:
        again.recipe.edits = carried
    return again


def _target(trace: Trace, address: Op | str | int) -> Value:
    """The Value that an edit is about."""
    if isinstance(address, Op):
        value = address.output
        if not (0 <= address.id < len(trace.ops) and trace.ops[address.id] is address):
            raise BadEdit(f"{address!r} is not an op of this trace", where=repr(trace), todo="take it from trace[...]")
    else:
        value = trace[address].output if isinstance(address, int) else trace.value(address)
    if value.kind == "op" and not any(value is output for output in trace.ops[value.producer or 0].outputs):
        raise BadEdit(
            f"{value.path} can't be changed by itself",
            where=repr(trace),
            why="it was rebuilt from inside a fused op, which runs as a whole",
            todo=f"change {str(value.path).rpartition('/')[0]}",
        )
    return value


@contextmanager
def _as_it_began(trace: Trace, recipe: Recipe, named: Mapping[str, Change]) -> Iterator[None]:
    """The module with the buffers and modes of the first run, its edited parameters, and the generators as then."""
    module, now = recipe.module, RandomState.now()
    modes = [(part, part.training) for part in module.modules()]
    held = _tensors(module)
    data = {name: tensor.data for name, tensor in held.items()}
    places = [(part, dict(part._buffers)) for part in module.modules()]  # a module may put other tensors there
    try:
        if len(modes) == len(recipe.modes):
            for (part, _), mode in zip(modes, recipe.modes, strict=True):
                part.training = mode
        for name, value in trace.buffers.items():
            if name in held and held[name].shape == value.shape:
                held[name].data = value.tensor.clone()
        for name, value in trace.parameters.items():  # those that the trace has to itself, since it was recorded so
            if name in held and held[name].shape == value.shape and value.tensor.data_ptr() != held[name].data_ptr():
                held[name].data = value.tensor.clone()
        for name, change in named.items():
            if name not in held:
                raise BadEdit(f"the module no longer has {name!r}", where=type(module).__name__)
            held[name].data = change(held[name].data.clone())
        recipe.random.restore()
        yield
    finally:
        now.restore()
        for part, mode in modes:
            part.training = mode
        for part, buffers in places:
            part._buffers.clear()
            part._buffers.update(buffers)
        for name, tensor in held.items():
            tensor.data = data[name]


def _part_from(module: nn.Module, again: Trace) -> None:
    """Let the Values of a run hold the numbers of that run: the module's own tensors are about to get theirs back."""
    own = {id(tensor) for tensor in _tensors(module).values()}
    named = (*again.parameters.values(), *again.buffers.values())
    for value in (*named, *(value for op in again.ops for value in (*op.operands, *op.outputs))):
        if value.held is not None and id(value.held) in own:
            value.held = value.held.detach()


def _tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers by name; of shared ones the first name."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}
