"""From a recipe's name to a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from glasswork import training
from glasswork.recipes._registry import config


def run(
    recipe: str,
    *,
    data: str | None = None,
    out: str | Path | None = None,
    steps: int | None = None,
    seconds: float | None = None,
    seed: int | None = None,
    settings: Mapping[str, object] | None = None,
) -> Iterator[training.TrainEvent]:
    """Train a recipe, one event after another; the last one is Finished, with the weights on disk.

    Args:
        recipe: one of glasswork.recipes.names().
        data: another data set than the recipe's.
        out: the run's folder; runs/RECIPE (or the next free name after it) when None.
        steps: another number of steps; the learning rate's course is fitted to it.
        seconds: stop after this time and keep what there is.
        seed: another seed.
        settings: any other setting by name, such as {"learning_rate": "1e-3", "sizes.width": 12}.

    Raises:
        GlassworkError: no such recipe, data set or setting; data that isn't here; a loss that is no longer a number.
    """
    given = {"data": data, "steps": steps, "seed": seed}
    changes = {**(settings or {}), **{key: value for key, value in given.items() if value is not None}}
    return training.run(recipe, config(recipe).changed(changes), out=out, seconds=seconds)
