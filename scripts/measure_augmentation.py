"""Measure what augmentation is worth: a small network on 200 digits, with and without it, from five seeds.

    python scripts/measure_augmentation.py    # a few minutes; writes src/glasswork/measuring/augmentation.json

Nothing is chosen: the settings were fixed before, and each run's last weights are measured, on the 2,000 test digits.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import msgspec

from glasswork import recipes, zoo
from glasswork.measuring.augmentation import PATH, Comparison
from glasswork.training import Augmentation
from glasswork.zoo.shipping import RUN_CARD

RECIPE = "tiny-vgg-digits"
SEEDS = (0, 1, 2, 3, 4)
SETTINGS: dict[str, int | float | str] = {
    "validation": 7_800,  # so that 200 of the 8,000 are left to train on
    "choose_by": "last",
    "steps": 1_500,
    "evaluate_every": 1_500,
}
NONE: dict[str, int | float | str] = {f"augmentation.{field.name}": 0.0 for field in dataclasses.fields(Augmentation)}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        augmented = [trained(Path(name) / f"augmented-{seed}", seed, SETTINGS) for seed in SEEDS]
        plain = [trained(Path(name) / f"plain-{seed}", seed, SETTINGS | NONE) for seed in SEEDS]
    found = Comparison(
        recipe=RECIPE,
        settings=SETTINGS,
        pictures=augmented[0].trained_on,
        tested_on=augmented[0].tested_on,
        seeds=list(SEEDS),
        augmented=[card.scores["accuracy"] for card in augmented],
        plain=[card.scores["accuracy"] for card in plain],
    )
    PATH.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
    print(found.means)


def trained(out: Path, seed: int, settings: dict[str, int | float | str]) -> zoo.Card:
    """The card of one run."""
    for _ in recipes.run(RECIPE, out=out, seed=seed, settings=settings):
        pass
    card = zoo.read_card(out / RUN_CARD)
    print(out.name, card.scores, flush=True)
    return card


if __name__ == "__main__":
    main()
