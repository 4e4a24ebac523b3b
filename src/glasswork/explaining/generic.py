"""The explanation of any op, by autodiff alone: no rule is needed.

One product with a one-hot gives the row d(y_j)/d(x) for all floating operands at once: which of their numbers matter,
and by how much. Where the op is linear in its operands the row times the operands *is* the number (kind "linear");
where it isn't, the row holds the sensitivities and what is left over is reported ("linearised"). A row with a single 1
at an equal number is a choice ("selected"); a number that no operand moves is "given".
A. Baydin et al., Automatic differentiation in machine learning: a survey, 2018, https://arxiv.org/abs/1502.05767
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import torch

from glasswork.explaining.differences import slope_by_difference
from glasswork.explaining.expansion import Expansion, Label, label_of, number, real, real_shape, single, unravel
from glasswork.explaining.explanation import Operand
from glasswork.explaining.randomness import drawn, is_drawn
from glasswork.explaining.replaying import is_float, replay, sources_of, undisturbed, wide
from glasswork.tracing import NotKept, Op, Trace, Value
from glasswork.tracing.rebuilding import can_rebuild

_SLOPES = r"\frac{\partial y}{\partial x_i}"
_LINEAR = rf"y = \sum_i {_SLOPES}\,x_i"
_LINEARISED = rf"y \approx \sum_i {_SLOPES}\,x_i + \text{{rest}}"

_linear_in: WeakKeyDictionary[Op, dict[int, tuple[int, ...] | None]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Row:
    """How one number depends on an op's operands.

    Attributes:
        value: the number, computed again in fp64.
        sources: the floating operands, once each.
        slopes: for each, d(number)/d(operand) as real numbers, flat fp64; None where it does not depend on it.
    """

    value: float
    sources: tuple[Value, ...]
    slopes: tuple[torch.Tensor | None, ...]


def row(op: Op, index: tuple[int, ...], slot: int = 0) -> Row:
    """The derivatives of one output number by every floating operand, in fp64."""
    sources = sources_of(op)
    with undisturbed(), torch.enable_grad():
        leaves = {id(value): wide(value.tensor).requires_grad_() for value in sources}

        def stand_in(value: Value) -> torch.Tensor:
            leaf = leaves.get(id(value))
            return wide(value.tensor) if leaf is None else leaf.clone()  # a clone may be written on

        y = real(replay(op, stand_in)[slot])[index]
        if not y.requires_grad:
            return Row(float(y), sources, (None,) * len(sources))
        found = torch.autograd.grad(y, list(leaves.values()), allow_unused=True)
    slopes = tuple(None if slope is None else real(slope).flatten() for slope in found)
    return Row(y.item(), sources, slopes)


def generic(trace: Trace, op: Op, index: tuple[int, ...], slot: int = 0) -> Expansion:
    """One number of any output of any op.

    Raises:
        NotKept: if what the op read was not kept.
    """
    output = op.outputs[slot]
    if is_drawn(op) and op.random is None:
        return drawn(op, index, slot)
    if not is_float(output):
        return _whole_number(op, index, slot)
    if not sources_of(op):
        return given(op, index, slot)
    try:
        found = row(op, index, slot)
    except NotKept:
        raise
    except Exception as error:  # whatever a stranger's function raises when it runs again
        return _not_again(op, index, slot, error)
    if all(slope is None or not bool(slope.any()) for slope in found.slopes):
        return _flat(op, index, slot)
    expansion = _one_of_them(output, index, found) or _weighted(op, index, slot, found)
    if is_drawn(op):  # the generator's state was kept: the same mask was drawn again
        return replace(expansion, kind="random") if expansion.kind != "linearised" else drawn(op, index, slot)
    return expansion


def weighted(op: Op, index: tuple[int, ...], formula: str, found: Row) -> Expansion | None:
    """The row as a textbook sum, `formula`, for an op that is linear; None where it is not."""
    expansion = _weighted(op, index, 0, found)
    return replace(expansion, kind="formula", formula=formula) if expansion.kind == "linear" else None


def given(op: Op, index: tuple[int, ...], slot: int = 0, formula: str = "", note: str = "") -> Expansion:
    """A number that no floating operand moves."""
    value = number(op.outputs[slot], index).reshape(1)
    label = Label("constant")
    formula = formula or rf"y = {value.item():g}"
    note = note or "no number that the op read moves it"
    return Expansion("given", formula, "identity", value, None, value, lambda _: label, note=note)


def _flat(op: Op, index: tuple[int, ...], slot: int) -> Expansion:
    """A number without slopes: given where nothing moves it; else a step, or what torch can't differentiate."""
    output = op.outputs[slot]
    sources = [value for value in sources_of(op) if value.tensor.numel()]
    dice = torch.Generator().manual_seed(0)

    def at(points: dict[int, torch.Tensor]) -> torch.Tensor:
        return real(replay(op, lambda v: points[id(v)].clone() if id(v) in points else wide(v.tensor))[slot])[index]

    x = {id(value): wide(value.tensor) for value in sources}
    with undisturbed(), torch.no_grad():
        try:
            here = at({})
            probes = [
                {key: size * torch.randn(p.shape, generator=dice, dtype=torch.float64).to(p) for key, p in x.items()}
                for size in (1, 10, 1e4)
            ]
            far = [at(points) for points in probes]
            moves = any(float(y) != float(here) for y in far if not y.isnan())
        except Exception:
            moves = True
        if not moves:
            return given(op, index, slot)
        same = next((value for value in sources if real_shape(value) == real_shape(output)), None)
        slope = 0.0
        if same is not None:
            slope = slope_by_difference(lambda p: [at({id(same): p})], wide(same.tensor), index)[0].item()
    empty = torch.zeros(0, dtype=torch.float64)
    note = "it depends on what it reads in steps, or in a way that torch knows no slope of"
    if same is None or slope == 0:
        return Expansion("linearised", _LINEARISED, "sum", empty, empty, empty, lambda _: Label(""), note=note)
    value, factor = number(same, index).reshape(1), torch.tensor([slope], dtype=torch.float64)
    label = label_of(same, index)
    note = "torch knows no derivative of this function: the sensitivity is a difference, in fp64; it claims no sum"
    return Expansion("linearised", _LINEARISED, "sum", value, factor, value * factor, lambda _: label, note=note)


