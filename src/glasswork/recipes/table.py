"""One's own table: `glasswork train table --data csv:FILE [--set target=COLUMN]`."""

from __future__ import annotations

from glasswork.recipes._registry import recipe
from glasswork.training import TableConfig


@recipe
def table() -> TableConfig:
    """A perceptron that tells one column from the others: a class or a number."""
    return TableConfig(
        title="Perceptron on a table",
        network="perceptron",
        sizes={
            "inputs": 1,
            "width": 64,
            "depth": 2,
            "outputs": 1,
            "activation": "relu",
            "output_activation": "identity",
        },
        data="",
        licence="as the table",
        steps=2_000,
        batch=64,
        learning_rate=3e-3,
        weight_decay=0.02,
        average=0.99,
        clip=1.0,
        validation=500,
        evaluate_every=100,
        save_every=500,
    )
