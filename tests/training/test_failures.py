"""The page's presets that are there to fail: each failure is named in time, and none on those that are well."""

from __future__ import annotations

import json
import time
from pathlib import Path

import msgspec
import pytest

from glasswork.data.distributions import distribution
from glasswork.scenes.gan_settings import laboratory
from glasswork.scenes.messages.gan import LabOf

PRESETS = {
    one["key"]: (one["fails"], msgspec.convert(one["lab"], LabOf))
    for one in json.loads((Path(__file__).parents[2] / "frontend/src/pages/gan/presets.json").read_bytes())
}
SEEDS, ENOUGH, MOST = 20, 18, 1
SECONDS = 5.0  # of one core
EACH = 250


def named(lab: LabOf, seed: int, until: str) -> tuple[set[str], float]:
    """What is named within five seconds of training, and when what is waited for was."""
    made = laboratory(msgspec.structs.replace(lab, seed=seed), distribution(lab.data))
    began, found = time.process_time(), set[str]()
    while (passed := time.process_time() - began) < SECONDS:
        made.go(made.step + EACH)
        found |= {one.name for one in made.findings()}
        if until in found:
            return found, passed
    return found, SECONDS


@pytest.mark.parametrize("key", [key for key, (fails, _) in PRESETS.items() if fails in ("dead", "diverged")])
def test_what_breaks_at_once_is_named_at_once(key: str) -> None:
    fails, lab = PRESETS[key]
    assert fails in named(lab, 0, fails)[0]


@pytest.mark.slow
@pytest.mark.parametrize("key", [key for key, (fails, _) in PRESETS.items() if fails])
def test_a_failure_is_named_on_its_preset_in_nearly_every_seed(key: str) -> None:
    fails, lab = PRESETS[key]
    times = {seed: named(lab, seed, fails) for seed in range(SEEDS)}
    hits = [seed for seed, (found, _) in times.items() if fails in found]
    assert len(hits) >= ENOUGH, {seed: found for seed, (found, _) in times.items() if seed not in hits}


@pytest.mark.slow
def test_nothing_is_named_where_nothing_is_wrong() -> None:
    _, lab = PRESETS["eight"]
    found = {seed: named(lab, seed, "")[0] for seed in range(SEEDS)}
    assert sum(bool(one) for one in found.values()) <= MOST, found
