"""From a recipe's name to a run."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from glasswork import training
from glasswork.errors import GlassworkError
from glasswork.recipes._registry import config


def run(
    recipe: str,
    *,
    data: str | None = None,
    start: str | None = None,
    out: str | Path | None = None,
    steps: int | None = None,
    seconds: float | None = None,
    seed: int | None = None,
    save_every: int | None = None,
    resume: bool = False,
    stop: Callable[[], bool] = lambda: False,
    settings: Mapping[str, object] | None = None,
) -> Iterator[training.TrainEvent]:
    """Train a recipe, one event after another; the last one is Finished, with the weights on disk, or Stopped.

    Args:
        recipe: one of glasswork.recipes.names().
        data: another data set than the recipe's: one of glasswork.data.names(), or folder:DIR, imagenet:DIR, csv:FILE.
        start: a TARGET whose weights it begins from.
        out: the run's folder; runs/RECIPE (or the next free name after it) when None.
        steps: another number of steps; the learning rate's course is fitted to it.
        seconds: stop after this time and keep what there is.
        seed: another seed.
        save_every: steps between two checkpoints.
        resume: go on with the run in `out`, or with the recipe's newest one, with its settings; begin where there is
            none.
        stop: asked after each step; true saves and ends the run, to be resumed.
        settings: any other setting by name, such as {"learning_rate": "1e-3", "sizes.width": 12}.

    Raises:
        GlassworkError: no such recipe, data set or setting; data that isn't here; a loss that is no longer a number.
    """
    given = changes(data=data, start=start, steps=steps, seed=seed, save_every=save_every, settings=settings)
    chosen = config(recipe)
    if resume:
        folder = Path(out) if out is not None else training.latest_folder(recipe)
        out = folder
        if (folder / training.RUN).is_file():
            chosen = training.from_record(chosen, _record(folder, recipe))
    return training.run(recipe, chosen.changed(given), out=out, seconds=seconds, resume=resume, stop=stop)


def changes(*, settings: Mapping[str, object] | None = None, **given: object) -> dict[str, object]:
    """What was asked for by name or as a setting, as Config.changed takes it; None stands for what was not."""
    return {**(settings or {}), **{key: value for key, value in given.items() if value is not None}}


def _record(folder: Path, recipe: str) -> dict[str, Any]:
    """What a run folder says of its settings.

    Raises:
        GlassworkError: it can't be read, or is that of another recipe.
    """
    path = folder / training.RUN
    try:
        record = json.loads(path.read_bytes())
        made_by = record["recipe"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        todo = "Name another folder with --out, or begin again."
        raise GlassworkError("a run's settings can't be read", where=str(path), why=str(error), todo=todo) from error
    if made_by != recipe:
        raise GlassworkError(
            f"this run is not one of {recipe}",
            where=str(folder),
            why=f"it was started with {str(made_by)[:80]}",
            todo="Resume it by that name, or name another folder with --out.",
        )
    return record
