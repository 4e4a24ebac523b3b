"""One weight's step as lines of arithmetic, each number with its place."""

from __future__ import annotations

import re

from glasswork.explaining.updating import Assignment, NoUpdateRule, Quantity, explain_update
from glasswork.scenes import messages as m
from glasswork.scenes.messages import training as t
from glasswork.training.retaking import Updated


def update_of(
    one: Updated,
    name: str,
    index: tuple[int, ...],
    source: str,
    shown: tuple[int, ...] | None = None,
    slope: str = "grad",
) -> t.UpdateOf:
    """A weight's step, every number of it with its place.

    Args:
        one: what the optimiser had in its hands.
        name: of the parameter.
        index: which of its numbers.
        source: of the references.
        shown: the index that references give, where the optimiser holds the parameter in another shape.
        slope: what references call the gradient that the optimiser was given.
    """
    shown = index if shown is None else shown
    place = f"{source}#{name}[{','.join(map(str, shown))}]"
    lines, error, refusal, found_in = list[t.Line](), 0.0, "", ""
    try:
        update = explain_update(one.optimiser, one.settings, one.memory, one.before, one.gradient, index, one.written)
        made = _Places(place, slope)
        lines = [made.line(each) for each in update.lines]
        error, found_in = update.error, update.source
    except NoUpdateRule as no_rule:
        refusal = str(no_rule)
    return t.UpdateOf(
        parameter=name,
        index=list(shown),
        before=m.Number(f"{place}@value", float(one.before[index])),
        gradient=m.Number(f"{place}@{slope}", float(one.gradient[index])),
        after=m.Number(f"{place}@written", float(one.written[index])),
        lines=lines,
        error=error,
        optimiser=one.optimiser,
        source=found_in,
        refusal=refusal,
    )


class _Places:
    """Gives the numbers of an update's lines their references: what a line has set is `@LINE`, counted from 1."""

    def __init__(self, place: str, slope: str) -> None:
        self._place, self._slope = place, slope
        self._made: dict[int, int] = {}
        self._lines = 0

    def line(self, one: Assignment) -> t.Line:
        """One line; what it sets is known to those after it."""
        parts = [self._part(part) for part in one.expression.parts]
        self._lines += 1
        self._made[id(one.target)] = self._lines
        return t.Line(
            formula=f"{one.target.formula} = {one.expression.formula}", parts=parts, result=self._part(one.target)
        )

    def _part(self, part: Quantity | str) -> t.LinePart:
        if isinstance(part, str):
            return t.LinePart(text=part, number=None, kind="", name="")
        if id(part) in self._made:
            what = f"line{self._made[id(part)]}"
        elif part.kind == "setting":
            what = "setting"
        else:
            what = {"weight": "value", "gradient": self._slope}.get(part.kind, "memory")
        name = re.sub(r"\W", "", part.name) if what in ("setting", "memory") else ""
        ref = f"{self._place}@{what}{f'.{name}' if name else ''}"
        return t.LinePart(text=part.formula, number=m.Number(ref, part.value), kind=part.kind, name=part.name)
