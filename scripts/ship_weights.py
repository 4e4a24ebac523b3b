"""Put a finished run's weights where those stand that ship, with their card.

python scripts/ship_weights.py runs/lstm-moby --half   # stored in 16 bits; the scores are measured again with them
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import msgspec
import torch

from glasswork import recipes, zoo
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
    card = zoo.save_weights(weights, card, WEIGHTS / f"{card.name}.safetensors", WEIGHTS / f"{card.name}.json")
    print(f"{card.name}: {card.bytes:,} bytes, {card.scores}")


if __name__ == "__main__":
    main()
