"""Optimisers and the course of the learning rate: torch's, by name."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Mapping
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.optim import lr_scheduler

from glasswork.errors import GlassworkError, unknown
from glasswork.training.config import Config
from glasswork.training.muon import MuonAdamW
from glasswork.training.task import Turn

CLOSED: dict[str, Callable[[float], float]] = {  # part of the way after the warm-up, 0..1 -> part of the highest rate
    "cosine": lambda way: 0.5 * (1 + math.cos(math.pi * way)),
    "linear": lambda way: 1 - way,
    "constant": lambda way: 1.0,
    "late": lambda way: min(1.0, 2 * (1 - way)),
}
_LEAVE_OUT = {"Optimizer", "LBFGS", "SparseAdam"}  # the last two need a closure, or sparse gradients
_NEED_MORE = {"ReduceLROnPlateau", "ChainedScheduler", "SequentialLR", "LambdaLR", "MultiplicativeLR", "LRScheduler"}


@cache
def optimiser_names() -> list[str]:
    """torch's optimisers that take one step from one gradient."""
    return sorted(
        name
        for name, kind in vars(torch.optim).items()
        if inspect.isclass(kind) and issubclass(kind, torch.optim.Optimizer) and name not in _LEAVE_OUT
    )


@cache
def schedule_names() -> list[str]:
    """The courses that depend on the step alone."""
    found = (
        name
        for name, kind in vars(lr_scheduler).items()
        if inspect.isclass(kind) and issubclass(kind, lr_scheduler.LRScheduler) and not name.startswith("_")
    )
    return [*CLOSED, *sorted(set(found) - _NEED_MORE)]


