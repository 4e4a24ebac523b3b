"""Which rule explains which op: each enrols itself under the names of the functions that it explains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion
from glasswork.tracing import Op, Trace

Rule = Callable[[Trace, Op, tuple[int, ...]], Expansion]
_RULES: dict[str, Rule] = {}


def register(*names: str) -> Callable[[Rule], Rule]:
    """Enrol a rule for ops of these names; the in-place form of an op ("add_") goes by the rule of the op."""

    def enrol(rule: Rule) -> Rule:
        for name in names:
            if name in _RULES:
                raise ValueError(f"two rules for {name}: {_RULES[name].__module__} and {rule.__module__}")
            _RULES[name] = rule
        return rule

    return enrol


def rule_for(op: Op) -> Rule:
    """The rule of an op.

    Raises:
        NoRule: if nobody has written one.
    """
    rule = _RULES.get(op.name) or _RULES.get(op.name.removesuffix("_"))
    if rule is None:
        raise NoRule(op.name, where=op.path, why=f"there are rules for {', '.join(sorted(_RULES))}")
    return rule


def arguments(op: Op, names: str, **defaults: Any) -> dict[str, Any]:
    """The arguments of an op by name, however they were passed.

    Args:
        op: the op; tensors among its arguments are Values.
        names: the parameters of its function in order, separated by spaces.
        defaults: what those not given stand at; the first without a default must have been given.
    """
    order = names.split()
    return {**dict.fromkeys(order), **defaults, **dict(zip(order, op.args, strict=False)), **op.kwargs}


def sizes(setting: int | Sequence[int], dims: int) -> tuple[int, ...]:
    """A setting that torch takes as one number or one for each spatial dimension, as the latter."""
    if isinstance(setting, int):
        return (setting,) * dims
    given = tuple(int(size) for size in setting)
    return given * dims if len(given) == 1 else given
