"""What is written on a trained network's card."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from glasswork import zoo
from glasswork.training.config import flat
from glasswork.training.task import Task

OF_CARD = ("title", "network", "data", "licence", "seed", "steps", "reservation")


def model_card(
    recipe: str, task: Task, network: nn.Module, step: int, seconds: float, scores: Mapping[str, float]
) -> zoo.Card:
    """The card of a run's network, still without the hash of its weights.

    Args:
        recipe: its name, which is the trained network's too.
        task: what was trained.
        network: whole, on one process.
        step: after which the weights are as they are.
        seconds: that the run took so far.
        scores: on held-out examples; empty when they were not measured.
    """
    config, about = task.config, task.about()
    fields: dict[str, Any] = {
        "network": config.network,
        "sizes": dict(config.sizes),
        "labels": about.labels,
        **about.card,
    }
    settings = {k: v for k, v in flat(config).items() if k not in OF_CARD and not k.startswith("sizes.")}
    return zoo.Card(
        name=recipe,
        title=config.title,
        recipe=recipe,
        data=config.data,
        split=about.split,
        trained_on=about.examples,
        validated_on=about.aside,
        tested_on=about.held_out,
        seed=config.seed,
        steps=step,
        planned_steps=config.steps,
        seconds=round(seconds, 1),
        scores={name: round(value, 4) for name, value in scores.items()},
        settings=settings,
        parameters=sum(p.numel() for p in network.parameters()),
        macs=zoo.count_macs(network.eval(), *about.inputs),
        licence=config.licence,
        torch=str(torch.__version__),
        trained=datetime.datetime.now(datetime.UTC).date().isoformat(),
        **fields,
    )
