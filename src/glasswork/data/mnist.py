"""MNIST: 10,000 handwritten digits, of which 2,000 are held out (200 of each, by held_out.json)."""

from __future__ import annotations

import json

import numpy as np

from glasswork.data._dataset import Dataset
from glasswork.data._registry import source
from glasswork.data._shipped import parse_idx, read_shipped

DIGITS = tuple("0123456789")


@source(
    "mnist",
    what="handwritten digits, 28x28, white on black; 2,000 held out for all networks",
    classes=DIGITS,
    counts={"train": 8_000, "test": 2_000},
)
def mnist(split: str) -> Dataset:
    """Read the digits that training may see ("train"), or those it never sees ("test")."""
    pictures = parse_idx(read_shipped("mnist/images-idx3-ubyte.gz"), "mnist/images-idx3-ubyte.gz")
    labels = parse_idx(read_shipped("mnist/labels-idx1-ubyte.gz"), "mnist/labels-idx1-ubyte.gz")
    held_out = np.zeros(len(labels), bool)
    held_out[json.loads(read_shipped("mnist/held_out.json"))] = True
    (indices,) = np.nonzero(held_out == (split == "test"))
    return Dataset(
        name="mnist",
        split=split,
        pictures=pictures[indices, :, :, None],  # (N, 28, 28, 1)
        labels=labels[indices].astype(np.int64),
        classes=DIGITS,
        names=tuple(f"mnist-{i}" for i in indices),
        groups=tuple(f"mnist-{i}" for i in indices),
        light_on_dark=True,
    )