def chosen(turn: Turn, network: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that a turn updates, by name: none that is frozen.

    Raises:
        GlassworkError: there are none.
    """
    found = {
        name: value
        for name, value in network.named_parameters()
        if value.requires_grad and (not turn.prefixes or name.startswith(turn.prefixes))
    }
    if not found:
        why = f"no weight that learns begins with {' or '.join(turn.prefixes)}" if turn.prefixes else "all are frozen"
        raise GlassworkError("there is no weight to train", where=turn.name, why=why)
    return found


def tables(network: nn.Module) -> set[str]:
    """The names of weights that are read row by row (embeddings), though they have two axes."""
    rows = {id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)}
    return {name for name, value in network.named_parameters(remove_duplicate=False) if id(value) in rows}


def make_optimiser(
    config: Config, parameters: Mapping[str, nn.Parameter], rate: float = 1.0, tables: Collection[str] = ()
) -> torch.optim.Optimizer:
    """torch's optimiser over these parameters; weight decay acts on those of two and more axes alone.

    MuonAdamW is torch's Muon for matrices, and its AdamW for all that Muon is not made for.

    Args:
        config: which, and with what settings; beta1 and beta2 stand for `betas`.
        parameters: by name.
        rate: times the learning rate.
        tables: names of embeddings, which are no matrices to MuonAdamW.

    Raises:
        GlassworkError: there is no such optimiser, or it has no such setting.
    """
    if config.optimiser.lower() == "muonadamw":
        return _muon(config, parameters, rate, tables)
    by_name = {name.lower(): name for name in optimiser_names()}
    if config.optimiser.lower() not in by_name:
        raise unknown("optimiser", config.optimiser, [*optimiser_names(), MuonAdamW.__name__])
    kind = getattr(torch.optim, by_name[config.optimiser.lower()])
    settings: dict[str, Any] = dict(config.optimiser_settings)
    takes = inspect.signature(kind).parameters
    if "betas" in takes and ("beta1" in settings or "beta2" in settings):
        usual = takes["betas"].default
        settings["betas"] = (settings.pop("beta1", usual[0]), settings.pop("beta2", usual[1]))
    known = _whole(settings, takes, f"setting of {kind.__name__}")
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters.values() if (p.ndim > 1) == wide], "weight_decay": decay}
        for wide, decay in ((True, config.weight_decay), (False, 0.0))
    ]
    if "weight_decay" not in takes:
        groups = [{"params": list(parameters.values())}]
    return kind([g for g in groups if g["params"]], lr=config.learning_rate * rate, **known)


def _muon(
    config: Config, parameters: Mapping[str, nn.Parameter], rate: float, tables: Collection[str]
) -> torch.optim.Optimizer:
    settings = dict(config.optimiser_settings)
    for name in settings:
        if name not in ("momentum", "beta1", "beta2"):
            raise unknown("setting of MuonAdamW", name, ["momentum", "beta1", "beta2"])
    inside = {name: p for name, p in parameters.items() if p.ndim == 2 and name not in tables}
    others = [p for name, p in parameters.items() if name not in inside]
    lr, decay = config.learning_rate * rate, config.weight_decay
    return MuonAdamW(list(inside.values()), others, lr=lr, weight_decay=decay, **settings)


def course(config: Config) -> Callable[[int], float]:
    """The learning rate of step 0, 1, ..., steps - 1: a linear rise, then the schedule.

    Raises:
        GlassworkError: there is no such schedule, or it has no such setting.
    """
    rise = round(config.warmup * config.steps)
    after = _factors(config, rise)

    def rate(step: int) -> float:
        if step < rise:
            return config.learning_rate * (step + 1) / rise
        return config.learning_rate * after(step - rise)

    return rate


def _factors(config: Config, rise: int) -> Callable[[int], float]:
    """Part of the highest rate, by the step after the warm-up."""
    left = max(1, config.steps - rise)
    if config.schedule in CLOSED:
        form = CLOSED[config.schedule]
        if config.schedule_settings:
            raise unknown(f"setting of {config.schedule}", next(iter(config.schedule_settings)), [])
        return lambda step: form(step / left)
    by_name = {name.lower(): name for name in schedule_names()}
    if config.schedule.lower() not in by_name:
        raise unknown("schedule", config.schedule, schedule_names())
    kind = getattr(lr_scheduler, by_name[config.schedule.lower()])
    takes = inspect.signature(kind).parameters
    filled = {"total_steps": left, "T_max": left, "total_iters": left, "max_lr": 1.0, "base_lr": 0.0}
    settings = {key: value for key, value in filled.items() if key in takes}
    settings |= _whole(dict(config.schedule_settings), takes, f"setting of {kind.__name__}")
    try:
        return _Replayed(lambda optimiser: kind(optimiser, **settings))
    except (TypeError, ValueError) as error:
        todo = "Give what is missing: --set schedule_settings.NAME=VALUE."
        raise GlassworkError(f"{kind.__name__} can't be made", why=str(error), todo=todo) from error


class _Replayed:
    """torch's scheduler as a function of the step: it is run from its start on an optimiser of its own."""

    def __init__(self, make: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]) -> None:
        self._make = make
        self._begin()

    def _begin(self) -> None:
        self._optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
        self._scheduler = self._make(self._optimiser)
        self._step = 0

    def __call__(self, step: int) -> float:
        if step < self._step:
            self._begin()
        while self._step < step:
            self._optimiser.step()  # torch warns when a scheduler is stepped before its optimiser
            self._scheduler.step()
            self._step += 1
        return float(self._optimiser.param_groups[0]["lr"])


def _whole(settings: dict[str, Any], takes: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """The settings, each known, and whole numbers or switches where those are meant."""
    known = [name for name in takes if name not in ("self", "params", "optimizer", "lr")]
    for name, value in settings.items():
        if name not in known:
            raise unknown(kind, name, known)
        noted = str(takes[name].annotation)
        if isinstance(takes[name].default, bool):
            settings[name] = bool(value)
        elif "int" in noted and "float" not in noted:
            settings[name] = int(value)
    return settings
