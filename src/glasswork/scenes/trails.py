"""The way from the score to the input through one number: up by what it feeds most, down by its largest term."""

from __future__ import annotations

import math

import torch

from glasswork.explaining import Expansion, NoGradient, NoRule, explain, real, terms
from glasswork.scenes.labels import name_of
from glasswork.scenes.messages import Number, Stop
from glasswork.tracing import NotRebuilt, Op, Trace, UnknownAddress

Place = tuple[str, tuple[int, ...]]
LONGEST = 400
PROBABILITY = ":softmax"  # what the zoo appends to logits


def trail(trace: Trace, source: str, path: str, index: tuple[int, ...], what: str = "value") -> list[Stop]:
    """From the score down to the input, with `path[index]` on the way; each stop with its value or its slope."""
    above = upwards(trace, path, index)
    below = downwards(trace, path, index)
    if (
        what == "value"
        and PROBABILITY in trace
        and (above or [(path, index)])[-1][0] == trace[PROBABILITY].operands[0].path
    ):
        above.append((PROBABILITY, (above or [(path, index)])[-1][1]))
    places = [*reversed(above), (path, index), *below]
    return [
        Stop(
            path=place,
            label=name_of(place),
            index=list(at),
            number=Number(
                ref=f"{source}#{place}[{','.join(map(str, at))}]@{what}", value=_number(trace, place, at, what)
            ),
            shut=i + 1 < len(places) and _is_shut(trace, place, at, places[i + 1]),
        )
        for i, (place, at) in enumerate(places)
    ]


def _is_shut(trace: Trace, path: str, index: tuple[int, ...], operand: Place) -> bool:
    """Whether an op that takes the largest took another number than this operand."""
    try:
        expansion = terms(trace, path, index)
    except (NoRule, UnknownAddress):
        return False
    if expansion.reduce != "max":
        return False
    return real(trace.value(operand[0]).tensor)[operand[1]].item() < expansion.total()


def _number(trace: Trace, path: str, index: tuple[int, ...], what: str) -> float:
    value = trace.value(path)
    if what == "value":
        return real(value.tensor)[index].item()
    return 0.0 if value.grad is None else real(value.grad)[index].item()  # no gradient: the score does not depend on it


def downwards(trace: Trace, path: str, index: tuple[int, ...]) -> list[Place]:
    """From a number to the operand that gives it most, and so on to the input."""
    found: list[Place] = []
    while path in trace and len(found) < LONGEST:
        try:
            expansion = terms(trace, path, index)
        except (NoRule, UnknownAddress):  # such as a later one of several outputs, which go by no op's name
            break
        ref = _largest(trace, expansion)
        if ref is None:
            break
        path, index = split(ref)
        found.append((path, index))
    return found


def _largest(trace: Trace, expansion: Expansion) -> str | None:
    """The reference of the term that gives a number most; learned ones and constants lead nowhere."""
    if expansion.own is not None:  # a softmax comes from its own score first of all
        return expansion.label(expansion.own).ref
    sizes = expansion.products if expansion.reduce == "max" else expansion.products.abs()
    for position in sizes.argsort(descending=True, stable=True).tolist():
        label = expansion.label(position)
        for ref in (label.ref, label.factor_ref):  # in weight × number it is the number that leads on
            if ref is not None and trace.value(split(ref)[0]).kind in ("op", "input"):
                return ref
    return None


def upwards(trace: Trace, path: str, index: tuple[int, ...]) -> list[Place]:
    """From a number to where most of its own slope comes from, which is what it does most for the score; and so on."""
    found: list[Place] = []
    while len(found) < LONGEST:
        whole = _outside(trace, path, index)
        if whole is not None:
            path, index = whole
            found.append(whole)
            continue
        readers = [op for op in trace.readers(trace.value(path)) if op.module_type]
        if not readers:
            break
        place = _most_served(trace, path, index) or _looking_at(trace, readers[0], path, index)
        if place is None:
            break
        path, index = place
        found.append(place)
    return found


def _outside(trace: Trace, path: str, index: tuple[int, ...]) -> Place | None:
    """Where a result inside a fused op stands in the op's own output; None for what is no such result."""
    whole, _, part = path.rpartition("/")
    if not whole or not part or whole not in trace:
        return None
    try:
        results = trace.rebuild(whole).results
    except NotRebuilt:  # a part that the run itself recorded
        return None
    slots = [slot for slot, result in enumerate(results) if result is not None and result.path == path]
    return (trace[whole].outputs[slots[0]].path or whole, index) if slots else None


def _most_served(trace: Trace, path: str, index: tuple[int, ...]) -> Place | None:
    try:
        slopes = explain(trace, path, index, of="grad", limit=1).terms
    except (NoRule, NoGradient, UnknownAddress):
        return None
    first = slopes[0] if slopes else None
    return split(first.ref) if first and first.ref and first.product else None


def _looking_at(trace: Trace, op: Op, path: str, index: tuple[int, ...]) -> Place | None:
    """The place of a reader's output that looked at a number and took nothing from it, such as a pooling's loser; None
    where its axes say nothing of which."""
    given, made = trace.value(path).shape, op.output.shape
    if math.prod(given) == math.prod(made):
        flat = torch.arange(math.prod(given)).reshape(given)[index]
        return op.path, tuple(int(at) for at in torch.unravel_index(flat, made))
    if len(given) != len(made):
        return None
    return op.path, tuple(min(at * size // old, size - 1) for at, size, old in zip(index, made, given, strict=True))


def split(ref: str) -> Place:
    """Path and index of a reference within a trace, `path[i,j]@value`."""
    path, _, rest = ref.partition("[")
    return path, tuple(int(at) for at in rest.partition("]")[0].split(",") if at)