def _one_of_them(output: Value, index: tuple[int, ...], found: Row) -> Expansion | None:
    """The choice, where exactly one slope is not 0, and is 1, and the numbers are equal."""
    ones = []
    for source, slope in zip(found.sources, found.slopes, strict=True):
        if slope is not None:
            ones += [(source, slope, int(at)) for at in slope.nonzero().flatten()[:2]]
    if len(ones) != 1 or ones[0][1][ones[0][2]] != 1:
        return None
    source, _, at = ones[0]
    place = unravel(at, real_shape(source))
    if number(source, place).item() != found.value:
        return None
    return single(source, place, formula=r"y = x_{i',j',\ldots}")


def _weighted(op: Op, index: tuple[int, ...], slot: int, found: Row) -> Expansion:
    chosen = linear_in(op, slot)
    kept = [at for at in range(len(found.sources)) if chosen is None or at in chosen]
    parts: list[tuple[Value, torch.Tensor]] = []
    values, factors = [], []
    for at in kept:
        slope = found.slopes[at]
        if slope is None:
            continue
        source = found.sources[at]
        places = slope.nonzero().flatten()
        parts.append((source, places))
        values.append(real(source.tensor).reshape(-1)[places].double())
        factors.append(slope[places])
    empty = torch.zeros(0, dtype=torch.float64)
    value, factor = torch.cat([empty, *values]), torch.cat([empty, *factors])
    products = value * factor
    always: tuple[int, ...] = ()
    if chosen is not None:
        rest = _without(op, [found.sources[at] for at in chosen], index, slot)
        if rest != 0:
            always = (len(products),)
            value, products = (torch.cat([part, part.new_tensor([rest])]) for part in (value, products))
            factor = torch.cat([factor, factor.new_full((1,), torch.nan)])
    label = _labels(parts)
    if chosen is None:
        note = "the sensitivities of a function that is not linear: they claim no sum"
        if can_rebuild(op):
            note += "; its parts, rebuilt, have formulas"
        return Expansion("linearised", _LINEARISED, "sum", value, factor, products, label, note=note)
    held = [value for at, value in enumerate(found.sources) if at not in chosen]
    names = ", ".join(value.path or value.kind for value in held[:3])
    note = f"linear while {names} {'stays' if len(held) == 1 else 'stay'} as it is" if held else ""
    return Expansion("linear", _LINEAR, "sum", value, factor, products, label, note=note, always=always)


