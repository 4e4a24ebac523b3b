"""From any number back to the inputs: which of their elements it depends on, and how much.

The network is not run again: each op that the number was computed from takes the sensitivities of its outputs and hands
on those of its operands, by reverse-mode autodiff of the op alone, from the last to the first.
A. Baydin et al., Automatic differentiation in machine learning: a survey, 2018, https://arxiv.org/abs/1502.05767
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from glasswork.explaining.answers import checked
from glasswork.explaining.errors import NoOrigin
from glasswork.explaining.expansion import label_of, real, real_shape, unravel
from glasswork.explaining.overwriting import through_a_view
from glasswork.explaining.randomness import is_drawn
from glasswork.explaining.replaying import is_float, replay, sources_of, undisturbed, wide
from glasswork.tracing import Op, Trace, UnknownAddress, Value


@dataclass(frozen=True, slots=True)
class Source:
    """One element that a number depends on.

    Attributes:
        name, ref: as of a Term.
        value: the element itself.
        sensitivity: d(number)/d(element).
    """

    name: str
    ref: str | None
    value: float
    sensitivity: float


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where a number comes from in the end.

    Attributes:
        op, index, value: the number.
        sensitivities: d(number)/d(tensor) for each input and parameter that it depends on, by name, in the tensor's
            shape (as real numbers), fp64.
        sources: the elements of the inputs (or of what was asked for) that matter most, the largest slope first.
        count: how many elements of those it depends on.
        reached: how many elements each of those tensors has that it depends on, by name.
    """

    op: str
    index: tuple[int, ...]
    value: float
    sensitivities: Mapping[str, torch.Tensor] = field(repr=False)
    sources: tuple[Source, ...]
    count: int
    reached: Mapping[str, int]


def origin(
    trace: Trace,
    op: Op | str | int,
    index: Sequence[int] | int,
    of: str = "value",
    limit: int | None = 32,
    by: str = "input",
) -> Origin:
    """From one number back to the elements of the inputs, or of the parameters, that it depends on.

    Args:
        op: an op, its address ("OP~1" is its second output).
        index: where in its output, every axis counted.
        of: "value", or "grad": where d(loss)/d(number) goes: the sensitivities times d(loss)/d(number), which is the
            part of the inputs' gradient that passes through this number.
        limit: how many sources to list; None for all.
        by: "input", "parameter", or the name of one of them.

    Raises:
        UnknownAddress, BadIndex: as `explain`.
        NoOrigin: for a whole number, which nothing moves by little; for gradients that the trace does not hold.
        NotKept: if what an op on the way read was not kept.
    """
    value = _value(trace, op)
    place = checked(value, index)
    if not is_float(value):
        raise NoOrigin(
            f"{value.path} holds whole numbers",
            where=repr(trace),
            why="no small change of an input changes them a little",
        )
    if value.kind == "op" and value.producer is None:
        raise NoOrigin(
            f"{value.path} is a part of an op",
            where=repr(trace),
            why="the way back is walked over the ops that the author wrote",
            todo=f"ask for {str(value.path).rpartition('/')[0]}",
        )
    scale = 1.0
    if of == "grad":
        if value.grad is None:
            raise NoOrigin(f"There is no gradient for {value.path}", where=repr(trace), todo="trace with backward=True")
        scale = real(value.grad)[place].item()
    found = _sensitivities(trace, value, place, scale)
    named = {**trace.inputs, **trace.parameters}
    kinds = {"input": trace.inputs, "parameter": trace.parameters}
    wanted = {by: named[by]} if by in named and by != "input" else dict(kinds.get(by, trace.inputs))
    reached = {name: found[name] for name in wanted if name in found}
    sources, count = _largest(reached, wanted, limit)
    return Origin(
        value.path or "",
        place,
        real(value.tensor)[place].item(),
        found,
        sources,
        count,
        {name: int(slopes.count_nonzero()) for name, slopes in reached.items()},
    )


def _value(trace: Trace, op: Op | str | int) -> Value:
    if isinstance(op, Op):
        return op.output
    try:
        return trace[op].output
    except UnknownAddress:
        if isinstance(op, int):
            raise
        return trace.value(op)


