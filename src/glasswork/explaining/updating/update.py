"""An optimiser's step at one weight, from torch's own settings and state to lines of a formula with their numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from glasswork.errors import GlassworkError
from glasswork.explaining.updating.symbols import Assignment, Expression, Quantity, QuantityKind, quantity


class NoUpdateRule(GlassworkError):  # noqa: N818
    """There is no line a weight for this optimiser."""


@dataclass(frozen=True)
class Update:
    """How one weight was changed by one step.

    Attributes:
        optimizer: torch's name of the rule.
        index: which element of the parameter.
        lines: what is set, in order; the last sets the weight.
        before: the weight.
        after: the weight that the lines give.
        written: the weight that the optimiser itself wrote; None where it hasn't yet.
        error: |after - written| / max(|before|, |written|, 1e-12); 0 where nothing was written yet.
        source: the paper or page that defines the rule.
    """

    optimizer: str
    index: tuple[int, ...]
    lines: tuple[Assignment, ...]
    before: float
    after: float
    written: float | None
    error: float
    source: str


class Step:
    """What a rule reads and writes, by torch's names."""

    def __init__(
        self, settings: Mapping[str, object], state: Mapping[str, float], weight: float, gradient: float
    ) -> None:
        self._settings = settings
        self._state = state
        self.lines: list[Assignment] = []
        self.weight = quantity(weight, "w", "weight", "weight")
        self.gradient: Expression = quantity(gradient, "g", "gradient", "gradient")
        if self.on("maximize"):
            self.gradient = self.set("gradient", "g'", 0 - self.gradient, "gradient")

    def on(self, name: str) -> bool:
        """Whether a switch is on."""
        return bool(self._settings.get(name))

    def setting(self, name: str, symbol: str) -> Quantity:
        """A setting of the optimiser: lr, momentum, ..."""
        return quantity(_number(self._settings[name]), symbol, name, "setting")

    def pair(self, name: str, *symbols: str) -> tuple[Quantity, ...]:
        """A setting that is several: betas, etas."""
        values = self._settings[name]
        assert isinstance(values, (tuple, list))
        return tuple(
            quantity(_number(value), symbol, f"{name}[{place}]", "setting")
            for place, (value, symbol) in enumerate(zip(values, symbols, strict=True))
        )

    def remembers(self, name: str) -> bool:
        """Whether the optimiser has kept such a thing."""
        return name in self._state

    def old(self, name: str, symbol: str, first: float = 0.0) -> Quantity:
        """What the optimiser remembers from the step before; `first` where there was none."""
        return quantity(self._state.get(name, first), symbol, name, "state")

    def count(self) -> Quantity:
        """The number of this step, 1 for the first."""
        return quantity(self._state.get("step", 0.0) + 1, "t", "step", "state")

    def set(self, name: str, symbol: str, to: Expression, kind: QuantityKind = "state") -> Quantity:
        """A line: what is set, and to what."""
        made = quantity(to.value, symbol, name, kind)
        self.lines.append(Assignment(made, to))
        return made

    def set_weight(self, to: Expression, symbol: str = "w'") -> None:
        """The line that writes the weight."""
        self.weight = self.set("weight", symbol, to, "weight")

    def decay_into_gradient(self) -> None:
        """Weight decay as a part of the gradient: the loss plus half its multiple of the squared weight."""
        if decay := self.setting("weight_decay", r"\lambda"):
            symbol = "g''" if self.on("maximize") else "g'"
            self.gradient = self.set("gradient", symbol, self.gradient + decay * self.weight, "gradient")

    def decay_weight(self, rate: Quantity) -> None:
        """Weight decay of its own: the weight shrinks before the step (Loshchilov and Hutter 2019)."""
        if decay := self.setting("weight_decay", r"\lambda"):
            self.weight = self.set("weight", r"\tilde{w}", self.weight - rate * decay * self.weight, "weight")


Rule = Callable[[Step], None]
_RULES: dict[str, tuple[Rule, str]] = {}
_AT_ONCE = {
    "LBFGS": "it moves all weights together, along a direction found from their history",
    "Muon": "it makes the whole matrix of updates orthogonal at once",
    "Adafactor": "it keeps one number a row and a column, and scales by the whole matrix's size",
    "SparseAdam": "it changes only the rows that were looked up",
}


def enrol(name: str, source: str) -> Callable[[Rule], Rule]:
    """Say which of torch's optimisers a rule is of, and where it was published."""

    def take(rule: Rule) -> Rule:
        _RULES[name] = rule, source
        return rule

    return take


def optimizers() -> list[str]:
    """The names of torch.optim's optimisers that have a rule."""
    return sorted(_RULES)


def explain_update(
    optimizer: str,
    settings: Mapping[str, object],
    state: Mapping[str, object],
    weight: torch.Tensor,
    gradient: torch.Tensor,
    index: tuple[int, ...],
    written: torch.Tensor | None = None,
) -> Update:
    """One weight's step.

    Args:
        optimizer: the name of a class of torch.optim.
        settings: its param_group's: lr, betas, ...
        state: `optimizer.state[parameter]` *before* the step; empty at the first.
        weight: the parameter before the step, of any shape.
        gradient: of the same shape.
        index: which element, an int for each axis.
        written: the parameter after the step.

    Raises:
        NoUpdateRule: if no rule is known, or none can be given for a single weight.
    """
    if optimizer not in _RULES:
        raise NoUpdateRule(
            f"a step of {optimizer} has no formula for a single weight",
            why=_AT_ONCE.get(optimizer, "it is none of torch.optim's"),
            todo=f"These have one: {', '.join(optimizers())}.",
        )
    rule, source = _RULES[optimizer]
    numbers = {name: _element(value, weight, index) for name, value in state.items() if value is not None}
    before = weight[index].item()
    step = Step(settings, numbers, before, gradient[index].item())
    rule(step)
    after = step.weight.value
    result = None if written is None else written[index].item()
    error = 0.0 if result is None else abs(after - result) / max(abs(before), abs(result), 1e-12)
    return Update(optimizer, index, tuple(step.lines), before, after, result, error, source)


def _element(value: object, weight: torch.Tensor, index: tuple[int, ...]) -> float:
    if isinstance(value, torch.Tensor) and value.shape == weight.shape:
        return float(value[index].item())
    return _number(value)


def _number(value: object) -> float:
    return float(value.item()) if isinstance(value, torch.Tensor) else float(value)  # pyright: ignore[reportArgumentType]