def _labels(parts: Sequence[tuple[Value, torch.Tensor]]):
    def label(position: int) -> Label:
        for source, places in parts:
            if position < len(places):
                return label_of(source, unravel(int(places[position]), real_shape(source)))
            position -= len(places)
        return Label("what is left when all of them are 0")

    return label


def linear_in(op: Op, slot: int = 0) -> tuple[int, ...] | None:
    """Which floating operands an op is linear (affine) in, together, the others standing still.

    All of them if it can be; else the first that the data flows through (a grid, boxes or weights may shape how).

    Returns:
        Positions in `sources_of(op)`, or None for an op that is linear in none.
    """
    known = _linear_in.setdefault(op, {})
    if slot not in known:
        sources = sources_of(op)
        flowing = [at for at, value in enumerate(sources) if value.kind in ("op", "input")]
        candidates = [tuple(range(len(sources)))]
        if len(sources) > 1:
            candidates += [(at,) for at in flowing or range(len(sources))]
        with undisturbed(), torch.no_grad():
            known[slot] = next((some for some in candidates if is_affine(op, [sources[at] for at in some], slot)), None)
    return known[slot]


def is_affine(op: Op, moving: Sequence[Value], slot: int) -> bool:
    """f(x + r) - f(x) - f(r) + f(0) = 0 everywhere, for probes of different sizes and both signs."""
    dice = torch.Generator().manual_seed(0)
    given = {id(value): wide(value.tensor) for value in moving}

    def f(points: dict[int, torch.Tensor]) -> torch.Tensor:
        return real(replay(op, lambda v: points[id(v)].clone() if id(v) in points else wide(v.tensor))[slot])

    def random(like: torch.Tensor, size: float) -> torch.Tensor:
        return size * torch.randn(like.shape, generator=dice, dtype=torch.float64).to(like.dtype)

    x = {key: point + random(point, 1) for key, point in given.items()}  # from zeros alone everything looks linear
    probes = [
        {key: -3 * point for key, point in x.items()},
        {key: random(point, 1) for key, point in x.items()},
        {key: random(point, 1e4) for key, point in x.items()},
    ]
    try:
        at_x, at_0 = f(x), f({key: torch.zeros_like(point) for key, point in x.items()})
        for probe in probes:
            both, alone = f({key: point + probe[key] for key, point in x.items()}), f(probe)
            scale = max(both.abs().max().item(), alone.abs().max().item(), at_x.abs().max().item(), 1e-300)
            off = (both - at_x - alone + at_0).abs().max().item()
            if not off <= 1e-9 * scale:  # NaN is no equality either
                return False
    except NotKept:
        raise
    except Exception:
        return False
    return True


def _without(op: Op, moving: Sequence[Value], index: tuple[int, ...], slot: int) -> float:
    """What is left of a number when the operands it is linear in are 0: a bias."""
    gone = {id(value) for value in moving}

    def stand_in(value: Value) -> torch.Tensor:
        tensor = wide(value.tensor)
        return torch.zeros_like(tensor) if id(value) in gone else tensor

    with undisturbed(), torch.no_grad():
        return real(replay(op, stand_in)[slot])[index].item()


def _whole_number(op: Op, index: tuple[int, ...], slot: int) -> Expansion:
    """A truth value or a whole number that no rule explains: chosen by comparing, or counted."""
    value = number(op.outputs[slot], index).reshape(1)
    operands = tuple(
        Operand(operand.path or operand.kind, operand.ref(()), float(operand.tensor))
        for operand in op.operands
        if not operand.shape and not operand.dtype.is_complex
    )
    if not op.operands:
        return given(op, index, slot, note="a constant that the author made")
    label = Label(f"{op.name} of " + ", ".join(operand.path or operand.kind for operand in op.operands[:3]))
    note = "a whole number or a truth value: no slope leads to it"
    return Expansion(
        "selected", rf"y = \operatorname{{{_latex(op.name)}}}(x)", "identity", value, None, value, lambda _: label,
        operands=operands, note=note,
    )  # fmt: skip


def _not_again(op: Op, index: tuple[int, ...], slot: int, error: Exception) -> Expansion:
    empty = torch.zeros(0, dtype=torch.float64)
    why = (str(error).splitlines() or [type(error).__name__])[0]
    note = f"its sensitivities are not known: it can't be run again in fp64 ({why[:160]})"
    return Expansion("linearised", _LINEARISED, "sum", empty, empty, empty, lambda _: Label(""), note=note)


def _latex(name: str) -> str:
    return name.strip("_").replace("_", r"\_")
