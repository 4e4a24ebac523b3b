"""A whole run as data: everything that decides what comes out."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from glasswork.errors import GlassworkError, unknown

if TYPE_CHECKING:
    from glasswork.training.task import Task

Scalar = int | float | bool | str


@dataclass(frozen=True, kw_only=True)
class Config:
    """What a recipe returns: what every kind of training needs; each kind adds its own (ClassifierConfig).

    Attributes:
        title: the trained network's name for people.
        network: its architecture, one of glasswork.networks.names().
        sizes: the architecture's sizes.
        data: the data set, one of glasswork.data.names(), or one's own, such as folder:DIR.
        licence: of the weights that come out.
        seed: of the first weights, the order of the examples and all chance in between.
        steps: how often the weights are updated.
        batch: examples in each step, over all processes.
        accumulate: how many parts a step's examples are worked through in, to save memory; the update is the same.
        optimiser: a class of torch.optim; its further settings are `optimiser_settings` (momentum, beta1, ...).
        learning_rate: its highest value; it rises linearly over `warmup` of the steps, then follows `schedule`.
        schedule: cosine, linear (both down to 0), late (linear over its second half), constant, or a class of
            torch.optim.lr_scheduler that depends on the step alone; its further settings are `schedule_settings`.
        weight_decay: on weights of two and more axes.
        clip: the largest norm of the gradient; longer ones are shortened to it; 0 for none.
        precision: float32, or bfloat16 for autocast.
        average: the decay of the running average of the weights, which is what is measured and kept; 0 for none.
        validation: how many training examples are set aside to choose the checkpoint by.
        choose_by: the score by which; "last": by none, the last weights are kept.
        evaluate_every: steps between two looks at them.
        patience: looks without a better score after which the run ends early; 0 for never.
        save_every: steps between two checkpoints.
        keep: how many checkpoints stay; at least 2. Each holds the best weights so far, too.
        record_every: steps between two records of the loss.
        observe: whether each layer's gradient, update and silent channels are recorded with it.
        device: cpu, cuda, mps, or auto for the fastest that is here.
        parallel: how many processes share the work: ddp, or fsdp for networks larger than one device.
    """

    title: str
    network: str
    sizes: Mapping[str, int | float | str]
    data: str
    licence: str
    seed: int = 0
    steps: int
    batch: int = 64
    accumulate: int = 1
    optimiser: str = "AdamW"
    optimiser_settings: Mapping[str, float] = field(default_factory=dict)
    learning_rate: float
    schedule: str = "cosine"
    schedule_settings: Mapping[str, float] = field(default_factory=dict)
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip: float = 0.0
    precision: str = "float32"
    average: float = 0.0
    validation: int = 0
    choose_by: str = "nats"
    evaluate_every: int = 500
    patience: int = 0
    save_every: int = 500
    keep: int = 2
    record_every: int = 10
    observe: bool = True
    device: str = "cpu"
    parallel: str = "ddp"

    def task(self) -> Task:
        """What these settings train. May read the data."""
        raise NotImplementedError

    def changed(self, settings: Mapping[str, object]) -> Self:
        """This run with other settings.

        Args:
            settings: values by name; `sizes.width` and `augmentation.rotate` reach inside. Text is read as a number or
                true/false where the setting is one.

        Raises:
            GlassworkError: no such setting, or a value of another type.
        """
        config = self
        for key, value in settings.items():
            outer, dot, inner = key.partition(".")
            open_ended = outer in ("optimiser_settings", "schedule_settings") and inner
            if not open_ended and key not in setting_names(self):
                raise unknown("setting", key, setting_names(self))
            if not dot:
                new = _parse(key, value, _types(type(config))[key])
            elif isinstance(current := getattr(config, outer), Mapping):
                new = {**current, inner: _parse(key, value, type(current[inner]) if outer == "sizes" else float)}
            else:
                new = dataclasses.replace(current, **{inner: _parse(key, value, _types(type(current))[inner])})
            config = dataclasses.replace(config, **{outer: new})
        return config


def setting_names(config: Config) -> list[str]:
    """Every name that Config.changed takes."""
    return list(flat(config))


def flat(config: Config) -> dict[str, Scalar]:
    """All settings by the names that Config.changed takes."""
    found: dict[str, Scalar] = {}
    nested: dict[str, Scalar] = {}
    for each in dataclasses.fields(config):
        value = getattr(config, each.name)
        if isinstance(value, Mapping):
            nested |= {f"{each.name}.{name}": inner for name, inner in value.items()}
        elif dataclasses.is_dataclass(value):
            nested |= {f"{each.name}.{f.name}": getattr(value, f.name) for f in dataclasses.fields(value)}
        else:
            found[each.name] = value
    return found | nested


def origins(recipe: Config, given: Mapping[str, object]) -> dict[str, tuple[Scalar, str]]:
    """Every setting of a recipe that was changed by `given`: its value, and who decided it.

    Returns:
        By name: the value, and "command line", "recipe", or "default" where the recipe leaves it at that.
    """
    defaults: dict[str, Any] = {}
    for each in dataclasses.fields(recipe):
        if each.default is not dataclasses.MISSING:
            defaults[each.name] = each.default
        elif each.default_factory is not dataclasses.MISSING:
            made = each.default_factory()
            if dataclasses.is_dataclass(made):
                defaults |= {f"{each.name}.{f.name}": getattr(made, f.name) for f in dataclasses.fields(made)}
    told = {}
    for name, value in flat(recipe.changed(given)).items():
        left = name in defaults and defaults[name] == value
        told[name] = (value, "command line" if name in given else "default" if left else "recipe")
    return told


def as_record(config: Config) -> dict[str, Any]:
    """All settings as JSON has them, nested as they are."""
    record = dataclasses.asdict(config)
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in record.items()}


def from_record(recipe: Config, record: Mapping[str, Any]) -> Config:
    """A run's settings as as_record left them.

    Args:
        recipe: the recipe's own config, which says what kind of training it is.
        record: what as_record gave; names that are not settings are passed over.
    """
    settings: dict[str, object] = {}
    for each in dataclasses.fields(recipe):
        if each.name not in record:
            continue
        value = record[each.name]
        inner = getattr(recipe, each.name)
        if each.name == "sizes" and isinstance(value, Mapping):  # a network found for one's own data names its own
            recipe = dataclasses.replace(
                recipe, sizes={str(k): _parse(f"sizes.{k}", v, type(v)) for k, v in value.items()}
            )
        elif isinstance(value, Mapping):
            settings |= {f"{each.name}.{name}": item for name, item in value.items()}
        elif not isinstance(inner, Mapping) and not dataclasses.is_dataclass(inner):
            settings[each.name] = value
    return recipe.changed(settings)


def _types(cls: type) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _parse(name: str, value: object, wanted: type) -> Any:
    words: Mapping[str, bool] = types.MappingProxyType({"true": True, "false": False})
    try:
        if wanted is bool and isinstance(value, str):
            return words[value.lower()]
        if wanted in (int, float) and isinstance(value, (str, int, float)) and not isinstance(value, bool):
            number = wanted(value)
            if number == float(value):
                return number
        elif isinstance(value, wanted):
            return value
        raise ValueError
    except (ValueError, KeyError):
        raise GlassworkError(
            f"{name} can't be {value!r}", why=f"it is of type {wanted.__name__}", todo=f"Give {name} such a value."
        ) from None
