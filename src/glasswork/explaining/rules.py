"""Which rule explains which op: each enrols itself under the names of the functions that it explains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from glasswork.explaining.errors import NoRule
from glasswork.explaining.expansion import Expansion
from glasswork.tracing import Op, Trace

Rule = Callable[[Trace, Op, tuple[int, ...]], Expansion]
SlotRule = Callable[[Trace, Op, tuple[int, ...], int], Expansion]
_RULES: dict[str, Rule] = {}
_SLOT_RULES: dict[str, SlotRule] = {}


def register(*names: str) -> Callable[[Rule], Rule]:
    """Enrol a rule for ops of these names; the in-place form of an op ("add_") goes by the rule of the op.

    It explains the first output; the generic explanation has the others.
    """

    def enrol(rule: Rule) -> Rule:
        for name in names:
            _refuse_second(name, rule)
            _RULES[name] = rule
        return rule

    return enrol


def register_slots(*names: str) -> Callable[[SlotRule], SlotRule]:
    """Enrol a rule that explains every output of its ops: it is also told which."""

    def enrol(rule: SlotRule) -> SlotRule:
        for name in names:
            _refuse_second(name, rule)
            _SLOT_RULES[name] = rule
        return rule

    return enrol


def rule_for(op: Op, slot: int = 0) -> Rule:
    """The rule of one output of an op.

    Raises:
        NoRule: if nobody has written one; the generic explanation by autodiff needs none.
    """
    plain = op.name.removesuffix("_")
    for_slots = _SLOT_RULES.get(op.name) or _SLOT_RULES.get(plain)
    if for_slots is not None:
        return lambda trace, op, index: for_slots(trace, op, index, slot)
    rule = _RULES.get(op.name) or _RULES.get(plain)
    if rule is None or slot:
        raise NoRule(op.name, where=op.path, why=f"there are rules for {', '.join(sorted({*_RULES, *_SLOT_RULES}))}")
    return rule


def has_rule(name: str) -> bool:
    """Whether ops of this name have a rule of their own."""
    plain = name.removesuffix("_")
    return any(key in rules for key in (name, plain) for rules in (_RULES, _SLOT_RULES))


def failure(op: Op, error: Exception) -> str:
    """How to say that the rule of an op crashed."""
    why = (str(error).splitlines() or [""])[0]
    return f"the rule of {op.name} failed ({type(error).__name__}: {why[:160]}); autodiff stands in for it"


def arguments(op: Op, names: str, **defaults: Any) -> dict[str, Any]:
    """The arguments of an op by name, however they were passed.

    Args:
        op: the op; tensors among its arguments are Values.
        names: the parameters of its function in order, separated by spaces.
        defaults: what those not given stand at; the first without a default must have been given.
    """
    order = names.split()
    given = dict(op.kwargs)
    if order[0] == "input" and "self" in given:  # what aten calls its first argument
        given["input"] = given.pop("self")
    return {**dict.fromkeys(order), **defaults, **dict(zip(order, op.args, strict=False)), **given}


def sizes(setting: int | Sequence[int], dims: int) -> tuple[int, ...]:
    """A setting that torch takes as one number or one for each spatial dimension, as the latter."""
    if isinstance(setting, int):
        return (setting,) * dims
    given = tuple(int(size) for size in setting)
    return given * dims if len(given) == 1 else given


def _refuse_second(name: str, rule: Callable[..., Any]) -> None:
    other = _RULES.get(name) or _SLOT_RULES.get(name)
    if other is not None:
        raise ValueError(f"two rules for {name}: {other.__module__} and {rule.__module__}")
