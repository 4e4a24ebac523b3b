"""The slim race as its run folders tell it: who ran from which seeds, how each came along, and how well it did."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from glasswork import networks, zoo
from glasswork.errors import GlassworkError
from glasswork.measuring.record import Racer, Run
from glasswork.recipes import slim
from glasswork.recipes._registry import config
from glasswork.training import RUN, ClassifierConfig
from glasswork.training.metrics import read_metrics
from glasswork.zoo.shipping import RUN_CARD

HELD_OUT = "validation_accuracy"
LOSSES = 60
"""Points of a course's training loss: each the mean of the records since the one before."""
RACERS = ("alexnet-slim", "vgg-slim", "inception-slim", "resnet-slim", "resnet-deep-slim", "plain-deep-slim")


def slim_race(runs: Path) -> list[Racer]:
    """Every racer, with the runs of it that are in a folder of runs.

    Args:
        runs: holds run folders, of any name; those of other recipes, or of another budget, are left out.

    Raises:
        GlassworkError: there is no such folder.
    """
    if not runs.is_dir():
        raise GlassworkError("there are no runs here", where=str(runs), why="no such folder", todo="Name another.")
    found: dict[str, dict[int, Run]] = {name: {} for name in RACERS}
    for folder in sorted(runs.iterdir()):
        try:
            written = json.loads((folder / RUN).read_bytes())
            recipe, seed, budget = written["recipe"], written["seed"], (written["steps"], written["batch"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if recipe in found and budget == (slim.STEPS, slim.BATCH):
            run = _run(folder, seed)
            if run is not None:
                found[recipe][seed] = run
    return [_racer(name, found[name]) for name in RACERS]


def _racer(name: str, runs: dict[int, Run]) -> Racer:
    settings = config(name)
    assert isinstance(settings, ClassifierConfig)
    module = networks.build(settings.network, **settings.sizes).eval()
    return Racer(
        name=name,
        title=settings.title.removesuffix(" · slim"),
        parameters=sum(one.numel() for one in module.parameters()),
        macs=zoo.count_macs(module, *networks.example(module)),
        batch=settings.batch,
        planned_steps=settings.steps,
        runs=[runs[seed] for seed in sorted(runs)],
    )


def _run(folder: Path, seed: int) -> Run | None:
    try:
        course = read_metrics(folder)
    except OSError:
        return None
    held_out = course.series.get(HELD_OUT, [])
    seconds = dict(course.series.get("seconds", []))
    finished = any(event["event"] == "finished" for event in course.events)
    card = zoo.read_card(folder / RUN_CARD) if finished and (folder / RUN_CARD).is_file() else None
    if not held_out:
        return None
    parts = [part for part in np.array_split(np.array(course.series.get("loss", [])), LOSSES) if len(part)]
    return Run(
        seed=seed,
        steps=card.planned_steps if card else held_out[-1][0],
        seconds=card.seconds if card else seconds[held_out[-1][0]],
        accuracy=card.scores["accuracy"] if card else None,
        at_steps=[step for step, _ in held_out],
        at_seconds=[round(seconds[step], 1) for step, _ in held_out],
        held_out=[round(value, 5) for _, value in held_out],
        loss_steps=[int(part[-1, 0]) for part in parts],
        loss=[round(float(part[:, 1].mean()), 4) for part in parts],
    )