def _sensitivities(trace: Trace, value: Value, place: tuple[int, ...], scale: float) -> dict[str, torch.Tensor]:
    """d(number)/d(tensor) for all inputs and parameters it depends on, by walking the ops backwards."""
    start = torch.zeros(real_shape(value), dtype=torch.float64)
    start[place] = scale
    pending: dict[int, torch.Tensor] = {id(value): start}
    end = 0 if value.producer is None else value.producer + 1
    inside = trace.around(value)
    if inside is not None:
        _walk(inside, inside.ops[:end], pending)
        for given, standing_in in inside.given:
            if (slopes := pending.pop(id(standing_in), None)) is not None:
                pending[id(given)] = _plus(pending.get(id(given)), slopes)
        end = inside.op.id
    _walk(trace, trace.ops[:end], pending)
    names = {id(given): name for name, given in {**trace.inputs, **trace.parameters}.items()}
    return {names[key]: slopes for key, slopes in pending.items() if key in names}


def _walk(trace: Trace, ops: Sequence[Op], pending: dict[int, torch.Tensor]) -> None:
    """Hand the sensitivities in `pending`, by the id of their Value, from the last of some ops on to the first."""
    for op in reversed(ops):
        arriving = [pending.pop(id(output), None) for output in op.outputs]
        written = through_a_view(trace, op)
        if written is not None and (later := pending.pop(id(written.after), None)) is not None:
            # the whole that was read later: what was written came through here, the rest is the whole before
            arriving[0] = _plus(arriving[0], later.flatten()[written.places].reshape(op.output.shape))
            rest = later.flatten().clone()
            rest[written.places] = 0.0
            pending[id(written.before)] = _plus(pending.get(id(written.before)), rest.reshape(later.shape))
        if all(slopes is None for slopes in arriving):
            continue
        for operand, slopes in _handed_on(op, arriving):
            pending[id(operand)] = _plus(pending.get(id(operand)), slopes)


def _handed_on(op: Op, arriving: Sequence[torch.Tensor | None]) -> list[tuple[Value, torch.Tensor]]:
    """The sensitivities of an op's operands, from those of its outputs."""
    sources = sources_of(op)
    if not sources or (is_drawn(op) and op.random is None and not _has_mask(op)):
        return []
    if is_drawn(op) and op.random is None:
        return _through_the_mask(op, arriving)
    with undisturbed(), torch.enable_grad():
        leaves = {id(value): wide(value.tensor).requires_grad_() for value in sources}

        def stand_in(value: Value) -> torch.Tensor:
            leaf = leaves.get(id(value))
            return wide(value.tensor) if leaf is None else leaf.clone()

        pairs = [
            (real(made), slopes)
            for made, slopes in zip(replay(op, stand_in), arriving, strict=False)
            if slopes is not None and made.requires_grad
        ]
        if not pairs:
            return []
        made, slopes = zip(*pairs, strict=True)
        found = torch.autograd.grad(made, list(leaves.values()), slopes, allow_unused=True)
    return [(value, real(slope)) for value, slope in zip(sources, found, strict=True) if slope is not None]


def _has_mask(op: Op) -> bool:
    return op.name.removesuffix("_") in ("dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout", "rrelu")


def _through_the_mask(op: Op, arriving: Sequence[torch.Tensor | None]) -> list[tuple[Value, torch.Tensor]]:
    """Dropout in training: the mask is read off what came out."""
    source, slopes = op.operands[0], arriving[0]
    assert slopes is not None
    x, y = source.tensor.double(), op.output.tensor.double()
    factor = torch.where(x == 0, 0.0, y / x)
    return [(source, slopes * factor)]


def _plus(before: torch.Tensor | None, more: torch.Tensor) -> torch.Tensor:
    return more if before is None else before + more


def _largest(
    reached: Mapping[str, torch.Tensor], wanted: Mapping[str, Value], limit: int | None
) -> tuple[tuple[Source, ...], int]:
    entries: list[tuple[float, str, int]] = []
    count = 0
    for name, slopes in reached.items():
        flat = slopes.flatten()
        met = flat.nonzero().flatten()
        count += len(met)
        if limit is not None and len(met) > limit:
            met = met[flat[met].abs().topk(limit).indices]
        entries += [(flat[at].item(), name, int(at)) for at in met]
    entries.sort(key=lambda entry: -abs(entry[0]))
    chosen = entries if limit is None else entries[:limit]
    sources = []
    for slope, name, at in chosen:
        tensor = wanted[name]
        place = unravel(at, real_shape(tensor))
        label = label_of(tensor, place)
        sources.append(Source(label.name, label.ref, real(tensor.tensor)[place].item(), slope))
    return tuple(sources), count
