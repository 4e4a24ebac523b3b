"""The way from the score to the input through one number: up by what it feeds most, down by its largest term."""

from __future__ import annotations

import torch

from glasswork.explaining import NoRule, explain
from glasswork.scenes.labels import name_of
from glasswork.scenes.messages import Number, Stop
from glasswork.tracing import Op, Trace, Value
from glasswork.tracing.values import replace_values

Place = tuple[str, tuple[int, ...]]
LONGEST = 400


def trail(trace: Trace, source: str, path: str, index: tuple[int, ...]) -> list[Stop]:
    """From the score down to the input, with `path[index]` on the way."""
    places = [*reversed(upwards(trace, path, index)), (path, index), *downwards(trace, path, index)]
    return [
        Stop(
            path=place,
            label=name_of(place),
            index=list(at),
            number=Number(
                ref=f"{source}#{place}[{','.join(map(str, at))}]@value",
                value=trace.value(place).tensor[at].item(),
            ),
        )
        for place, at in places
    ]


def downwards(trace: Trace, path: str, index: tuple[int, ...]) -> list[Place]:
    """From a number to the operand that gives it most, and so on to the input."""
    found: list[Place] = []
    while path in trace and len(found) < LONGEST:
        try:
            explanation = explain(trace, path, index, limit=None)
        except NoRule:
            break
        numbers = [term for term in explanation.terms if term.ref and not _is_given(trace, term.ref)]
        if not numbers:
            break
        if explanation.own is not None:  # a softmax comes from its own score first of all
            best = next(term for term in numbers if term.position == explanation.own)
        elif explanation.reduce == "max":
            best = max(numbers, key=lambda term: term.product)
        else:
            best = max(numbers, key=lambda term: abs(term.product))
        assert best.ref is not None
        path, index = split(best.ref)
        found.append((path, index))
    return found


def upwards(trace: Trace, path: str, index: tuple[int, ...]) -> list[Place]:
    """From a number to what it changes most in the next op, weighed by the score's slope there; to the score."""
    found: list[Place] = []
    while len(found) < LONGEST:
        value = trace.value(path)
        readers = [op for op in trace.readers(value) if op.module]
        if not readers or path.startswith(":"):
            break
        index = _most_changed(readers[0], value, index)
        path = readers[0].path
        found.append((path, index))
    return found


def _most_changed(op: Op, value: Value, index: tuple[int, ...]) -> tuple[int, ...]:
    """Which element of an op's output an element of its input moves most: one column of the Jacobian."""
    nudge = torch.zeros(value.shape)
    nudge[index] = 1

    def again(x: torch.Tensor) -> torch.Tensor:
        def given(one: Value) -> torch.Tensor:
            return x if one is value else one.tensor

        return op.function(*replace_values(given, op.args), **replace_values(given, op.kwargs))

    _, column = torch.func.jvp(again, (value.tensor,), (nudge,))
    weighed = column if op.grad is None else column * op.grad
    if not weighed.any():
        weighed = column
    if not weighed.any():  # shut on the way, such as what is not the largest of its window: the place that looked at it
        return _looking_at(op, value, index)
    return tuple(int(at) for at in torch.unravel_index(weighed.abs().argmax(), weighed.shape))


def _looking_at(op: Op, value: Value, index: tuple[int, ...]) -> tuple[int, ...]:
    shape = op.output.shape
    return tuple(min(at * size // given, size - 1) for at, size, given in zip(index, shape, value.shape, strict=True))


def _is_given(trace: Trace, ref: str) -> bool:
    return trace.value(split(ref)[0]).kind in ("parameter", "buffer", "constant")


def split(ref: str) -> Place:
    """Path and index of a reference within a trace, `path[i,j]@value`."""
    path, _, rest = ref.partition("[")
    return path, tuple(int(at) for at in rest.partition("]")[0].split(","))
