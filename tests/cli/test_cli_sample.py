"""`glasswork sample`: what a distribution holds and what a run's generator makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional as F

from conftest import Call
from glasswork import recipes


def test_a_distribution_is_written_as_numbers_and_as_a_picture(call: Call, ask: Any, tmp_path: Path) -> None:
    told = ask("sample", "data:ring", "-n", 900, "--seed", 3, "-o", tmp_path / "ring.npy")
    points = np.load(tmp_path / "ring.npy")
    assert told["shape"] == list(points.shape) == [900, 2]
    assert told["first"] == points[:5].tolist()
    assert np.median(np.linalg.norm((points - [0.5, 0.45]) / [0.3, 0.25], axis=1)) == pytest.approx(1, abs=0.02)
    assert call("sample", "data:ring", "-n", 900, "-o", tmp_path / "ring.png").code == 0
    with Image.open(tmp_path / "ring.png") as shown:
        pixels = np.asarray(shown)
    assert pixels.min() == 0
    assert pixels[240:270, 240:270].min() == 255  # the middle is empty


def test_a_run_is_sampled_with_its_own_generator(ask: Any, tmp_path: Path) -> None:
    list(recipes.run("gan-ring", out=tmp_path / "run", steps=3, settings={"keep": 0}))
    ask("sample", tmp_path / "run", "-n", 50, "--seed", 7, "-o", tmp_path / "made.npy")
    weights = load_file(tmp_path / "run" / "model.safetensors")
    x = torch.randn(50, 8, generator=torch.Generator().manual_seed(7))
    for i in range(3):
        w, b = (weights[f"generator.hidden.{i}.linear.{part}"] for part in ("weight", "bias"))
        x = F.leaky_relu(x @ w.T + b, 0.2)
    x = x @ weights["generator.output.weight"].T + weights["generator.output.bias"]
    np.testing.assert_allclose(np.load(tmp_path / "made.npy"), x.double().numpy() / 4 + 0.5, atol=1e-6)


@pytest.mark.parametrize(("arguments", "code", "why"), [
    (["data:rings"], 1, "known: "),
    (["data:ring", "-n", "0"], 2, "it is 0"),
    (["data:ring", "-o", "ring.exe"], 2, ".npy"),
    (["data:ring", "--seed", "-1"], 2, "-1"),
    (["tiny-vgg-digits"], 1, "makes nothing"),
    (["data:ring", "-o", "/dev/null/all.npy"], 1, "can't be written"),
])  # fmt: skip
def test_what_cannot_be_sampled_says_why(call: Call, arguments: list[str], code: int, why: str) -> None:
    said = call("sample", *arguments)
    assert said.code == code
    assert why in said.err
