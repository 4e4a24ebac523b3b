"""How far generators of points are from their data, by an estimator that shares nothing with ours but its grid."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from glasswork import zoo

COUNT = 12_000
MOST = {"line": 0.06, "gaussians": 0.06, "ring": 0.06, "disjoint": 0.09}
WORST = 0.12
AGREE = 0.01  # of two estimates of one generator, each with 12,000 points of its own


def glasswork(*arguments: str | Path | int) -> None:
    subprocess.run([sys.executable, "-m", "glasswork", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def sampled(target: str | Path, seed: int, path: Path) -> np.ndarray:
    glasswork("sample", target, "-n", COUNT, "--seed", seed, "-o", path)
    return np.load(path)


def separate_js(real: np.ndarray, made: np.ndarray) -> float:
    """Bits, on 30x30 cells over the real points' box widened by 5 % on each side, and one for what is outside."""
    low, high = real.min(0), real.max(0)
    edges = [np.linspace(a - 0.05 * (b - a), b + 0.05 * (b - a), 31) for a, b in zip(low, high, strict=True)]
    shares = []
    for points in (real, made):
        inside, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=edges)
        shares.append(np.append(inside.ravel(), len(points) - inside.sum()) / len(points))

    def entropy(share: np.ndarray) -> float:
        return float(-(share[share > 0] * np.log2(share[share > 0])).sum())

    return entropy((shares[0] + shares[1]) / 2) - (entropy(shares[0]) + entropy(shares[1])) / 2


@pytest.mark.slow
@pytest.mark.parametrize("name", MOST)
def test_what_ships_is_as_near_to_its_data_as_its_card_says(name: str, tmp_path: Path) -> None:
    card = zoo.load(f"gan-{name}").card
    assert card is not None
    real = sampled(f"data:{name}", 5, tmp_path / "real.npy")
    found = separate_js(real, sampled(f"gan-{name}", 6, tmp_path / "made.npy"))
    assert found == pytest.approx(card.scores["js_bits"], abs=AGREE)
    assert found <= MOST[name]
    floor = separate_js(real, sampled(f"data:{name}", 7, tmp_path / "other.npy"))
    assert floor == pytest.approx(card.scores["js_floor"], abs=AGREE / 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", MOST)
def test_a_minute_of_training_brings_every_seed_near(name: str, tmp_path: Path) -> None:
    found = []
    for seed in range(5):
        run = tmp_path / f"run-{seed}"
        glasswork("train", f"gan-{name}", "--seconds", 60, "--seed", seed, "--out", run)
        real = sampled(f"data:{name}", 100 + seed, tmp_path / "real.npy")
        found.append(separate_js(real, sampled(run, 200 + seed, tmp_path / "made.npy")))
    assert statistics.median(found) <= MOST[name], found
    assert max(found) <= WORST, found
