"""A run in its folder: what it was, how it went, and what came out.

runs/NAME/run.json            the recipe's name and every setting
runs/NAME/metrics.jsonl       appended to: step, seconds, named values
runs/NAME/model.safetensors   the weights that were kept
runs/NAME/card.json           the model card, which vouches for them
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import torch
from torch import nn

from glasswork import data, measuring, networks, zoo
from glasswork.data import Dataset
from glasswork.errors import GlassworkError, unknown
from glasswork.randomness import seeded
from glasswork.training.augmentation import on_white
from glasswork.training.config import Config
from glasswork.training.events import Evaluated, Finished, Started, Stepped, TrainEvent
from glasswork.training.loop import Kept, as_tensor, split_validation, train
from glasswork.zoo.shipping import RUN_CARD, RUN_WEIGHTS

RECORD_EVERY = 10  # steps


def run(
    recipe: str, config: Config, *, out: str | Path | None = None, seconds: float | None = None
) -> Iterator[TrainEvent]:
    """Train, and leave weights and their card in a folder.

    Args:
        recipe: the name that the weights will have.
        config: the whole run.
        out: the folder; runs/RECIPE, or the next free name after it, when None.
        seconds: stop after this time and keep what there is.

    Yields:
        Started, then Stepped and Evaluated as they happen, then Finished.

    Raises:
        GlassworkError: the data isn't here, the network can't be built, or the loss is no longer a number.
    """
    _check(config, data.load(config.data, "train"))
    examples, aside = split_validation(data.load(config.data, "train"), config.validation, config.seed)
    module = random_network(config)
    parameters = sum(p.numel() for p in module.parameters())
    folder = Path(out) if out is not None else _free_folder(Path("runs") / recipe)
    folder.mkdir(parents=True, exist_ok=True)
    about = {"recipe": recipe, **dataclasses.asdict(config), "sizes": dict(config.sizes)}
    zoo.write_atomically(folder / "run.json", json.dumps(about, indent=2).encode() + b"\n")
    yield Started(str(folder), recipe, parameters, len(examples), config.steps)
    kept, step, passed = Kept(0, {}, {}), 0, 0.0
    with (folder / "metrics.jsonl").open("a", encoding="utf-8") as metrics:
        for event in train(module, examples, aside, config, kept, seconds):
            _record(metrics, event)
            step, passed = event.step, event.seconds
            yield event
    final = test(module, kept, data.load(config.data, "test"))
    card = make_card(recipe, config, module, kept, examples, aside, passed, final)
    zoo.save_weights(kept.weights, card, folder / RUN_WEIGHTS, folder / RUN_CARD)
    yield Finished(str(folder), recipe, step, step / max(passed, 1e-9), final, folder / RUN_WEIGHTS)


def random_network(config: Config) -> nn.Module:
    """The untrained network, its weights drawn from the config's seed; the global random state is left alone."""
    with seeded(config.seed):
        return networks.build(config.network, **config.sizes)


def test(module: nn.Module, kept: Kept, dataset: Dataset) -> dict[str, float]:
    """Scores of the kept weights on pictures that training never saw; the module is left with these weights."""
    module.load_state_dict(kept.weights)
    logits = measuring.predict(module, on_white(as_tensor(dataset.pictures)))
    return measuring.classification_scores(logits, torch.tensor(dataset.labels))


def make_card(
    recipe: str,
    config: Config,
    module: nn.Module,
    kept: Kept,
    examples: Dataset,
    aside: Dataset,
    seconds: float,
    final: dict[str, float],
) -> zoo.Card:
    """The model card of a finished run, still without the hash of its weights."""
    entry = next(e for e in data.catalogue() if (e.name, e.split) == (config.data, "test"))
    chosen_by = f"{len(aside):,} of the training pictures" if len(aside) else "none: the last weights were kept"
    size, channels = config.sizes["size"], config.sizes["channels"]
    settings: dict[str, Any] = dataclasses.asdict(config)
    for name in ("title", "network", "sizes", "data", "licence", "seed", "steps"):  # fields of the card
        del settings[name]
    augmentation = settings.pop("augmentation")
    settings |= {f"augmentation.{name}": value for name, value in augmentation.items()}
    return zoo.Card(
        name=recipe,
        title=config.title,
        recipe=recipe,
        network=config.network,
        sizes=dict(config.sizes),
        data=config.data,
        split=f"trained on {len(examples):,}; checkpoint chosen by {chosen_by}; tested on {entry.count:,} held out",
        trained_on=len(examples),
        validated_on=len(aside),
        tested_on=entry.count,
        labels=examples.classes,
        light_on_dark=examples.light_on_dark,
        seed=config.seed,
        steps=kept.step,
        planned_steps=config.steps,
        seconds=round(seconds, 1),
        scores={name: round(value, 4) for name, value in final.items()},
        settings=settings,
        parameters=sum(p.numel() for p in module.parameters()),
        macs=zoo.count_macs(module, torch.zeros(1, channels, size, size)),
        licence=config.licence,
        torch=str(torch.__version__),
        trained=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )


def _check(config: Config, dataset: Dataset) -> None:
    """The score to choose by exists; the network takes pictures of this size, and has an output for each class.

    Raises:
        GlassworkError: one of them differs.
    """
    if config.choose_by not in ("accuracy", "nats"):
        raise unknown("score to choose by", config.choose_by, ["accuracy", "nats"])
    _, rows, columns, channels = dataset.pictures.shape
    found = {"size": rows, "channels": 3 if channels == 4 else channels, "classes": len(dataset.classes)}
    wrong = [f"{name} {config.sizes[name]}, the data has {value}" for name, value in found.items()
             if config.sizes[name] != value]  # fmt: skip
    if rows != columns:
        wrong.append(f"square pictures, the data has {rows}x{columns}")
    if wrong:
        raise GlassworkError(
            f"{config.network} can't be trained on {config.data}",
            why=f"the network has {'; '.join(wrong)}",
            todo="Set the sizes that fit: --set sizes.NAME=VALUE.",
        )


def _record(metrics: IO[str], event: Stepped | Evaluated) -> None:
    if isinstance(event, Evaluated):
        values = {f"validation_{name}": value for name, value in event.scores.items()}
    elif event.step % RECORD_EVERY == 0:
        values = {"loss": event.loss, "learning_rate": event.learning_rate}
    else:
        return
    metrics.write(json.dumps({"step": event.step, "seconds": round(event.seconds, 3), **values}) + "\n")
    metrics.flush()


def _free_folder(folder: Path) -> Path:
    candidates = (folder.with_name(f"{folder.name}-{i}") for i in range(2, 1_000_000))
    return folder if not folder.exists() else next(path for path in candidates if not path.exists())
