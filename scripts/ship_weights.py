"""Put a finished run's weights where those stand that ship, with their card.

python scripts/ship_weights.py runs/lstm-moby --half   # stored in 16 bits; the scores are measured again with them

A network of the slim race gets the scores of all its runs on its card, from the race's record.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import msgspec
import torch

from glasswork import recipes, zoo
from glasswork.measuring.record import read_record
from glasswork.zoo.card import OverSeeds
from glasswork.zoo.shipping import RUN_CARD, RUN_WEIGHTS, WEIGHTS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--half", action="store_true", help="store 16-bit numbers")
    given = parser.parse_args()
    card = zoo.read_card(given.run / RUN_CARD)
    weights = zoo.read_weights(given.run / RUN_WEIGHTS, card)
    if given.half:
        weights = {name: value.to(torch.float16) for name, value in weights.items()}
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            zoo.save_weights(weights, card, folder / RUN_WEIGHTS, folder / RUN_CARD)
            scores = recipes.evaluate(name)["scores"]
        card = msgspec.structs.replace(card, scores={name: round(value, 4) for name, value in scores.items()})
    card = msgspec.structs.replace(card, over_seeds=over_seeds(card.recipe))
    card = zoo.save_weights(weights, card, WEIGHTS / f"{card.name}.safetensors", WEIGHTS / f"{card.name}.json")
    print(f"{card.name}: {card.bytes:,} bytes, {card.scores}")


def over_seeds(recipe: str) -> OverSeeds | None:
    """What the race's record knows of a network's runs; None for one that is not in it."""
    racer = next((racer for racer in read_record().racers if racer.name == recipe), None)
    if racer is None or len(racer.finished) < 2:
        return None
    runs = [(run.seed, run.accuracy) for run in racer.runs if run.accuracy is not None]
    each = tuple(accuracy for _, accuracy in runs)
    mean, spread = round(statistics.mean(each), 4), round(statistics.stdev(each), 4)
    return OverSeeds(score="accuracy", seeds=tuple(seed for seed, _ in runs), each=each, mean=mean, spread=spread)


if __name__ == "__main__":
    main()
