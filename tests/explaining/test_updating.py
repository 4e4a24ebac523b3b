"""A weight's step, against the one that torch.optim takes."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.optim import lr_scheduler

from glasswork.explaining.updating import NoUpdateRule, Quantity, Update, explain_update, optimizers

STEPS = 9  # beyond the sixth, where RAdam begins to adapt
CASES: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.8, "dampening": 0.3}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1, "amsgrad": True, "betas": (0.5, 0.6)}),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("AdamW", {"lr": 0.01, "weight_decay": 0.2, "maximize": True}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1}),
    ("NAdam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.01, "weight_decay": 0.1}),
    ("RAdam", {"lr": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.1, "decoupled_weight_decay": True}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "centered": True, "momentum": 0.7, "weight_decay": 0.1}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.05, "initial_accumulator_value": 0.2, "weight_decay": 0.1}),
    ("Adadelta", {"lr": 1.0, "weight_decay": 0.1}),
    ("Adamax", {"lr": 0.01, "weight_decay": 0.1}),
    ("ASGD", {"lr": 0.1, "lambd": 0.01, "t0": 2, "weight_decay": 0.1}),
    ("Rprop", {"lr": 0.1, "etas": (0.4, 1.3), "step_sizes": (0.06, 0.15)}),
]


SINGLE = {"NAdam", "ASGD"}  # torch keeps their running product and rate in fp32, whatever the weights are


def walk(name: str, settings: dict[str, Any], dtype: torch.dtype = torch.float64) -> Iterator[Update]:
    """Each step of a bumpy fit, explained for every weight after torch took it."""
    random = torch.Generator().manual_seed(5)
    weight = torch.randn(2, 3, generator=random, dtype=dtype).requires_grad_()
    optimizer = getattr(torch.optim, name)([weight], **settings)
    falling = lr_scheduler.ExponentialLR(optimizer, 0.9)
    for _ in range(STEPS):
        (torch.sin(3 * weight) * torch.randn(2, 3, generator=random, dtype=dtype)).sum().backward()
        before = weight.detach().clone()
        state = {key: v.clone() if isinstance(v, torch.Tensor) else v for key, v in optimizer.state[weight].items()}
        optimizer.step()
        assert weight.grad is not None
        for place in range(6):
            yield explain_update(
                name, optimizer.param_groups[0], state, before, weight.grad, divmod(place, 3), written=weight.detach()
            )
        optimizer.zero_grad()
        falling.step()


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_lines_give_what_torch_wrote(name: str, settings: dict[str, Any]) -> None:
    moved = 0
    for update in walk(name, settings):
        assert update.error <= (1e-7 if name in SINGLE else 1e-12)
        assert update.written is not None
        moved += update.before != update.written
    assert moved > 6  # Rprop stays where a slope turned
    assert max(update.error for update in walk(name, settings, torch.float32)) <= 1e-5


def python_of(parts: tuple[Quantity | str, ...]) -> str:
    """The line in numbers, as Python would compute it; a bar opens and closes."""
    words, open_bar = [], False
    for part in parts:
        if isinstance(part, Quantity):
            words.append(f"({part.value!r})")
        elif part == "|":
            words.append(")" if open_bar else "abs(")
            open_bar = not open_bar
        else:
            words.append({"−": "-", "×": "*", "^": "**", "√": "math.sqrt"}.get(part, part))
    return " ".join(words)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_line_in_numbers_is_the_formula(name: str, settings: dict[str, Any]) -> None:
    known = {
        "math": math,
        "max": max,
        "clip": lambda low, of, high: min(max(of, low), high),
        "sign": lambda of: (of > 0) - (of < 0),
    }
    for update in walk(name, settings):
        for line in update.lines:
            found = eval(python_of(line.expression.parts), known)  # of our own making, in a test
            assert found == pytest.approx(line.target.value, rel=1e-12, abs=1e-15)
        assert update.lines[-1].target.kind == "weight"
        assert update.lines[-1].target.value == update.after


def test_momentum_by_hand() -> None:
    """m' = 0.9 · 0.5 + (2 + 0.1 · 3) = 2.75;  w' = 3 - 0.2 · 2.75 = 2.45."""
    settings = {
        "lr": 0.2, "momentum": 0.9, "weight_decay": 0.1, "dampening": 0, "nesterov": False, "maximize": False
    }  # fmt: skip
    state = {"momentum_buffer": torch.tensor([0.5])}
    update = explain_update("SGD", settings, state, torch.tensor([3.0]), torch.tensor([2.0]), (0,))
    assert [line.target.value for line in update.lines] == pytest.approx([2.3, 2.75, 2.45], rel=1e-7)
    assert update.lines[1].expression.formula == r"\mu\,m + g'"
    assert update.written is None


def test_every_elementwise_optimizer_of_torch_has_a_rule() -> None:
    every = {
        name
        for name, one in vars(torch.optim).items()
        if isinstance(one, type) and issubclass(one, torch.optim.Optimizer) and name != "Optimizer"
    }
    assert every - set(optimizers()) == {"LBFGS", "Muon", "Adafactor", "SparseAdam"}


@pytest.mark.parametrize("name", ["LBFGS", "Muon", "Adafactor", "SparseAdam", "Mine"])
def test_an_optimizer_without_lines_says_why(name: str) -> None:
    weight = torch.zeros(2)
    with pytest.raises(NoUpdateRule, match="no formula for a single weight") as caught:
        explain_update(name, {}, {}, weight, weight, (0,))
    assert "SGD" in str(caught.value)
