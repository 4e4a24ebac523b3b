"""A whole run as data: everything that decides what comes out."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field

from glasswork.errors import GlassworkError, unknown
from glasswork.training.augmentation import Augmentation


@dataclass(frozen=True, kw_only=True)
class Config:
    """What a recipe returns.

    Attributes:
        title: the trained network's name for people.
        network: its architecture, one of glasswork.networks.names().
        sizes: the architecture's sizes.
        data: the data set, one of glasswork.data.names().
        licence: of the weights that come out.
        seed: of the first weights, the order of the examples and their variations.
        steps: how often the weights are updated.
        batch: examples in each step.
        learning_rate: its highest value; it rises linearly over `warmup` of the steps, then falls to 0 as a cosine.
        weight_decay: AdamW's, on weights of two and more axes.
        label_smoothing: the part of the target given to all classes alike.
        average: the decay of the running average of the weights, which is what is measured and kept; 0 for none.
        balance: whether every class is drawn equally often.
        validation: how many training pictures are set aside to choose the checkpoint by.
        choose_by: the score by which, "accuracy" (the highest) or "nats" (the fewest). With a few hundred pictures set
            aside, accuracy is mostly luck.
        evaluate_every: steps between two looks at them.
        augmentation: how pictures are varied.
    """

    title: str
    network: str
    sizes: Mapping[str, int]
    data: str
    licence: str
    seed: int = 0
    steps: int
    batch: int = 64
    learning_rate: float
    warmup: float = 0.1
    weight_decay: float = 0.01
    label_smoothing: float = 0.0
    average: float = 0.0
    balance: bool = False
    validation: int = 0
    choose_by: str = "nats"
    evaluate_every: int = 500
    augmentation: Augmentation = field(default_factory=Augmentation)

    def changed(self, settings: Mapping[str, object]) -> Config:
        """This run with other settings.

        Args:
            settings: values by name; `sizes.width` and `augmentation.rotate` reach inside. Text is read as a number or
                true/false where the setting is one.

        Raises:
            GlassworkError: no such setting, or a value of another type.
        """
        config = self
        known = setting_names(self)
        for key, value in settings.items():
            if key not in known:
                raise unknown("setting", key, known)
            outer, _, inner = key.partition(".")
            if outer == "sizes":
                config = dataclasses.replace(config, sizes={**config.sizes, inner: _parse(key, value, int)})
            elif outer == "augmentation":
                wanted = typing.get_type_hints(Augmentation)[inner]
                varied = dataclasses.replace(config.augmentation, **{inner: _parse(key, value, wanted)})
                config = dataclasses.replace(config, augmentation=varied)
            else:
                wanted = typing.get_type_hints(Config)[key]
                config = dataclasses.replace(config, **{key: _parse(key, value, wanted)})
        return config


def setting_names(config: Config) -> list[str]:
    """Every name that Config.changed takes."""
    plain = [f.name for f in dataclasses.fields(config) if f.name not in ("sizes", "augmentation")]
    inner = [f"augmentation.{f.name}" for f in dataclasses.fields(config.augmentation)]
    return plain + [f"sizes.{name}" for name in config.sizes] + inner


def _parse(name: str, value: object, wanted: type) -> typing.Any:
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
